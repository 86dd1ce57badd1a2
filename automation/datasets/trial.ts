import * as path from "node:path";
import { ExpectationsFailed } from "../../layer/transform/expectations";
import type { Manifest } from "../../layer/manifest";
import type { Engine } from "../../layer/transform/engine";
import { csvToParquet, type PartitionFile } from "../../layer/transform/heavy";
import { recordsToCsv, type Staged } from "../../layer/transform/light";
import { expectationResults, type ExpectationResult } from "../../layer/transform/results";

/** What both stages make of one file. */
export interface Trial {
  /** The records as Stage A hands them over. */
  csv: string;
  /** Records that were read. */
  records: number;
  /** Rows that reach the table. */
  rows: number;
  quarantined: number;
  expectations: ExpectationResult[];
  /** Parquet files, one a partition. */
  files: PartitionFile[];
  /** Why expectations would have the object rejected; then there are no files. */
  rejected?: string;
}

/**
 * Lets both stages take a file with a manifest: the functions' own code, on this machine, without a lake.
 *
 * @param directory a folder of the engine's, where the files go
 * @param arrivedAt when the file came, which `freshness` is measured against
 * @throws Rejection whatever else a stage would reject it for
 */
export async function tryRecords(
  engine: Engine,
  directory: string,
  staged: Staged,
  manifest: Manifest,
  arrivedAt?: Date,
): Promise<Trial> {
  const csv = path.join(directory, "records.csv");
  const { rows: records } = await recordsToCsv(engine, staged, csv, manifest);
  const results = (rows: number, quarantined: number, broken: number[]) => ({
    ...{ csv, records, rows, quarantined },
    expectations: expectationResults(manifest, { stayed: rows, quarantined }, broken),
  });
  try {
    const { rows, quarantined, broken, files } = await csvToParquet(engine, csv, directory, manifest, arrivedAt);
    return { ...results(rows, quarantined, broken), files };
  } catch (error) {
    if (!(error instanceof ExpectationsFailed)) throw error;
    const { rows, quarantined, broken } = error.checked;
    return { ...results(rows, quarantined, broken), files: [], rejected: `${error.code}: ${error.message}` };
  }
}

import PQueue from "p-queue";
import { LayerError } from "../errors";
import { fileStem } from "../identity";
import { env } from "../config";
import type { HandedOver } from "../messages";
import { deleteFiles } from "../objects";
import { NULL_PARTITION, partitionPath, type PartitionValues } from "../transform/partitions";
import { copyFile, filesBelow, type StageFile } from "./copy";

/** Most files that an engine may write for one partition of an object: they have to fit into the state of an execution. */
export const FILES_PER_PARTITION = 8;

/** Files that are copied at the same time. */
const COPIES = 8;

/** Where what the engines of a batch read and write lies in the stage bucket; a lifecycle rule empties it. */
export function engineFolder({ team, dataset }: { team: string; dataset: string }): string {
  return `engines/${team}/${dataset}/`;
}

/** An object's files under their final names. */
export interface Adopted {
  files: string[];
  /** Values of the partition columns of each file. */
  partitions: PartitionValues[];
  bytes: number;
}

/**
 * Gives the Parquet files that an engine wrote below a folder, `[<column>=<value>/…]<any name>`, their final names in the
 * table's folder. Doing it again gives the same files. Until then nothing of them can be queried, and a failed try of the
 * engine leaves nothing behind in the table.
 *
 * @param columns names of the partition columns
 * @param most files that the object may have
 * @throws LayerError `EngineFilesUnexpected` when there are more, or a folder is not one of a partition
 */
export async function adopt(folder: string, item: HandedOver, columns: string[], most: number): Promise<Adopted> {
  const bucket = env("STAGE_BUCKET");
  const found = (await filesBelow(bucket, folder)).filter(({ key, size }) => size > 0 && !isMarker(key));
  if (found.length > most)
    throw new LayerError("EngineFilesUnexpected", `${found.length} files in ${folder}; ${most} are what fits a batch`);
  const named = finalNames(item, byPartition(folder, found, columns));
  const queue = new PQueue({ concurrency: COPIES });
  try {
    await queue.addAll(
      named.map(
        ({ file, key }) =>
          () =>
            copyFile(bucket, file, key),
      ),
    );
  } catch (error) {
    queue.clear();
    await queue.onIdle();
    // Another try may give other files: half of these must not stay.
    await deleteFiles(
      bucket,
      named.map(({ key }) => key),
    );
    throw error;
  }
  return {
    files: named.map(({ key }) => key),
    partitions: named.map(({ values }) => values),
    bytes: found.reduce((sum, { size }) => sum + size, 0),
  };
}

function finalNames(item: HandedOver, partitions: Map<string, { values: PartitionValues; files: StageFile[] }>) {
  return [...partitions].flatMap(([path, { values, files }]) =>
    files.map((file, index) => {
      const number = files.length === 1 ? "" : `.${index}`;
      return { file, values, key: `post/${item.team}/${item.dataset}/${path}${fileStem(item)}${number}.parquet` };
    }),
  );
}

/** Puts the only file below a folder under another name; false when there is none. */
export async function adoptOne(folder: string, key: string): Promise<boolean> {
  const bucket = env("STAGE_BUCKET");
  const found = (await filesBelow(bucket, folder)).filter((file) => file.size > 0 && !isMarker(file.key));
  if (found.length > 1)
    throw new LayerError("EngineFilesUnexpected", `${found.length} files in ${folder}, where one was expected`);
  for (const file of found) await copyFile(bucket, file, key);
  return found.length === 1;
}

/**
 * Checks that an engine has written something where it counted rows. What it wrote stays until a lifecycle rule deletes it: a
 * function that is called again after it had answered has to find the same.
 *
 * @throws LayerError `EngineFilesUnexpected`
 */
export function requireFiles(files: string[], rows: number, folder: string): void {
  if (rows > 0 && files.length === 0)
    throw new LayerError("EngineFilesUnexpected", `${rows} rows, but no file in ${folder}`);
}

/** What Hadoop leaves beside the data: `_SUCCESS`, `.part-0.crc`, `rows_$folder$`. */
function isMarker(key: string): boolean {
  return /^[._]|_\$folder\$$/.test(key.slice(key.lastIndexOf("/") + 1));
}

function byPartition(
  folder: string,
  found: StageFile[],
  columns: string[],
): Map<string, { values: PartitionValues; files: StageFile[] }> {
  const partitions = new Map<string, { values: PartitionValues; files: StageFile[] }>();
  for (const file of found) {
    const values = valuesOf(file.key.slice(folder.length), columns);
    const path = partitionPath(columns, values);
    const known = partitions.get(path) ?? { values, files: [] };
    partitions.set(path, { values, files: [...known.files, file] });
  }
  return partitions;
}

/** Values in a path such as `fall=Fell/year=1880/part-0.parquet`, as Hive writes it. */
function valuesOf(path: string, columns: string[]): PartitionValues {
  const folders = path.split("/").slice(0, -1);
  const named = folders.every((part, index) => part.startsWith(`${columns[index]}=`));
  if (folders.length !== columns.length || !named)
    throw new LayerError(
      "EngineFilesUnexpected",
      `${path} is not in a folder of ${columns.join(", ") || "no partition"}`,
    );
  return folders.map((part, index) => unescaped(part.slice((columns[index] as string).length + 1)));
}

function unescaped(value: string): string | null {
  if (value === NULL_PARTITION) return null;
  return value.replace(/%([0-9A-Fa-f]{2})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
}

import { Rejection } from "../../layer/errors";
import type { CsvSettings, InputColumn } from "../../layer/manifest-schema";
import { EVOLUTION } from "../../layer/manifest/schema";
import { engineError, type Engine } from "../../layer/transform/engine";
import { parquetRejection } from "../../layer/transform/formats/parquet";
import { recordsToCsv, type Staged } from "../../layer/transform/light";
import { readFields, type Fields } from "./fields";
import { columnNames } from "./names";

/** Input of a manifest that takes all records of a sample. */
export interface Inferred {
  format: "json" | "csv" | "parquet";
  csv?: CsvSettings;
  columns: InputColumn[];
  /** Records of the sample. */
  rows: number;
  /** Columns whose text is a date in another form than ISO 8601, and what the transform has to read it by. */
  dates: Record<string, ReadDate>;
  /** Sentences about what was decided against DuckDB's inference, and what cannot become a column. */
  notes: string[];
}

/** How the transform reads a date from text. */
export interface ReadDate {
  type: "date" | "timestamp";
  /** As `strptime` takes it. */
  format: string;
}

/** Most columns that a manifest takes. */
const MOST = 1_000;

const LIMITS = { objectSize: "256 MB", partitionsPerObject: 20 };
const DEFAULT_CSV = { header: true, quote: '"' };

/**
 * Infers the input of a manifest from a sample. DuckDB says what there is; Stage A itself then reads the sample with it, and a
 * column whose values do not all fit becomes `string`.
 *
 * @throws Rejection when the sample is none of the formats, or damaged
 */
export async function infer(engine: Engine, sample: Staged, output: string): Promise<Inferred> {
  if (sample.shape === "object" || sample.shape === "array") await checkJson(engine, sample, output);
  const found = await engine.connected(async (connection) => {
    try {
      return await readFields(connection, sample);
    } catch (error) {
      const parquet = sample.shape === "parquet" && parquetRejection(String((error as Error).message));
      if (/expected records/.test(String(error))) throw new Rejection("NotRecords", "its records have no fields");
      throw parquet || engineError(error, "the sample");
    }
  });
  if (found.fields.length === 0) throw new Rejection("NotRecords", "no record has a field with a name");
  if (found.fields.length > MOST)
    throw new Rejection("NotRecords", `${found.fields.length} fields; a manifest takes ${MOST}`);
  const names = columnNames(found.fields.map(({ name }) => name));
  const columns = found.fields.map((field, index) => column(names[index] as string, field.name, field.column));
  const notes = [...found.notes];
  const dates: Record<string, ReadDate> = {};
  const rows = await fitted(engine, sample, output, { found, columns, notes, dates });
  const { format, csv } = found;
  return { format, ...(csv ? { csv } : {}), columns, rows, dates, notes };
}

/** Stage A knows better than DuckDB to say what is wrong with JSON. */
async function checkJson(engine: Engine, sample: Staged, output: string): Promise<void> {
  const columns = [{ name: "any", type: "string" }];
  const input = { format: "json" as const, csv: DEFAULT_CSV, columns };
  const { rows } = await recordsToCsv(engine, sample, output, { input, limits: LIMITS, evolution: EVOLUTION });
  if (rows === 0) throw new Rejection("NotRecords", "there are no records in it");
}

function column(name: string, field: string, type: string): InputColumn {
  return { name, type, ...(field === name ? {} : { field }) };
}

function manifestOf(found: Fields, columns: InputColumn[]) {
  return {
    input: { format: found.format, csv: found.csv ?? DEFAULT_CSV, columns },
    limits: LIMITS,
    evolution: EVOLUTION,
  };
}

/** Lets Stage A read the sample until all columns fit; there is an end, because text always does. */
async function fitted(
  engine: Engine,
  sample: Staged,
  output: string,
  { found, columns, notes, dates }: Pick<Inferred, "columns" | "notes" | "dates"> & { found: Fields },
): Promise<number> {
  for (;;) {
    try {
      return (await recordsToCsv(engine, sample, output, manifestOf(found, columns))).rows;
    } catch (error) {
      const misfit = error instanceof Rejection ? /^column (\w+) takes (\S+), not (.*)/.exec(error.message) : null;
      const one = columns.find(({ name }) => name === misfit?.[1]);
      if (!misfit || !one || one.type === "string") throw error;
      const format = one.type === "date" || one.type === "timestamp" ? found.dates?.[one.type] : undefined;
      if (format !== undefined) dates[one.name] = { type: one.type as ReadDate["type"], format };
      one.type = "string";
      notes.push(
        `${one.name}: ${format === undefined ? "string" : `read by ${format}`}, because ${misfit[3]} is no ${misfit[2]}`,
      );
    }
  }
}

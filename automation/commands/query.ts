import { createWriteStream, type WriteStream } from "node:fs";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { finished } from "node:stream/promises";
import { csvHead, csvRow } from "../cli/render/csv";
import { table } from "../cli/render/table";
import { megabytes } from "../cli/render/text";
import type { Values } from "../cli/specification";
import { messageOf, userError } from "../errors";
import { step, type Progress } from "../events";
import { withLake, type Lake } from "../lake/connect";
import { withParameters } from "../lake/parameters";
import { query, queryPages, type QueryStatistics } from "../lake/query";
import { findEnvironment } from "../stacks/environments";
import type { CommandContext, Outcome } from "./context";

const forms = ["table", "csv", "json"] as const;
type Form = (typeof forms)[number];

/** `tributary query <env> <sql>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environment = findEnvironment(context.root, String(values.env));
  const form = formOf(values.output);
  const sql = withParameters(await sqlOf(values), (values.param as string[] | undefined) ?? []);
  const out = typeof values.out === "string" ? values.out : undefined;
  return withLake(context.root, environment, (lake) =>
    step(context.sink, "Query", async (progress) => {
      if (out !== undefined) return toFile(lake, sql, { out, form, progress, signal: context.signal });
      const { columns, rows, statistics } = await query(lake, sql, context.signal);
      const document = { columns, rows, statistics };
      if (form === "csv")
        return { document, text: csvHead(columns) + rows.map((row) => csvRow(columns, row)).join("") };
      if (form === "json") return { document, text: `${JSON.stringify(rows)}\n` };
      return { document, text: `${table(columns, rows)}\n${count(rows.length)}, ${told(statistics)}\n` };
    }),
  );
}

function formOf(value: unknown): Form {
  const found = forms.find((form) => form === (value ?? "table"));
  if (found) return found;
  throw userError("OutputInvalid", `--output: found ${JSON.stringify(value)}; allowed: ${forms.join(", ")}`);
}

async function sqlOf({ sql, file }: Values): Promise<string> {
  if ((sql === undefined) === (file === undefined)) {
    const found = sql === undefined ? "neither SQL nor --file" : "SQL and --file";
    throw userError("WrongUsage", `found ${found}; allowed: one of both`, "tributary query --help");
  }
  if (file === undefined) return String(sql);
  try {
    return await readFile(String(file), "utf8");
  } catch (error) {
    throw userError(
      "FileMissing",
      `${String(file)} cannot be read: ${messageOf(error)}`,
      "name a file with one SELECT statement",
    );
  }
}

interface FileOptions {
  out: string;
  form: Form;
  progress: Progress;
  signal: AbortSignal;
}

/** Row by row: a result of any size takes the memory of a page. */
async function toFile(lake: Lake, sql: string, { out, form, progress, signal }: FileOptions): Promise<Outcome> {
  let columns: string[] = [];
  let rows = 0;
  let file: WriteStream | undefined;
  let statistics: QueryStatistics | undefined;
  for await (const page of queryPages(lake, sql, signal)) {
    // Not before the query has succeeded: a mistake in it must not cost the file's old content.
    file ??= await opened(out);
    if (rows === 0 && columns.length === 0 && form !== "json") await write(file, csvHead(page.columns));
    ({ columns, statistics } = page);
    const line = (row: (typeof page.rows)[number]) =>
      form === "json" ? `${JSON.stringify(row)}\n` : csvRow(columns, row);
    await write(file, page.rows.map(line).join(""));
    rows += page.rows.length;
    progress(count(rows));
  }
  file?.end();
  if (file) await finished(file);
  const text = `${count(rows)} in ${out}, ${told(statistics as QueryStatistics)}\n`;
  return { document: { columns, out, rowCount: rows, statistics }, text };
}

async function opened(out: string): Promise<WriteStream> {
  const file = createWriteStream(out);
  try {
    await once(file, "open");
    return file;
  } catch (error) {
    throw userError(
      "FileUnwritable",
      `${out} cannot be written: ${messageOf(error)}`,
      "name a file in a folder that is there",
    );
  }
}

async function write(file: WriteStream, text: string): Promise<void> {
  if (text !== "" && !file.write(text)) await once(file, "drain");
}

function count(rows: number): string {
  return rows === 1 ? "1 row" : `${rows} rows`;
}

function told({ bytesScanned, milliseconds, cost }: QueryStatistics): string {
  const price = cost === undefined ? "" : `, ${cost < 0.01 ? "less than 0.01" : cost.toFixed(2)} USD`;
  return `${megabytes(bytesScanned)} scanned in ${(milliseconds / 1000).toFixed(1)} s${price}`;
}

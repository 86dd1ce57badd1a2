import { setTimeout as sleep } from "node:timers/promises";
import {
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  StartQueryExecutionCommand,
  StopQueryExecutionCommand,
} from "@aws-sdk/client-athena";
import type { ColumnInfo, Datum, Row } from "@aws-sdk/client-athena";
import { TributaryError, userError } from "../errors";
import type { Lake } from "./connect";

/** A cell of a result: text, a number, true or false, or null. */
export type Cell = string | number | boolean | null;

/** The answer to a query. */
export interface QueryResult {
  /** In the order of the select list. Athena may name two alike; then a row keeps the last. */
  columns: string[];
  rows: Record<string, Cell>[];
}

/** Milliseconds between two looks at a running query; grows from the first to the second. */
const pauses = { first: 30, longest: 1_000 };

/**
 * Runs SQL in the lake's workgroup and waits for its result.
 *
 * @throws TributaryError `QueryFailed` (a user error) with Athena's reason
 */
export async function query(lake: Lake, sql: string, signal?: AbortSignal): Promise<QueryResult> {
  const id = await start(lake, sql);
  try {
    await finished(lake, id, sql, signal);
  } catch (error) {
    if (signal?.aborted)
      await lake.athena.send(new StopQueryExecutionCommand({ QueryExecutionId: id })).catch(() => undefined);
    throw error;
  }
  return readResult(lake, id);
}

async function start(lake: Lake, sql: string): Promise<string> {
  try {
    const { QueryExecutionId } = await lake.athena.send(
      new StartQueryExecutionCommand({
        QueryString: sql,
        QueryExecutionContext: { Database: lake.outputs.database },
        WorkGroup: lake.outputs.workgroup,
      }),
    );
    return QueryExecutionId ?? "";
  } catch (error) {
    if (error instanceof Error && error.name === "InvalidRequestException") throw queryFailed(sql, error.message);
    throw error;
  }
}

async function finished(lake: Lake, id: string, sql: string, signal: AbortSignal | undefined): Promise<void> {
  for (let pause = pauses.first; ; pause = Math.min(pauses.longest, pause * 1.5)) {
    const { QueryExecution } = await lake.athena.send(new GetQueryExecutionCommand({ QueryExecutionId: id }));
    const { State, StateChangeReason } = QueryExecution?.Status ?? {};
    if (State === "SUCCEEDED") return;
    if (State === "FAILED") throw queryFailed(sql, StateChangeReason ?? "no reason was given");
    if (State === "CANCELLED") {
      throw new TributaryError(`the query was cancelled: ${StateChangeReason ?? "no reason was given"}`, {
        code: "QueryCancelled",
        source: "cloud",
      });
    }
    await sleep(pause, undefined, { signal });
  }
}

async function readResult(lake: Lake, id: string): Promise<QueryResult> {
  let columns: ColumnInfo[] = [];
  const rows: Row[] = [];
  let NextToken: string | undefined;
  do {
    const page = await lake.athena.send(
      new GetQueryResultsCommand({ QueryExecutionId: id, NextToken, MaxResults: 1000 }),
    );
    columns = page.ResultSet?.ResultSetMetadata?.ColumnInfo ?? columns;
    rows.push(...(page.ResultSet?.Rows ?? []));
    NextToken = page.NextToken;
  } while (NextToken);
  return toResult(columns, rows);
}

/** Athena's result as typed rows. Its first row repeats the column names for a SELECT. */
export function toResult(columns: ColumnInfo[], rows: Row[]): QueryResult {
  const names = columns.map(({ Name }) => Name ?? "");
  const first = rows[0]?.Data?.map(({ VarCharValue }) => VarCharValue ?? "");
  const header =
    first !== undefined && first.length === names.length && first.every((text, index) => text === names[index]);
  const body = header ? rows.slice(1) : rows;
  const toRow = ({ Data }: Row) =>
    Object.fromEntries(names.map((name, index) => [name, toCell(columns[index], Data?.[index])]));
  return { columns: names, rows: body.map(toRow) };
}

/** A cell in the type of its column; a whole number that a double cannot hold stays text. */
export function toCell(column: ColumnInfo | undefined, datum: Datum | undefined): Cell {
  const text = datum?.VarCharValue;
  if (text === undefined) return null;
  const type = (column?.Type ?? "varchar").toLowerCase().replace(/\(.*$/, "");
  if (type === "boolean") return text === "true";
  if (["tinyint", "smallint", "integer", "int", "bigint", "hugeint"].includes(type)) {
    const value = Number(text);
    return text.trim() !== "" && Number.isSafeInteger(value) ? value : text;
  }
  if (["double", "float", "real", "decimal"].includes(type)) {
    const value = Number(text);
    return text.trim() !== "" && Number.isFinite(value) ? value : text;
  }
  return text;
}

function queryFailed(sql: string, reason: string): TributaryError {
  return userError(
    "QueryFailed",
    `the query failed: ${reason.trim()} (in: ${sql.trim().slice(0, 200)})`,
    "mend the SQL; tributary status lists the tables",
  );
}

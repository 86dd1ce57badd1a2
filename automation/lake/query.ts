import { setTimeout as sleep } from "node:timers/promises";
import {
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  StartQueryExecutionCommand,
  StopQueryExecutionCommand,
} from "@aws-sdk/client-athena";
import type {
  ColumnInfo,
  Datum,
  GetQueryResultsCommandOutput,
  QueryExecutionStatistics,
  Row,
} from "@aws-sdk/client-athena";
import { PRICES } from "../../layer/prices";
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

/** What a query took. */
export interface QueryStatistics {
  /** Athena's name of the run. */
  id: string;
  /** Bytes that were read; on the local AWS not a real figure. */
  bytesScanned: number;
  milliseconds: number;
  /** USD that Athena asks for it: by bytes, at least 10 MB. None for the local AWS. */
  cost?: number;
}

/** A part of an answer: at most a thousand rows, in their order. */
export interface QueryPage extends QueryResult {
  statistics: QueryStatistics;
}

/** Fewest bytes that a query is billed for. */
const LEAST_BILLED = 10 * 1024 ** 2;

/** Milliseconds between two looks at a running query; grows from the first to the second. */
const pauses = { first: 30, longest: 1_000 };

/**
 * Runs SQL in the lake's workgroup and waits for its result, which is held in memory; `queryPages` does not.
 *
 * @throws TributaryError `QueryFailed` (a user error) with Athena's reason, `QueryCancelled`
 */
export async function query(
  lake: Lake,
  sql: string,
  signal?: AbortSignal,
): Promise<QueryResult & { statistics: QueryStatistics }> {
  let result: QueryPage | undefined;
  for await (const page of queryPages(lake, sql, signal)) {
    if (result) result.rows.push(...page.rows);
    else result = page;
  }
  return result as QueryPage;
}

/**
 * Runs SQL in the lake's workgroup, waits for its end, and gives its result page by page; the first page comes even without rows.
 * An abort cancels the query, so that it reads no more.
 *
 * @throws TributaryError `QueryFailed` (a user error) with Athena's reason, `QueryCancelled`
 */
export async function* queryPages(lake: Lake, sql: string, signal?: AbortSignal): AsyncGenerator<QueryPage> {
  const id = await start(lake, sql);
  let statistics: QueryStatistics;
  try {
    statistics = await finished(lake, id, sql, signal);
  } catch (error) {
    if (signal?.aborted)
      await lake.athena.send(new StopQueryExecutionCommand({ QueryExecutionId: id })).catch(() => undefined);
    throw error;
  }
  let columns: ColumnInfo[] = [];
  let NextToken: string | undefined;
  for (let first = true; first || NextToken !== undefined; first = false) {
    signal?.throwIfAborted();
    const page: GetQueryResultsCommandOutput = await lake.athena.send(
      new GetQueryResultsCommand({ QueryExecutionId: id, NextToken, MaxResults: 1000 }),
    );
    columns = page.ResultSet?.ResultSetMetadata?.ColumnInfo ?? columns;
    yield { ...toResult(columns, page.ResultSet?.Rows ?? [], first), statistics };
    NextToken = page.NextToken;
  }
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

async function finished(
  lake: Lake,
  id: string,
  sql: string,
  signal: AbortSignal | undefined,
): Promise<QueryStatistics> {
  for (let pause = pauses.first; ; pause = Math.min(pauses.longest, pause * 1.5)) {
    const { QueryExecution } = await lake.athena.send(new GetQueryExecutionCommand({ QueryExecutionId: id }));
    const { State, StateChangeReason } = QueryExecution?.Status ?? {};
    if (State === "SUCCEEDED") return statisticsOf(lake, id, QueryExecution?.Statistics);
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

function statisticsOf(lake: Lake, id: string, found: QueryExecutionStatistics | undefined): QueryStatistics {
  const bytesScanned = found?.DataScannedInBytes ?? 0;
  const milliseconds = found?.TotalExecutionTimeInMillis ?? found?.EngineExecutionTimeInMillis ?? 0;
  const cost = bytesScanned === 0 ? 0 : Math.max(bytesScanned, LEAST_BILLED) * PRICES.athenaByte;
  return { id, bytesScanned, milliseconds, ...(!lake.local && { cost }) };
}

/**
 * Athena's result as typed rows. The first row of its first page repeats the column names for a SELECT.
 *
 * @param first whether it is the first page
 */
export function toResult(columns: ColumnInfo[], rows: Row[], first = true): QueryResult {
  const names = columns.map(({ Name }) => Name ?? "");
  const top = first ? rows[0]?.Data?.map(({ VarCharValue }) => VarCharValue ?? "") : undefined;
  const header = top !== undefined && top.length === names.length && top.every((text, index) => text === names[index]);
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

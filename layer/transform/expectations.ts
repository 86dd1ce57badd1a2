import type { DuckDBConnection } from "@duckdb/node-api";
import { Rejection } from "../errors";
import { durationInSeconds, expectationName, type Expectation } from "../manifest/expectations";
import { identifier, literal, textExpression } from "./sql";

/** What a check found. */
export interface Checked {
  /** Rows that stay in the table. */
  rows: number;
  /** Rows that were moved into the table `quarantined`. */
  quarantined: number;
  /** How many rows break each expectation, in the manifest's order; 1 where it is about the object and does not hold. */
  broken: number[];
  /** Sentences about expectations that do not hold and reject nothing. */
  warnings: string[];
}

/** An object is rejected for its expectations. */
export class ExpectationsFailed extends Rejection {
  constructor(
    code: "ExpectationFailed",
    message: string,
    readonly checked: Omit<Checked, "warnings">,
  ) {
    super(code, message);
  }
}

/** Name of the table that {@link check} moves bad rows to: the columns of the checked one, and `_reasons`. */
export const QUARANTINED = "quarantined";

/** Column with the names of the expectations that a quarantined row breaks. */
export const REASONS = "_reasons";

/**
 * Checks all expectations of a table. Those with rule `quarantine` come first, and rows that break them leave the table; all
 * others are asked of the rows that stay.
 *
 * @param table a table of the connection
 * @param arrivedAt when the object came: what `freshness` is measured against, so that doing it again gives the same
 * @throws Rejection `ExpectationFailed`, with every expectation that failed and how many rows broke it; `TransformInvalid`
 * when one cannot be asked
 */
export async function check(
  connection: DuckDBConnection,
  table: string,
  expectations: Expectation[],
  arrivedAt: Date,
): Promise<Checked> {
  const all = await count(connection, table, expectations, arrivedAt);
  const isBad = (expected: Expectation, index: number) =>
    expected.rule === "quarantine" && (all.broken[index] as number) > 0;
  const bad = expectations.filter(isBad);
  const quarantined = bad.length === 0 ? 0 : await move(connection, table, bad);
  const others = expectations.filter(({ rule }) => rule !== "quarantine");
  const later = bad.length === 0 ? undefined : await count(connection, table, others, arrivedAt);
  const rows = all.rows - quarantined;
  const broken = expectations.map((expected, index) =>
    later && expected.rule !== "quarantine" ? later.broken[others.indexOf(expected)] : all.broken[index],
  ) as number[];
  const found = { rows, quarantined, broken };
  const sentences = (wanted: (rule: string) => boolean) =>
    expectations.flatMap((expected, index) => {
      const of = expected.rule === "quarantine" ? all.rows : rows;
      return wanted(expected.rule) && (broken[index] as number) > 0
        ? [sentence(expected, broken[index] as number, of)]
        : [];
    });
  const failed = sentences((rule) => rule === "fail");
  if (failed.length > 0) throw new ExpectationsFailed("ExpectationFailed", failed.join("; "), found);
  return { ...found, warnings: sentences((rule) => rule !== "fail") };
}

/** Counts what breaks the expectations, all in one pass. */
async function count(
  connection: DuckDBConnection,
  table: string,
  expectations: Expectation[],
  arrivedAt: Date,
): Promise<{ rows: number; broken: number[] }> {
  const counts = expectations.map((expected, index) => `${violations(expected, arrivedAt)} AS e${index}`);
  const query = `SELECT ${["count(*) AS all_rows", ...counts].join(", ")} FROM ${identifier(table)}`;
  const [row] = (await asking(expectations, () => connection.runAndReadAll(query))).getRows();
  const [rows = 0, ...broken] = (row ?? []).map(Number);
  return { rows, broken };
}

/** Moves rows that break one of the expectations out of the table, each with its reasons. */
async function move(connection: DuckDBConnection, table: string, expectations: Expectation[]): Promise<number> {
  const place = identifier(table);
  const reasons = expectations.map(
    (expected) => `CASE WHEN ${breaks(expected)} THEN ${textExpression(expectationName(expected))} END`,
  );
  const judged = `SELECT rowid AS place, concat_ws('; ', ${reasons.join(", ")}) AS reasons FROM ${place}`;
  await connection.run(`CREATE TEMP TABLE broken AS SELECT * FROM (${judged}) WHERE reasons <> ''`);
  await connection.run(
    `CREATE TEMP TABLE ${QUARANTINED} AS SELECT rows.*, broken.reasons AS ${REASONS} FROM ${place} AS rows JOIN broken ON rows.rowid = broken.place ORDER BY broken.place`,
  );
  await connection.run(`DELETE FROM ${place} WHERE rowid IN (SELECT place FROM broken)`);
  const [[moved]] = (await connection.runAndReadAll(`SELECT count(*) FROM broken`)).getRows() as [[bigint]];
  return Number(moved);
}

/** The SQL is the manifest's: what DuckDB does not take of it is no fault of the data. */
async function asking<T>(expectations: Expectation[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const message = String((error as Error).message).split("\n")[0] as string;
    const own = expectations.some(({ check: kind }) => kind === "sql" || kind === "regex");
    if (!own || !/^(Binder|Parser|Catalog|Syntax|Permission|Not implemented|Invalid Input) Error/.test(message))
      throw error;
    throw new Rejection("TransformInvalid", `the expectations: ${message}`);
  }
}

/** SQL: how many rows break it. */
function violations(expected: Expectation, arrivedAt: Date): string {
  switch (expected.check) {
    case "rows":
      return `CASE WHEN count(*) BETWEEN ${expected.min ?? 0} AND ${expected.max ?? Number.MAX_SAFE_INTEGER} THEN 0 ELSE 1 END`;
    case "freshness": {
      const oldest = new Date(arrivedAt.getTime() - durationInSeconds(expected.maxAge) * 1000).toISOString();
      const stale = `max(${identifier(expected.column)}) < CAST(${literal(oldest)} AS TIMESTAMP)`;
      return `CASE WHEN count(*) > 0 AND coalesce(${stale}, true) THEN 1 ELSE 0 END`;
    }
    case "not_null":
      return `count(*) - count(${identifier(expected.column)})`;
    case "unique":
      return `count(${identifier(expected.column)}) - count(DISTINCT ${identifier(expected.column)})`;
    default:
      return `count(*) FILTER (WHERE ${breaks(expected)})`;
  }
}

/** SQL: whether a row breaks it; of values that come more than once, all but the first do. */
function breaks(expected: Expectation): string {
  switch (expected.check) {
    case "not_null":
      return `${identifier(expected.column)} IS NULL`;
    case "unique": {
      const column = identifier(expected.column);
      return `(${column} IS NOT NULL AND row_number() OVER (PARTITION BY ${column} ORDER BY rowid) > 1)`;
    }
    case "regex":
      return `NOT regexp_full_match(CAST(${identifier(expected.column)} AS VARCHAR), ${textExpression(expected.pattern)})`;
    case "sql":
      // On lines of its own: it may end with a comment.
      return `NOT CAST((\n${expected.expression}\n) AS BOOLEAN)`;
    case "range": {
      const column = identifier(expected.column);
      const { min, max } = expected;
      const bounds = [
        ...(min === undefined ? [] : [`${column} < ${min}`]),
        ...(max === undefined ? [] : [`${column} > ${max}`]),
      ];
      return `(${bounds.join(" OR ")})`;
    }
    default:
      return "false";
  }
}

function sentence(expected: Expectation, broken: number, rows: number): string {
  const of = `${broken} of ${rows} rows`;
  switch (expected.check) {
    case "rows":
      return `rows: ${rows}, expected ${bounds(expected.min, expected.max)}`;
    case "not_null":
      return `${expected.column} is NULL in ${of}`;
    case "unique":
      return `${expected.column} repeats a value in ${of}`;
    case "range":
      return `${expected.column} is outside ${expected.min ?? "-∞"} to ${expected.max ?? "∞"} in ${of}`;
    case "regex":
      return `${expected.column} does not match ${expected.pattern} in ${of}`;
    case "sql":
      return `${expected.name} does not hold in ${of}`;
    case "freshness":
      return `${expected.column} has no value of the ${expected.maxAge} before the object came`;
  }
}

function bounds(min: number | undefined, max: number | undefined): string {
  const parts = [...(min === undefined ? [] : [`at least ${min}`]), ...(max === undefined ? [] : [`at most ${max}`])];
  return parts.join(" and ");
}

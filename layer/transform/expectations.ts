import type { DuckDBConnection } from "@duckdb/node-api";
import { Rejection } from "../errors";
import type { Expectation } from "../manifest-schema";
import { identifier } from "./sql";

/** Rows of a table, and what is to be expected of them but does not hold. */
export interface Checked {
  rows: number;
  /** Sentences about expectations whose rule is `warn`. */
  warnings: string[];
}

/**
 * Checks all expectations in one pass over a table.
 *
 * @param table a table of the connection
 * @throws Rejection `ExpectationFailed`, with every expectation that failed and how many rows broke it
 */
export async function check(
  connection: DuckDBConnection,
  table: string,
  expectations: Expectation[],
): Promise<Checked> {
  const counts = expectations.map((expected, index) => `${violations(expected)} AS e${index}`);
  const query = `SELECT ${["count(*) AS all_rows", ...counts].join(", ")} FROM ${identifier(table)}`;
  const [row] = (await connection.runAndReadAll(query)).getRows();
  const [rows = 0, ...broken] = (row ?? []).map(Number);
  const sentences = (rule: "fail" | "warn") =>
    expectations.flatMap((expected, index) =>
      expected.rule === rule && (broken[index] as number) > 0
        ? [sentence(expected, broken[index] as number, rows)]
        : [],
    );
  const failed = sentences("fail");
  if (failed.length > 0) throw new Rejection("ExpectationFailed", failed.join("; "));
  return { rows, warnings: sentences("warn") };
}

function violations(expected: Expectation): string {
  if (expected.check === "rows") return `greatest(0, ${expected.min} - count(*))`;
  const column = identifier(expected.column);
  if (expected.check === "not_null") return `count(*) - count(${column})`;
  if (expected.check === "unique") return `count(${column}) - count(DISTINCT ${column})`;
  const bounds = [
    ...(expected.min === undefined ? [] : [`${column} < ${expected.min}`]),
    ...(expected.max === undefined ? [] : [`${column} > ${expected.max}`]),
  ];
  return `count(*) FILTER (WHERE ${bounds.join(" OR ")})`;
}

function sentence(expected: Expectation, broken: number, rows: number): string {
  const of = `${broken} of ${rows} rows`;
  switch (expected.check) {
    case "rows":
      return `rows: ${rows}, expected at least ${expected.min}`;
    case "not_null":
      return `${expected.column} is NULL in ${of}`;
    case "unique":
      return `${expected.column} repeats a value in ${of}`;
    case "range":
      return `${expected.column} is outside ${expected.min ?? "-∞"} to ${expected.max ?? "∞"} in ${of}`;
  }
}

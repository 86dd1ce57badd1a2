import { z } from "zod";
import type { Problem } from "./schema";
import { identifier } from "./types";

const DURATION = /^([1-9]\d{0,4}) (minute|hour|day)s?$/;
const SECONDS = { minute: 60, hour: 3_600, day: 86_400 } as const;

const column = identifier.describe("An output column.");
const forRows = z
  .enum(["fail", "quarantine", "warn"])
  .describe(
    "`fail` rejects the object, `quarantine` puts the rows that break it below quarantine/ and takes the others, `warn` only records it.",
  );
const forObjects = z.enum(["fail", "warn"]).describe("`fail` rejects the object, `warn` only records it.");
const kind = <T extends string>(value: T, text: string) => z.literal(value).describe(text);

const range = z
  .strictObject({
    check: kind("range", "No value is below `min` or above `max`; NULL is fine."),
    column,
    min: z.number().describe("Least value that is allowed.").optional(),
    max: z.number().describe("Greatest value that is allowed.").optional(),
    rule: forRows,
  })
  .refine((one) => one.min !== undefined || one.max !== undefined, "needs min, max or both")
  .refine((one) => (one.min ?? -Infinity) <= (one.max ?? Infinity), "min is above max");

const rows = z
  .strictObject({
    check: kind("rows", "The object has at least `min` and at most `max` rows."),
    min: z.int().min(0).describe("Least number of rows.").optional(),
    max: z.int().min(0).describe("Greatest number of rows.").optional(),
    rule: forObjects,
  })
  .refine((one) => one.min !== undefined || one.max !== undefined, "needs min, max or both")
  .refine((one) => (one.min ?? 0) <= (one.max ?? Infinity), "min is above max");

/** One expectation of a manifest. */
export const expectation = z.discriminatedUnion("check", [
  z.strictObject({ check: kind("not_null", "The column is never NULL."), column, rule: forRows }),
  z.strictObject({ check: kind("unique", "No value comes twice within the object."), column, rule: forRows }),
  range,
  z.strictObject({
    check: kind("regex", "The whole text of every value matches `pattern`; NULL is fine."),
    column,
    pattern: z.string().min(1).max(1_000).describe("A regular expression as RE2 takes it: no look-around."),
    rule: forRows,
  }),
  z.strictObject({
    check: kind("sql", "The expression is not false for any row; NULL is fine, as in a CHECK of SQL."),
    name: z.string().min(1).max(80).describe("What reports call it."),
    expression: z
      .string()
      .min(1)
      .max(4_000)
      .describe("A boolean expression over the output columns, DuckDB's dialect."),
    rule: forRows,
  }),
  rows,
  z.strictObject({
    check: kind("freshness", "The newest value is at most `maxAge` older than the object's arrival."),
    column,
    maxAge: z
      .string()
      .regex(DURATION, 'a whole number and minutes, hours or days, such as "2 days"')
      .describe("Greatest age."),
    rule: forObjects,
  }),
]);

/** One expectation on the rows of an object. */
export type Expectation = z.infer<typeof expectation>;

/** What reports call an expectation: `not_null(id)`, `rows`, `sql(name)`. */
export function expectationName(expected: Expectation): string {
  if (expected.check === "rows") return "rows";
  return `${expected.check}(${expected.check === "sql" ? expected.name : expected.column})`;
}

/** Seconds of a duration such as "2 days". The schema has checked the form. */
export function durationInSeconds(duration: string): number {
  const [, amount, unit] = DURATION.exec(duration) ?? [];
  return Number(amount) * SECONDS[unit as keyof typeof SECONDS];
}

/** Rules between `expectations` and `output.columns`. */
export function checkExpectations(
  manifest: { output: { columns: { name: string; type: string }[] }; expectations: Expectation[] },
  problem: Problem,
): void {
  const types = new Map(manifest.output.columns.map(({ name, type }) => [name, type]));
  manifest.expectations.forEach((expected, index) => {
    if (!("column" in expected)) return;
    const type = types.get(expected.column);
    const at = ["expectations", index, "column"];
    if (type === undefined) problem(at, `"${expected.column}" is no output column: ${[...types.keys()].join(", ")}`);
    else if (expected.check === "freshness" && type !== "date" && type !== "timestamp")
      problem(at, `is ${type}; freshness takes a date or a timestamp`);
    else if (expected.check === "range" && !/^(int|bigint|float|double|decimal\(.*)$/.test(type))
      problem(at, `is ${type}; a range takes a number`);
  });
}

import { z } from "zod";
import type { Problem } from "./schema";

const DAYS = /^([1-9]\d{0,4}) days?$/;

/** The manifest's `retention`. */
export const retentionSchema = z
  .string()
  .regex(DAYS, 'a whole number of days, such as "365 days"')
  .describe(
    "How long objects of the dataset, the rows made of them and their quarantine are kept; S3 deletes them. Default: for ever.",
  )
  .optional();

/** Days of a retention; the schema has checked the form. */
export function retentionDays(retention: string): number {
  return Number(DAYS.exec(retention)?.[1]);
}

/** Files of an Iceberg table are deleted by its own statements alone. */
export function checkRetention(
  { retention, output }: { retention?: string | undefined; output: { format?: string | undefined } },
  problem: Problem,
): void {
  if (retention !== undefined && output.format === "iceberg")
    problem(["retention"], "is for Parquet tables: rows of an Iceberg table are deleted by its own statements");
}

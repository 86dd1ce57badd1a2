import Table from "cli-table3";
import { oneLine } from "./text";

/** Longest text in a cell; what is longer is cut. Characters. */
const widest = 80;

/** Rows as a table with a head; numbers stand right. Nothing but a head where there are no rows. */
export function table(columns: string[], rows: Record<string, unknown>[]): string {
  const numeric = (column: string) =>
    rows.length > 0 && rows.every((row) => row[column] === null || typeof row[column] === "number");
  const made = new Table({
    head: columns.map(oneLine),
    colAligns: columns.map((column) => (numeric(column) ? "right" : "left")),
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) made.push(columns.map((column) => cell(row[column])));
  return made.toString();
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = oneLine(typeof value === "object" ? JSON.stringify(value) : String(value as string | number | boolean));
  const characters = [...text];
  return characters.length > widest ? `${characters.slice(0, widest - 1).join("")}…` : text;
}

/** The head of a CSV (RFC 4180, lines end with LF). */
export function csvHead(columns: readonly string[]): string {
  return `${columns.map(field).join(",")}\n`;
}

/** A row of a CSV: NULL is empty, an empty text is `""`. */
export function csvRow(columns: readonly string[], row: Readonly<Record<string, unknown>>): string {
  return `${columns.map((column) => field(row[column])).join(",")}\n`;
}

function field(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value as string | number | boolean);
  return text === "" || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

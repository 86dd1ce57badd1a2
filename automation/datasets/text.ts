import type { InputColumn } from "../../layer/manifest-schema";
import { literal, sqlType } from "../../layer/transform/sql";
import type { Inferred } from "./infer";
import { tableType } from "./types";

/** Longest line of a file that the formatter leaves as it is (characters). */
const WIDTH = 120;

/** What the text of a manifest is made from. */
export interface Skeleton {
  team: string;
  dataset: string;
  table: string;
  inferred: Pick<Inferred, "format" | "csv" | "columns"> & Partial<Pick<Inferred, "dates">>;
  /** Columns that are never NULL in the sample, and have no value twice. */
  keys?: string[];
}

/** The text of a new `manifest.yaml`, as the project's formatter would write it. */
export function manifestText(skeleton: Skeleton): string {
  const { team, dataset, table, inferred, keys = [] } = skeleton;
  const output = inferred.columns.map(({ name, type }) => ({ name, type: outputType(name, type, inferred.dates) }));
  return [
    "# yaml-language-server: $schema=../../manifest.schema.json",
    `team: ${plain(team)}`,
    `dataset: ${plain(dataset)}`,
    `description: One row for each record of ${team}/${dataset}.`,
    `table: ${plain(table)}`,
    "",
    ...inputLines(inferred),
    "",
    "transform: transform.sql",
    "",
    "output:",
    "  columns:",
    ...output.flatMap(({ name, type }) => entry(columnPairs(name, type))),
    ...partitionLines(output),
    "",
    "# What must hold for the rows of each object; docs/datasets.md has all checks.",
    "expectations:",
    "  - { check: rows, min: 1, rule: warn }",
    ...keys.flatMap((key) => [
      `  - { check: not_null, column: ${plain(key)}, rule: warn }`,
      `  - { check: unique, column: ${plain(key)}, rule: warn }`,
    ]),
    "",
  ].join("\n");
}

function inputLines({ format, csv, columns }: Skeleton["inferred"]): string[] {
  const settings = csv && [
    ["header", String(csv.header)],
    ["delimiter", quoted(csv.delimiter ?? ",")],
    ["quote", quoted(csv.quote)],
  ];
  const pairs = ({ name, type, field }: InputColumn) => [
    ...columnPairs(name, type),
    ...(field === undefined ? [] : [["field", quoted(field)]]),
  ];
  return [
    "# A field that a record lacks is NULL; a field that is not named here is left out.",
    "input:",
    `  format: ${format}`,
    ...(settings ? [`  csv: ${flow(settings)}`] : []),
    "  columns:",
    ...columns.flatMap((column) => entry(pairs(column))),
  ];
}

function columnPairs(name: string, type: string): string[][] {
  return [
    ["name", plain(name)],
    ["type", typeText(type)],
  ];
}

function outputType(name: string, type: string, dates: Inferred["dates"] = {}): string {
  return dates[name]?.type ?? tableType(type);
}

/** A hint, because nobody but the owner knows how many rows a day has. */
function partitionLines(columns: { name: string; type: string }[]): string[] {
  const date = columns.find(({ type }) => type === "date" || type === "timestamp");
  if (!date) return [];
  return [
    "# A table of many months is read faster by folders of its dates (by: year, month, day or hour):",
    `# partitionBy: [{ column: ${plain(date.name)}, by: month }]`,
  ];
}

/** The text of a new `transform.sql`: every column as it comes, dates by their format. */
export function transformText(
  columns: { name: string }[],
  reserved: Set<string>,
  dates: Inferred["dates"] = {},
): string {
  const names = columns.map(({ name }) => {
    const column = reserved.has(name) ? `"${name}"` : name;
    const read = dates[name];
    return read ? `CAST(strptime(${column}, ${literal(read.format)}) AS ${sqlType(read.type)}) AS ${column}` : column;
  });
  return `-- One source record becomes one row. \`input\` holds the records of one object, with the columns of the manifest's input.\nSELECT\n  ${names.join(",\n  ")}\nFROM input\n`;
}

function entry(pairs: string[][]): string[] {
  const line = `    - ${flow(pairs)}`;
  if ([...line].length <= WIDTH && !/[^\x20-\x7e]/.test(line)) return [line];
  return pairs.map(([key, value], index) => `    ${index === 0 ? "- " : "  "}${key}: ${value}`);
}

/** A comma would end it. */
function typeText(type: string): string {
  return type.includes(",") ? `"${type}"` : type;
}

function flow(pairs: string[][]): string {
  return `{ ${pairs.map(([key, value]) => `${key}: ${value}`).join(", ")} }`;
}

/** Words that YAML would read as something else than text, in any of its versions. */
const NO_TEXT = new Set(["y", "n", "yes", "no", "on", "off", "true", "false", "null"]);

function plain(name: string): string {
  return NO_TEXT.has(name) ? `"${name}"` : name;
}

// eslint-disable-next-line no-control-regex -- these are what YAML wants escaped, and what nobody could see
const ODD = /[\x00-\x1f\x7f-\xa0\ufeff\ufffe\uffff]|\p{Cs}|\p{Zl}|\p{Zp}|(?! )\p{Zs}|\p{Cf}/gu;

/** A YAML scalar in quotes: double ones, unless there are such in it. */
function quoted(text: string): string {
  const simple = text.replace(ODD, "") === text && !/['\\]/.test(text);
  if (text.includes('"') && simple) return `'${text}'`;
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', "\\x22");
  return `"${inner.replace(ODD, (letter) => letter.split("").map(escaped).join(""))}"`;
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

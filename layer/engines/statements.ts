import type { Manifest } from "../manifest-schema";
import { durationInSeconds, expectationName, type Expectation } from "../manifest/expectations";
import { EXTRA_COLUMN, fileColumns, partitionKeys, type PartitionKey } from "../manifest/output";
import { EXTRA, keepsExtra } from "../manifest/schema";
import { REASONS } from "../transform/expectations";
import { NULL_PARTITION } from "../transform/partitions";
import { name, type Dialect } from "./dialect";

/** Column with the names of the expectations that put a row into quarantine. */
const BROKEN = "_broken";

/** What the statements about one object are made of. */
export interface Subject {
  manifest: Manifest;
  /** When the object arrived (ISO time): what freshness counts from. */
  eventTime: string;
}

/** Columns of the CSV that Stage A wrote, in their order. */
export function csvColumns(manifest: Manifest): string[] {
  return [...manifest.input.columns.map((column) => column.name), ...(keepsExtra(manifest) ? [EXTRA] : [])];
}

/** The SQL of one object's transform for an engine: a chain of common table expressions, and what is selected from it. */
export class Statements {
  private readonly rowRules: { index: number; expected: Expectation }[];
  private readonly keys: PartitionKey[];

  /** @param source the relation that holds the CSV's rows, all columns as text */
  constructor(
    private readonly dialect: Dialect,
    private readonly subject: Subject,
    private readonly source: string,
  ) {
    this.keys = partitionKeys(subject.manifest);
    this.rowRules = subject.manifest.expectations.flatMap((expected, index) =>
      expected.rule === "quarantine" ? [{ index, expected }] : [],
    );
  }

  /**
   * One row of counts: rows of `input`, rows of the output, rows without the quarantined ones, partitions of these, and for
   * each expectation the rows that break it.
   */
  check(): string {
    const { expectations } = this.subject.manifest;
    const broken = expectations.map((expected, index) => `${this.count(expected, index)} AS e${index}`);
    const folder = this.partitionValues()
      .map((value) => `coalesce(${value}, ''), '/'`)
      .concat("''")
      .join(", ");
    const counts = [
      "(SELECT count(*) FROM input) AS records",
      "count(*) AS all_rows",
      `count(CASE WHEN ${BROKEN} = '' THEN 1 END) AS good_rows`,
      `count(DISTINCT CASE WHEN ${BROKEN} = '' THEN concat('', ${folder}) END) AS partitions`,
      ...broken,
    ];
    return `${this.chain()} SELECT ${counts.join(", ")} FROM checked`;
  }

  /** The rows of the table, columns of its files first, then the partition columns as text. */
  rows(): string {
    const files = fileColumns(this.subject.manifest).map((column) => name(column.name));
    const folders = this.partitionValues().map((value, index) => `${value} AS ${name(this.keys[index]!.name)}`);
    return `SELECT * FROM (${this.chain()} SELECT ${[...files, ...folders].join(", ")} FROM good)`;
  }

  /** The rows of the table as an Iceberg table has them: partition columns are columns like others. */
  wholeRows(): string {
    return `SELECT * FROM (${this.chain()} SELECT ${this.columns().map(name).join(", ")} FROM good)`;
  }

  /** The quarantined rows with their reasons, or undefined where no expectation puts rows there. */
  quarantined(): string | undefined {
    if (this.rowRules.length === 0) return undefined;
    const columns = this.columns().map(name).join(", ");
    // Without the separator behind the last one.
    const reasons = `substring(${BROKEN}, 1, length(${BROKEN}) - 2)`;
    return `SELECT * FROM (${this.chain()} SELECT ${columns}, ${reasons} AS ${name(REASONS)} FROM checked WHERE ${BROKEN} <> '')`;
  }

  /** Names of the output's columns. */
  columns(): string[] {
    const { manifest } = this.subject;
    const names = manifest.output.columns.map((column) => column.name);
    return keepsExtra(manifest) ? [...names, EXTRA_COLUMN.name] : names;
  }

  private chain(): string {
    const { dialect, subject } = this;
    const { manifest } = subject;
    const types = new Map(manifest.input.columns.map((column) => [column.name, column.type]));
    const read = csvColumns(manifest).map(
      (column) => `${dialect.read(name(column), types.get(column) ?? "string")} AS ${name(column)}`,
    );
    const outputTypes = new Map(manifest.output.columns.map((column) => [column.name, column.type]));
    const cast = this.columns().map(
      (column) => `CAST(${name(column)} AS ${dialect.type(outputTypes.get(column) ?? "string")}) AS ${name(column)}`,
    );
    return [
      `WITH input AS (SELECT ${read.join(", ")} FROM ${this.source})`,
      `output AS (SELECT ${cast.join(", ")} FROM (${dialect.transform(manifest)}\n))`,
      `flagged AS (SELECT *${this.flags()} FROM output)`,
      `checked AS (SELECT *, ${this.reasons()} AS ${BROKEN} FROM flagged)`,
      `good AS (SELECT * FROM checked WHERE ${BROKEN} = '')`,
    ].join(", ");
  }

  /** For each expectation that quarantines, whether a row breaks it. */
  private flags(): string {
    return this.rowRules
      .map(({ index, expected }) => `, coalesce(${this.breaks(expected)}, false) AS ${name(flag(index))}`)
      .join("");
  }

  /** Reasons as text, each with a separator behind it; empty for a good row. */
  private reasons(): string {
    const each = this.rowRules.map(({ index, expected }) => {
      const why = this.dialect.literal(`${expectationName(expected)}; `);
      return `CASE WHEN ${name(flag(index))} THEN ${why} ELSE '' END`;
    });
    return `concat(${["''", "''", ...each].join(", ")})`;
  }

  /** True for a row that breaks an expectation on rows; of values that come more than once, all but the first do. */
  private breaks(expected: Expectation): string {
    const { dialect } = this;
    switch (expected.check) {
      case "not_null":
        return `${name(expected.column)} IS NULL`;
      case "unique": {
        // An order that is the same whenever it is asked for.
        const order = this.columns().map(name).join(", ");
        const number = `row_number() OVER (PARTITION BY ${name(expected.column)} ORDER BY ${order})`;
        return `(${name(expected.column)} IS NOT NULL AND ${number} > 1)`;
      }
      case "range":
        return `(${bounds(expected).join(" OR ")})`;
      case "regex":
        return `NOT ${dialect.matches(`CAST(${name(expected.column)} AS ${dialect.type("string")})`, expected.pattern)}`;
      case "sql":
        return `NOT (\n${expected.expression}\n)`;
      default:
        return "false";
    }
  }

  /** How many rows break an expectation: of all rows where it quarantines, else of those that stay. */
  private count(expected: Expectation, index: number): string {
    if (expected.rule === "quarantine") return `count(CASE WHEN ${name(flag(index))} THEN 1 END)`;
    const good = (value: string) => `CASE WHEN ${BROKEN} = '' THEN ${value} END`;
    switch (expected.check) {
      case "unique":
        return `count(${good(name(expected.column))}) - count(DISTINCT ${good(name(expected.column))})`;
      case "rows": {
        const { min = 0, max = Number.MAX_SAFE_INTEGER } = expected;
        return `CASE WHEN count(${good("1")}) BETWEEN ${min} AND ${max} THEN 0 ELSE 1 END`;
      }
      case "freshness": {
        const newest = `max(${good(`CAST(${name(expected.column)} AS timestamp)`)})`;
        const fresh = `coalesce(${newest} >= ${this.since(expected.maxAge)}, false)`;
        return `CASE WHEN count(${good("1")}) = 0 OR ${fresh} THEN 0 ELSE 1 END`;
      }
      default:
        return `count(CASE WHEN ${BROKEN} = '' AND ${this.breaks(expected)} THEN 1 END)`;
    }
  }

  private since(maxAge: string): string {
    const from = new Date(Date.parse(this.subject.eventTime) - durationInSeconds(maxAge) * 1_000);
    return `CAST(${this.dialect.literal(from.toISOString().slice(0, 23).replace("T", " "))} AS timestamp)`;
  }

  /** Partition columns' values as text; Hive has one partition for NULL and for the empty text. */
  private partitionValues(): string[] {
    const { dialect } = this;
    return this.keys.map(({ column, by }) => {
      const value = by ? dialect.datePart(name(column), by) : `CAST(${name(column)} AS ${dialect.type("string")})`;
      return `nullif(nullif(${value}, ''), ${dialect.literal(NULL_PARTITION)})`;
    });
  }
}

function bounds({ column, min, max }: Extract<Expectation, { check: "range" }>): string[] {
  return [
    ...(min === undefined ? [] : [`${name(column)} < ${min}`]),
    ...(max === undefined ? [] : [`${name(column)} > ${max}`]),
  ];
}

/** Column that says whether a row breaks the expectation of that place. */
function flag(index: number): string {
  return `_broken_${index}`;
}

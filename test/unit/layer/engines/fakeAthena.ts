import { DuckDBInstance, type DuckDBConnection } from "@duckdb/node-api";
import assert from "node:assert/strict";
import { readFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { SOURCE_COLUMNS } from "../../../../layer/engines/iceberg";
import { temporaryFolder } from "../../support/temporaryFolder";
import type { FakeS3 } from "../fakes/s3";

/** What Athena has and DuckDB calls otherwise. */
const MACROS = [
  "CREATE MACRO regexp_like(t, p) AS regexp_matches(t, p)",
  "CREATE MACRO json_parse(t) AS CAST(t AS JSON)",
  `CREATE MACRO format_datetime(t, f) AS strftime(t, replace(replace(replace(replace(f, 'yyyy', '%Y'), 'MM', '%m'), 'dd', '%d'), 'HH', '%H'))`,
];

/**
 * Athena as far as `nextQuery` uses it, played by DuckDB: the input table over the CSV of one object, counts, and UNLOAD. What
 * both dialects have in common is really run; that Athena takes the statements, this does not show.
 */
export class FakeAthena {
  readonly statements: string[] = [];
  private readonly results = new Map<string, string[]>();
  private connection: DuckDBConnection | undefined;

  constructor(
    private readonly s3: FakeS3,
    private readonly columns: string[],
  ) {}

  /** What Step Functions does with a query; answers its id. */
  async run(sql: string): Promise<string> {
    this.connection ??= await this.connect();
    this.statements.push(sql);
    const id = `query-${this.statements.length}`;
    if (sql.startsWith("DELETE")) return this.change(sql, id);
    const folder = temporaryFolder("athena");
    const dialect = (await this.withInput(sql, folder)).replaceAll(" varchar", " VARCHAR");
    const unload = /^UNLOAD \((.*)\) TO 's3:\/\/stage\/([^']*)' WITH \((.*)\)$/s.exec(dialect);
    if (dialect.startsWith("MERGE")) return this.change(dialect, id);
    if (unload) await this.unload(folder, unload.slice(1) as [string, string, string]);
    else this.results.set(id, await this.select(dialect));
    return id;
  }

  /** Makes an Iceberg table of the database; DuckDB's own table stands for it. */
  async createTable(table: string, columns: string[]): Promise<void> {
    this.connection ??= await this.connect();
    const source = SOURCE_COLUMNS.map((column) => `${column} VARCHAR`);
    await this.connection.run("CREATE SCHEMA IF NOT EXISTS lake");
    await this.connection.run(`CREATE TABLE lake."${table}" (${[...columns, ...source].join(", ")})`);
  }

  /** All rows of a select. */
  async rows(sql: string): Promise<unknown[][]> {
    return (await (this.connection as DuckDBConnection).runAndReadAll(sql)).getRowsJson();
  }

  private async change(sql: string, id: string): Promise<string> {
    await (this.connection as DuckDBConnection).run(sql);
    return id;
  }

  /** The client that reads results. */
  get client() {
    const send = ({ input }: { input: { QueryExecutionId: string } }) => {
      const row = this.results.get(input.QueryExecutionId);
      assert.ok(row, "a result is asked for that no query gave");
      const data = (values: string[]) => ({ Data: values.map((VarCharValue) => ({ VarCharValue })) });
      return Promise.resolve({ ResultSet: { Rows: [data(row.map((_, index) => `c${index}`)), data(row)] } });
    };
    return { send } as never;
  }

  private async connect(): Promise<DuckDBConnection> {
    const connection = await (await DuckDBInstance.create(":memory:")).connect();
    for (const macro of MACROS) await connection.run(macro);
    return connection;
  }

  /** The folder of the object that the query names stands for its table. */
  private async withInput(sql: string, folder: string): Promise<string> {
    const from = /\(SELECT \* FROM "input"\."(\w+)" WHERE "_object" = '([0-9a-f-]+)'\)/.exec(sql);
    assert.ok(from, `the statement names no object: ${sql}`);
    const [whole, , stem] = from;
    const key = this.s3
      .keys("stage")
      .find((one) => one.startsWith("engines/") && one.endsWith(`/in/${stem}/records.csv`));
    assert.ok(key, `no CSV of ${stem}`);
    const file = path.join(folder, "in.csv");
    await writeFile(file, this.s3.body("stage", key));
    const columns = this.columns.map((column) => `'${column}': 'VARCHAR'`).join(", ");
    return sql.replaceAll(
      whole,
      () =>
        `(SELECT COLUMNS(c -> true) FROM read_csv('${file}', header = true, delim = ',', quote = '"', escape = '"', columns = {${columns}}))`,
    );
  }

  private async select(sql: string): Promise<string[]> {
    const rows = (await (this.connection as DuckDBConnection).runAndReadAll(sql)).getRows();
    return (rows[0] ?? []).map(String);
  }

  private async unload(folder: string, [select, prefix, options]: [string, string, string]): Promise<void> {
    assert.ok(!this.s3.keys("stage").some((key) => key.startsWith(prefix)), "UNLOAD wants an empty folder");
    const keys = /partitioned_by = ARRAY\[(.*)\]/.exec(options)?.[1]?.replaceAll("'", '"');
    const out = path.join(folder, "out");
    const partitioned = keys === undefined ? ", PER_THREAD_OUTPUT true" : `, PARTITION_BY (${keys})`;
    await (this.connection as DuckDBConnection).run(`COPY (${select}) TO '${out}' (FORMAT parquet${partitioned})`);
    for (const entry of await readdir(out, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = path.join(entry.parentPath, entry.name);
      // DuckDB escapes more than Hive does.
      const key = path.relative(out, file).split("/").map(decodeURIComponent).map(hive).join("/");
      this.s3.put("stage", `${prefix}${key.replace(/[^/]*$/, "20261121_0_abc")}`, await readFile(file));
    }
  }
}

/** Hive's escaping of a folder's name, which leaves blanks and letters of all alphabets alone. */
function hive(name: string): string {
  const [column, ...value] = name.split("=");
  if (value.length === 0) return name;
  // eslint-disable-next-line no-control-regex -- Hive escapes these
  const escaped = value.join("=").replace(/[\u0001-\u001f"#%'*/:=?\\\u007f{[\]^]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
  });
  return `${column}=${escaped}`;
}

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { execa } from "execa";
import { requestOf } from "../../../layer/engines/glue";
import type { Manifest } from "../../../layer/manifest-schema";
import { csvToParquet } from "../../../layer/transform/heavy";
import { withEngine } from "../../../layer/transform/engine";
import { batch, CSV, stone, stones } from "../../unit/layer/engines/support";
import { temporaryFolder } from "../../unit/support/temporaryFolder";

/** The job's own script; Glue runs the same Spark. */
const SCRIPT = path.join(__dirname, "../../../layer/engines/glue/transform.py");

/** A Python that has `pyspark` 3.5: with Java, all that the job needs. Default: the machine's. */
const PYTHON = process.env.TRIBUTARY_SPARK_PYTHON ?? "python3";

/** A Spark for a few rows. */
const SMALL = ["spark.ui.enabled=false", "spark.master=local[2]", "spark.sql.shuffle.partitions=2"];

/** Why Spark cannot run here; undefined where it can. */
async function lacking(): Promise<string | undefined> {
  const python = await execa(PYTHON, ["-c", "import pyspark; print(pyspark.__version__)"], { reject: false });
  if (python.exitCode !== 0) return `${PYTHON} has no pyspark: pip install pyspark==3.5.4 (317 MB)`;
  if (!python.stdout.startsWith("3.5.")) return `${PYTHON} has pyspark ${python.stdout}; Glue 5.0 runs Spark 3.5`;
  const java = await execa("java", ["-version"], { reject: false });
  return java.exitCode === 0 ? undefined : "there is no java";
}

describe("the Spark job, on a real Spark", function () {
  this.timeout(120_000);
  let folder: string;

  before(async function () {
    const reason = await lacking();
    if (reason !== undefined) {
      console.log(`      skipped: ${reason}`);
      this.skip();
    }
    Object.assign(process.env, { STAGE_BUCKET: "stage", DATABASE_NAME: "lake" });
    folder = await mkdtemp(path.join(tmpdir(), "tributary-spark-"));
  });

  after(async () => {
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  const expectations = [
    { check: "not_null", column: "id", rule: "fail" },
    { check: "range", column: "mass", min: 0, rule: "quarantine" },
    { check: "unique", column: "name", rule: "quarantine" },
    { check: "regex", column: "name", pattern: "[A-Z ,'\"]+", rule: "warn" },
    { check: "sql", name: "cheap", expression: "price < 10", rule: "warn" },
    { check: "rows", min: 1, max: 3, rule: "warn" },
    { check: "freshness", column: "seen", maxAge: "12 hours", rule: "warn" },
  ];
  /** Line breaks in values, quotes, NULL and the empty text, letters of other alphabets. */
  const hostile = `${CSV}5,"two\nlines",0.5,3.00,2026-01-05 00:00:00.123456,true,""\n6,"two\nlines",0.5,3.00,,true,"Ωmega=""x"""\n`;

  it("gives the rows, counts, partitions and quarantine that DuckDB gives, and rejects what DuckDB rejects", async () => {
    const manifest = stones({ engine: "glue", expectations });
    const state = batch([
      stone("a", { rows: 6 }),
      stone("wrong", { rows: 1 }),
      stone("few", { rows: 99 }),
      stone("gone", { rows: 1 }),
    ]);
    const files = { a: hostile, wrong: `${CSV.split("\n")[0]}\nx,n,1,1,,true,p\n`, few: CSV };
    const text = JSON.stringify(requestOf(state, manifest)).replaceAll("s3://stage/", `file://${folder}/`);
    await mkdir(path.join(folder, "pre/engineering/stones"), { recursive: true });
    for (const [name, csv] of Object.entries(files)) {
      await writeFile(path.join(folder, `pre/engineering/stones/${name}.csv`), csv);
    }
    await writeFile(path.join(folder, "request.json"), text);
    const [request, result] = ["request.json", "result.json"].map((name) => `file://${folder}/${name}`);
    await execa(PYTHON, ["-B", SCRIPT, "--request", request!, "--result", result!], {
      env: {
        SPARK_LOCAL_IP: "127.0.0.1",
        PYSPARK_SUBMIT_ARGS: `${SMALL.map((one) => `--conf ${one}`).join(" ")} pyspark-shell`,
      },
    });
    const { objects } = JSON.parse(await readFile(path.join(folder, "result.json"), "utf8")) as {
      objects: { counts?: number[]; error?: { code: string } }[];
    };
    assert.deepEqual(objects[0]?.counts?.slice(0, 3), [6, 6, 4]);
    assert.equal(objects[1]?.error?.code, "SchemaMismatch");
    assert.equal(objects[2]?.counts?.[0], 4);
    assert.equal(objects[3]?.error?.code, "StageFileGone");
    const duckdb = await withDuckDb(manifest, path.join(folder, "pre/engineering/stones/a.csv"));
    assert.deepEqual(objects[0]?.counts?.slice(4), duckdb.broken);
    const written = await filesBelow(folder);
    assert.deepEqual(await rows(written.filter((file) => file.includes("/rows/"))), duckdb.rows);
    assert.deepEqual(await rows(written.filter((file) => file.includes("/quarantine/"))), duckdb.quarantined);
  });
});

/** What DuckDB makes of the same CSV. */
async function withDuckDb(manifest: Manifest, csv: string) {
  const directory = temporaryFolder("duckdb");
  const made = await withEngine(directory, async (engine) => {
    const copy = path.join(directory, "records.csv");
    await writeFile(copy, await readFile(csv));
    return csvToParquet(engine, copy, directory, manifest, new Date(stone("a").eventTime));
  });
  const partitioned = await Promise.all(
    made.files.map(async ({ file, values }) => (await read([file])).map((row) => [...row, ...values])),
  );
  return {
    broken: made.broken,
    rows: sorted(partitioned.flat()),
    quarantined: made.quarantine === undefined ? [] : sorted(await read([made.quarantine])),
  };
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(path.join(folder, "engines"), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".parquet"))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

/** Rows of Spark's files; the values of their folders stand behind those of the files. */
async function rows(files: string[]): Promise<unknown[][]> {
  const each = files.map(async (file) => {
    const folders = file.split("/").filter((part) => part.includes("="));
    const values = folders.map((part) => part.slice(part.indexOf("=") + 1)).map(unescaped);
    return (await read([file])).map((row) => [...row, ...values]);
  });
  return sorted((await Promise.all(each)).flat());
}

function unescaped(value: string): string | null {
  if (value === "__HIVE_DEFAULT_PARTITION__") return null;
  return value.replace(/%([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
}

async function read(files: string[]): Promise<unknown[][]> {
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const list = files.map((file) => `'${file.replaceAll("'", "''")}'`).join(", ");
  const query = `SELECT * REPLACE (CAST(seen AS VARCHAR) AS seen) FROM read_parquet([${list}], hive_partitioning = false)`;
  // Spark's timestamps are instants, DuckDB's are not: with UTC everywhere they are the same text but for the zone.
  await connection.run("SET TimeZone = 'UTC'");
  const found = (await connection.runAndReadAll(query)).getRowsJson() as unknown[][];
  return found.map((row) => row.map((value) => (typeof value === "string" ? value.replace(/\+00$/, "") : value)));
}

function sorted(found: unknown[][]): unknown[][] {
  return found.sort((a, b) => Number(a[0]) - Number(b[0]));
}

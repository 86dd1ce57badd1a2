import assert from "node:assert/strict";
import { DuckDBInstance } from "@duckdb/node-api";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { useClients } from "../../../../layer/clients";
import { nextQuery } from "../../../../layer/engines/athena";
import { csvColumns } from "../../../../layer/engines/statements";
import { athenaStepSchema, type AthenaStep } from "../../../../layer/engines/steps";
import { fileStem } from "../../../../layer/identity";
import { log } from "../../../../layer/log";
import type { Manifest } from "../../../../layer/manifest-schema";
import type { FailedB, HandedOver, ProcessedB } from "../../../../layer/messages";
import { forgetDatasets } from "../../../../layer/store/datasets";
import { FakeS3 } from "../fakes/s3";
import { controlTables, TABLE_VARIABLES } from "../fakes/tables";
import { FakeAthena } from "./fakeAthena";
import { CSV, stone, stones, withCsv } from "./support";

/** An object's way through Athena: what Stage B's machine does with `nextQuery`. */
class Way {
  readonly s3 = new FakeS3();
  readonly dynamodb = controlTables();
  readonly athena: FakeAthena;
  /** What becomes of the query of that number instead of being run. */
  fails = new Map<number, string>();

  constructor(manifest: Manifest) {
    Object.assign(process.env, { STAGE_BUCKET: "stage", DATABASE_NAME: "lake", INPUT_DATABASE_NAME: "input" });
    Object.assign(process.env, TABLE_VARIABLES);
    delete process.env.MAX_ATTEMPTS;
    log.setLogLevel("SILENT");
    const { team, dataset, table } = manifest;
    this.dynamodb.put("datasets", { team, dataset, table, manifest: JSON.stringify(manifest) });
    this.athena = new FakeAthena(this.s3, csvColumns(manifest));
    forgetDatasets();
    useClients({ s3: this.s3 as never, dynamodb: this.dynamodb as never, athena: this.athena.client });
  }

  async go(
    item: HandedOver,
    csv: string | null = CSV,
  ): Promise<{ processed: ProcessedB[]; failed: FailedB[]; used: unknown[] }> {
    if (csv !== null) this.s3.put("stage", item.preKey, csv);
    const { team, dataset } = item;
    let state: unknown = { step: "athena", team, dataset, batchId: "batch-1", item };
    for (let queries = 1; queries < 20; queries++) {
      const answer = await nextQuery(athenaStepSchema.parse(JSON.parse(JSON.stringify(state))));
      if (!("query" in answer)) return answer as never;
      assert.match(answer.query?.token ?? "", /^[0-9a-f]{64}$/);
      state = { ...answer, finished: await this.finished(queries, answer) };
    }
    return assert.fail("it asks for ever more queries");
  }

  private async finished(number: number, step: AthenaStep): Promise<object> {
    const reason = this.fails.get(number);
    if (reason === undefined)
      return { id: await this.athena.run(step.query?.sql ?? ""), milliseconds: 3, bytesScanned: 1_000 };
    return { error: "States.TaskFailed", cause: JSON.stringify({ Status: { StateChangeReason: reason } }) };
  }

  /** All rows of the files. */
  async rows(files: string[]): Promise<unknown[][]> {
    const { folder } = await withCsv();
    const names = files.map((_, index) => path.join(folder, `${index}.parquet`));
    for (const [index, file] of files.entries()) await writeFile(names[index] as string, this.s3.body("stage", file));
    const connection = await (await DuckDBInstance.create(":memory:")).connect();
    const list = names.map((name) => `'${name}'`).join(", ");
    return (await connection.runAndReadAll(`SELECT * FROM read_parquet([${list}]) ORDER BY id`)).getRowsJson();
  }
}

describe("layer: the engine athena", function () {
  this.timeout(20_000);

  it("transforms an object into files of the table's layout, with two queries", async () => {
    const way = new Way(stones());
    const item = stone("a");
    const { processed, failed, used } = await way.go(item);
    assert.deepEqual(failed, []);
    const [one] = processed as [ProcessedB];
    const stem = fileStem(item);
    const base = "post/engineering/stones/";
    assert.deepEqual([...one.files].sort(), [
      `${base}place=Rome/seen_month=2026-01/${stem}.parquet`,
      `${base}place=S%C3%A3o%20Paulo%2FS%C3%BCd/seen_month=2026-01/${stem}.parquet`,
      `${base}place=__HIVE_DEFAULT_PARTITION__/seen_month=2026-02/${stem}.parquet`,
      `${base}place=a%3Db%25/seen_month=__HIVE_DEFAULT_PARTITION__/${stem}.parquet`,
    ]);
    assert.deepEqual(
      [...one.partitions].sort(),
      [
        ["Rome", "2026-01"],
        ["São Paulo/Süd", "2026-01"],
        ["a=b%", null],
        [null, "2026-02"],
      ].sort(),
    );
    assert.deepEqual([one.rows, one.attempt, one.broken], [4, 1, []]);
    assert.deepEqual(await way.rows(one.files), [
      [1, "PLAIN", 3, "10.25", "2026-01-02 03:04:05", true],
      [2, 'COMMA, AND "QUOTES"', null, "0.10", "2026-01-31 23:59:59", false],
      [3, "IT'S", 4.5, null, "2026-02-01 00:00:00", null],
      [4, "BACK\\SLASH", -2, "1.00", null, true],
    ]);
    assert.equal(way.athena.statements.length, 2);
    assert.equal(used.length, 2);
  });

  it("numbers the files of one partition", async () => {
    const way = new Way(stones({ partitionBy: [] }));
    const item = stone("a");
    const run = way.athena.run.bind(way.athena);
    way.athena.run = async (sql) => {
      const id = await run(sql);
      const [written] = way.s3.keys("stage").filter((key) => key.includes("/rows/"));
      if (written) way.s3.put("stage", `${written}-2`, way.s3.body("stage", written));
      return id;
    };
    const { processed } = await way.go(item);
    const stem = `post/engineering/stones/${fileStem(item)}`;
    assert.deepEqual(processed[0]?.files, [`${stem}.0.parquet`, `${stem}.1.parquet`]);
  });

  it("rejects an object for its expectations before anything is written", async () => {
    const expectations = [
      { check: "not_null", column: "id", rule: "fail" },
      { check: "range", column: "mass", min: 0, rule: "fail" },
      { check: "regex", column: "name", pattern: "[A-Z]+", rule: "warn" },
      { check: "unique", column: "id", rule: "fail" },
      { check: "freshness", column: "seen", maxAge: "12 hours", rule: "fail" },
      { check: "sql", name: "cheap", expression: "price < 10 -- EUR", rule: "warn" },
      { check: "rows", min: 5, rule: "warn" },
    ];
    const way = new Way(stones({ expectations }));
    const { processed, failed } = await way.go(stone("a"));
    assert.deepEqual(processed, []);
    assert.equal(failed[0]?.error.code, "ExpectationFailed");
    assert.match(failed[0]?.error.message ?? "", /^range\(mass\) is broken by 1 of 4 rows; freshness\(seen\)/);
    assert.deepEqual(failed[0]?.checked, { rows: 4, quarantined: 0, broken: [0, 1, 3, 0, 1, 1, 1] });
    assert.equal(way.athena.statements.length, 1);
    assert.deepEqual(
      way.s3.keys("stage").filter((key) => key.startsWith("post/")),
      [],
    );
  });

  it("rejects what Athena would read wrongly: a value with a line break", async () => {
    const way = new Way(stones());
    const { failed } = await way.go(stone("a", { rows: 3 }));
    assert.equal(failed[0]?.error.code, "RecordsDiffer");
    assert.match(failed[0]?.error.message ?? "", /4 records of 3.*duckdb or glue/);
  });

  it("writes no file for an object without rows", async () => {
    const way = new Way(stones({}, "SELECT * FROM input WHERE id > 100"));
    const { processed } = await way.go(stone("a"));
    assert.deepEqual([processed[0]?.files, processed[0]?.rows], [[], 0]);
    assert.equal(way.athena.statements.length, 1);
  });

  it("rejects more partitions than the manifest allows", async () => {
    const way = new Way(stones({ limits: { objectSize: "1 MB", partitionsPerObject: 3 } }));
    const { failed } = await way.go(stone("a"));
    assert.equal(failed[0]?.error.code, "TooManyPartitions");
  });

  it("uses the SQL of Athena's dialect where the dataset has it", async () => {
    const way = new Way({ ...stones(), dialects: { athena: "SELECT *, 'x' AS more FROM input WHERE id = 1" } });
    const { processed } = await way.go(stone("a"));
    assert.equal(processed[0]?.rows, 1);
  });

  it("tries again what may pass, and gives up after three tries", async () => {
    const way = new Way(stones());
    way.fails.set(1, "INTERNAL_ERROR_QUERY_ENGINE");
    way.fails.set(3, "GENERIC_INTERNAL_ERROR: slow down");
    const { processed } = await way.go(stone("a"));
    assert.deepEqual([processed[0]?.rows, processed[0]?.attempt], [4, 3]);
    const other = new Way(stones());
    for (let number = 1; number < 9; number++) other.fails.set(number, "INTERNAL_ERROR_QUERY_ENGINE");
    const { failed } = await other.go(stone("a"));
    assert.deepEqual([failed[0]?.error.code, failed[0]?.attempt], ["EngineFailed", 3]);
  });

  for (const [reason, code] of [
    ["COLUMN_NOT_FOUND: line 1:2: Column 'x' cannot be resolved", "TransformInvalid"],
    ["INVALID_CAST_ARGUMENT: Cannot cast 'x' to INT", "SchemaMismatch"],
    ["EXCEEDED_MEMORY_LIMIT: Query exceeded per-node memory limit", "TransformTooLarge"],
  ]) {
    it(`rejects at once: ${reason}`, async () => {
      const way = new Way(stones());
      way.fails.set(1, reason as string);
      const { failed } = await way.go(stone("a"));
      assert.deepEqual([failed[0]?.error.code, failed[0]?.attempt], [code, 1]);
    });
  }

  it("reads an object's part of a file that objects share", async () => {
    const way = new Way(stones());
    const other = "id,name,mass,price,seen,kept,place\n9,other,1,1,,true,Rome\n";
    const item = stone("a", { preKey: "pre/engineering/stones/shared-0.csv", preStart: Buffer.byteLength(other) });
    way.s3.put("stage", item.preKey, `${other}${CSV}${other}`);
    const { processed, failed } = await way.go(item, null);
    assert.deepEqual(failed, []);
    assert.equal(processed[0]?.rows, 4);
  });

  it("rejects an object whose CSV is gone", async () => {
    const way = new Way(stones());
    const { failed } = await way.go(stone("a", { preKey: "pre/gone.csv" }), null);
    assert.equal(failed[0]?.error.code, "StageFileGone");
  });

  it("asks with the same token for the same query, and with another one for another try", async () => {
    const way = new Way(stones());
    const item = stone("a");
    way.s3.put("stage", item.preKey, CSV);
    const step = athenaStepSchema.parse({ step: "athena", team: "engineering", dataset: "stones", batchId: "b", item });
    const token = async (input: AthenaStep) => ((await nextQuery(input)) as AthenaStep).query?.token;
    assert.equal(await token(step), await token(step));
    assert.notEqual(await token(step), await token({ ...step, attempt: 2 }));
    assert.notEqual(await token(step), await token({ ...step, item: { ...item, redrives: 1 } }));
  });

  it("tells the same when it is called again after it had answered", async () => {
    const way = new Way(stones());
    const item = stone("a");
    const calls: string[] = [];
    const run = way.athena.run.bind(way.athena);
    way.athena.run = (sql) => (calls.push(sql), run(sql));
    const first = await way.go(item);
    const last = athenaStepSchema.parse({
      ...{ step: "athena", team: "engineering", dataset: "stones", batchId: "batch-1", item, phase: "write" },
      ...{ counts: [4, 4, 4, 4], finished: { id: "query-2" } },
    });
    const again = (await nextQuery(last)) as typeof first;
    assert.deepEqual(again.processed[0]?.files, first.processed[0]?.files);
  });
});

import assert from "node:assert/strict";
import { useClients } from "../../../../layer/clients";
import { collectJob, prepareJob, type JobRequest } from "../../../../layer/engines/glue";
import { digest, fileStem, sortable } from "../../../../layer/identity";
import { log } from "../../../../layer/log";
import type { Manifest } from "../../../../layer/manifest-schema";
import { stageBStateSchema, type HandedOver, type StageBState } from "../../../../layer/messages";
import { forgetDatasets } from "../../../../layer/store/datasets";
import { FakeS3 } from "../fakes/s3";
import { controlTables, TABLE_VARIABLES } from "../fakes/tables";
import { CSV, batch, stone, stones } from "./support";

const run = { id: "jr_1", seconds: 90, dpuSeconds: 180 };

/** A batch on its way through the Glue job, which is played here by what it would write. */
class Batch {
  readonly s3 = new FakeS3();
  readonly dynamodb = controlTables();
  readonly items: HandedOver[];

  constructor(manifest: Manifest, keys = ["a"]) {
    Object.assign(process.env, { STAGE_BUCKET: "stage", DATABASE_NAME: "lake", ...TABLE_VARIABLES });
    Object.assign(process.env, { GLUE_WORKERS: "2", GLUE_WORKER_TYPE: "G.1X", GLUE_MINUTES: "120" });
    log.setLogLevel("SILENT");
    const { team, dataset, table } = manifest;
    this.dynamodb.put("datasets", { team, dataset, table, manifest: JSON.stringify(manifest) });
    forgetDatasets();
    useClients({ s3: this.s3 as never, dynamodb: this.dynamodb as never });
    this.items = keys.map((key) => stone(key));
  }

  async prepare(): Promise<{ state: StageBState; request: JobRequest }> {
    const state = stageBStateSchema.parse(await prepareJob(batch(this.items)));
    const request = JSON.parse(this.s3.body("stage", "engines/engineering/stones/out/batch-1/request.json").toString());
    return { state, request: request as JobRequest };
  }

  /** What the job answers about the objects, and the state after it. */
  async collect(objects: object[], more: object = {}): Promise<StageBState> {
    const { state } = await this.prepare();
    this.s3.put("stage", "engines/engineering/stones/out/batch-1/result.json", JSON.stringify({ objects }));
    return collectJob({ ...state, glue: { ...state.glue!, run: { ...run, ...more } } });
  }

  /** A file that the job wrote. */
  wrote(index: number, file: string): void {
    const stem = fileStem(this.items[index] as HandedOver);
    this.s3.put("stage", `engines/engineering/stones/out/batch-1/${stem}/${file}`, `bytes of ${file}`);
  }

  stem(index: number): string {
    return fileStem(this.items[index] as HandedOver);
  }
}

describe("layer: the engine glue", () => {
  const glue = { engine: "glue" };

  it("writes down what the job has to do, and tells how to start it", async () => {
    const expectations = [
      { check: "not_null", column: "id", rule: "warn" },
      { check: "range", column: "mass", min: 0, rule: "quarantine" },
      { check: "unique", column: "id", rule: "fail" },
    ];
    const made = new Batch(stones({ ...glue, expectations }), ["a", "b"]);
    const { state, request } = await made.prepare();
    assert.deepEqual(state.glue, {
      request: "s3://stage/engines/engineering/stones/out/batch-1/request.json",
      result: "s3://stage/engines/engineering/stones/out/batch-1/result.json",
      ...{ workers: 2, workerType: "G.1X", timeout: 120 },
    });
    assert.deepEqual(request.columns, ["id", "name", "mass", "price", "seen", "kept", "place"]);
    assert.deepEqual(request.partitionBy, ["place", "seen_month"]);
    // Behind four counts of rows, the third expectation is the one that may not be broken.
    assert.deepEqual(request.mustBeZero, [6]);
    assert.deepEqual(request.records, { [made.stem(0)]: 4, [made.stem(1)]: 4 });
    assert.deepEqual(
      request.objects.map(({ source }) => source),
      ["s3://stage/pre/engineering/stones/a.csv", "s3://stage/pre/engineering/stones/b.csv"],
    );
    assert.ok(request.objects.every(({ sql }) => sql.quarantine?.includes("_reasons") && sql.merge === undefined));
  });

  it("is given a file of its own of an object whose CSV shares one", async () => {
    const made = new Batch(stones(glue), ["a", "b"]);
    made.items[1] = { ...(made.items[1] as HandedOver), preKey: "pre/shared.csv", preStart: 7 };
    made.s3.put("stage", "pre/shared.csv", `another${CSV}`);
    const sources = (await made.prepare()).request.objects.map(({ source }) => source);
    const own = `engines/engineering/stones/out/batch-1/${made.stem(1)}/records.csv`;
    assert.deepEqual(sources, ["s3://stage/pre/engineering/stones/a.csv", `s3://stage/${own}`]);
    assert.equal(made.s3.body("stage", own).toString(), CSV);
  });

  it("takes workers and timeout of the manifest", async () => {
    const made = new Batch(stones({ ...glue, glue: { workers: 10, workerType: "G.2X", timeout: "3 hours" } }));
    const { workers, workerType, timeout } = (await made.prepare()).state.glue!;
    assert.deepEqual([workers, workerType, timeout], [10, "G.2X", 180]);
  });

  it("uses the SQL of Spark's dialect where the dataset has it", async () => {
    const made = new Batch({ ...stones(glue), dialects: { spark: "SELECT 'spark' FROM input" } });
    assert.match((await made.prepare()).request.objects[0]?.sql.rows ?? "", /SELECT 'spark' FROM input/);
  });

  it("gives the job's files their final names and tells rows, bytes, partitions and what was used", async () => {
    const made = new Batch(stones(glue), ["a", "b"]);
    made.wrote(0, "rows/place=Rome/seen_month=2026-01/part-0.parquet");
    made.wrote(0, "rows/place=__HIVE_DEFAULT_PARTITION__/seen_month=2026-02/part-0.parquet");
    made.wrote(0, "rows/_SUCCESS");
    const state = await made.collect([
      { stem: made.stem(0), counts: [4, 3, 3, 2] },
      { stem: made.stem(1), counts: [4, 0, 0, 0] },
    ]);
    assert.deepEqual([state.failedCount, state.failed], [0, []]);
    const [a, b] = state.processed!;
    assert.deepEqual(a?.files, [
      `post/engineering/stones/place=Rome/seen_month=2026-01/${made.stem(0)}.parquet`,
      `post/engineering/stones/place=__HIVE_DEFAULT_PARTITION__/seen_month=2026-02/${made.stem(0)}.parquet`,
    ]);
    assert.deepEqual(a?.partitions, [
      ["Rome", "2026-01"],
      [null, "2026-02"],
    ]);
    assert.ok(a?.rows === 3 && (a.bytes ?? 0) > 50);
    assert.deepEqual([b?.files, b?.rows], [[], 0]);
    assert.deepEqual(state.used, [{ by: "glue", milliseconds: 90_000, megabytes: 0, dpuSeconds: 180 }]);
  });

  it("puts bad rows into quarantine", async () => {
    const expectations = [{ check: "range", column: "mass", min: 0, rule: "quarantine" }];
    const made = new Batch(stones({ ...glue, partitionBy: [], expectations }));
    made.wrote(0, "rows/part-0.parquet");
    made.wrote(0, "quarantine/part-0.parquet");
    const state = await made.collect([{ stem: made.stem(0), counts: [4, 4, 3, 1, 1] }]);
    const key = `quarantine/engineering/stones/${made.stem(0)}.parquet`;
    assert.deepEqual(state.processed?.[0]?.quarantined, { key, rows: 1 });
    assert.ok(made.s3.keys("stage").includes(key));
    assert.deepEqual([state.processed?.[0]?.rows, state.processed?.[0]?.broken], [3, [1]]);
  });

  it("rejects what breaks expectations, and what the job says data or SQL are at fault for", async () => {
    const expectations = [{ check: "unique", column: "id", rule: "fail" }];
    const made = new Batch(stones({ ...glue, expectations }), ["a", "b", "c", "d"]);
    const state = await made.collect([
      { stem: made.stem(0), counts: [4, 4, 4, 2, 2] },
      { stem: made.stem(1), error: { code: "SchemaMismatch", message: "CAST_INVALID_INPUT" } },
      { stem: made.stem(2), error: { code: "EngineFailed", message: "lost" } },
    ]);
    assert.deepEqual(state.processed, []);
    assert.deepEqual(
      state.failed.map(({ error }) => error.code),
      ["ExpectationFailed", "SchemaMismatch", "EngineFailed", "EngineFailed"],
    );
    assert.deepEqual(state.failed[0]?.checked, { rows: 4, quarantined: 0, broken: [2] });
    assert.match(state.failed[3]?.error.message ?? "", /says nothing about the object/);
  });

  it("takes no rows that were counted but not written", async () => {
    const made = new Batch(stones(glue));
    const state = await made.collect([{ stem: made.stem(0), counts: [4, 3, 3, 2] }]);
    assert.deepEqual([state.processed, state.failed[0]?.error.code], [[], "EngineFilesUnexpected"]);
  });

  it("tells the reason and the run when the job failed", async () => {
    const made = new Batch(stones(glue), ["a", "b"]);
    const cause = JSON.stringify({ Id: "jr_7", JobRunState: "TIMEOUT", ErrorMessage: "it took too long" });
    const state = await made.collect([], { error: "States.TaskFailed", cause });
    assert.equal(state.failedCount, 2);
    assert.match(
      state.failed[0]?.error.message ?? "",
      /States.TaskFailed: it took too long \(run jr_7, TIMEOUT; its log/,
    );
  });

  it("tells the same when it is called again", async () => {
    const made = new Batch(stones({ ...glue, partitionBy: [] }));
    made.wrote(0, "rows/part-0.parquet");
    const result = [{ stem: made.stem(0), counts: [4, 3, 3, 1] }];
    assert.deepEqual((await made.collect(result)).processed, (await made.collect(result)).processed);
  });

  it("replaces rows of an Iceberg table in one statement, and only those of earlier versions", async () => {
    const made = new Batch(stones({ ...glue, partitionBy: [], output: { ...stones().output, format: "iceberg" } }));
    const { request } = await made.prepare();
    const merge = request.objects[0]?.sql.merge ?? "";
    assert.match(merge, /^MERGE INTO glue_catalog\."lake"\."stones" t USING \(/);
    assert.match(merge, /WHEN MATCHED THEN DELETE WHEN NOT MATCHED AND s\._remove = 0 THEN INSERT/);
    const state = await made.collect([{ stem: made.stem(0), counts: [4, 3, 3, 0] }]);
    assert.deepEqual([state.processed?.[0]?.files, state.processed?.[0]?.rows], [[], 3]);
    assert.equal(state.processed?.[0]?.seen, "");
  });

  it("commits no rows to an Iceberg table of a version when a later one is current, and says which it saw", async () => {
    const made = new Batch(stones({ ...glue, partitionBy: [], output: { ...stones().output, format: "iceberg" } }), [
      "a",
      "b",
    ]);
    const [a, b] = made.items as [HandedOver, HandedOver];
    const current = { version: "CURRENT", files: [], key: "k" };
    made.dynamodb.put("objects", { ...current, keyId: a.keyId, current: "v2", sequencer: sortable("2") });
    made.dynamodb.put("objects", { ...current, keyId: b.keyId, current: "v0", sequencer: sortable("0") });
    const { request } = await made.prepare();
    assert.match(
      request.objects[0]?.sql.merge ?? "",
      /^DELETE FROM glue_catalog\."lake"\."stones" WHERE \(_key_id = '/,
    );
    assert.match(request.objects[1]?.sql.merge ?? "", /^MERGE INTO/);
    const results = [0, 1].map((index) => ({ stem: made.stem(index), counts: [4, 3, 3, 0] }));
    const { processed = [] } = await made.collect(results);
    assert.deepEqual(
      processed.map(({ rows, seen }) => [rows, seen]),
      [
        [3, digest("v2", 16)],
        [3, digest("v0", 16)],
      ],
    );
  });
});

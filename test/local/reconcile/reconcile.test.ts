import { strict as assert } from "node:assert";
import { setTimeout as sleep } from "node:timers/promises";
import { InvokeCommand, ListEventSourceMappingsCommand, UpdateEventSourceMappingCommand } from "@aws-sdk/client-lambda";
import { DeleteObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { ListExecutionsCommand, SFNClient, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { findLocalAws, type LocalAws } from "../../../automation/local";
import type { LakeOutputs } from "../../../automation/lake/outputs";
import type { ReconcileResult } from "../../../automation/lake/reconcile";
import type { RedriveResult } from "../../../automation/lake/redrive";
import { clientsOf } from "../local-aws/support";
import { dataset, ingest, lines, meteorite, rows, sharedLake, type StatusResult } from "../support/lake";
import type { Workspace } from "../support/workspace";

type StoppableOutputs = LakeOutputs & { stageBStateMachineArn: string };

describe("reconcile and redrive of some objects", () => {
  let lake: Workspace;
  let outputs: StoppableOutputs;
  let clients: Awaited<ReturnType<typeof clientsOf>>;

  before(async () => {
    lake = await sharedLake();
    const status = await lake.json<StatusResult>(["status", "local"]);
    outputs = status.environments[0]?.outputs as unknown as StoppableOutputs;
    clients = await clientsOf((await findLocalAws(lake.root)) as LocalAws);
  });

  it("finds what somebody deleted and what somebody left behind, and mends it", async () => {
    const file = await lake.input("reconcile/r.ndjson", lines(meteorite(50_001), meteorite(50_002)));
    assert.equal((await ingest(lake, file)).processed, 1);
    const Bucket = outputs.stageBucket;
    const list = async () => {
      const { Contents = [] } = await clients.s3.send(new ListObjectsV2Command({ Bucket, Prefix: `post/${dataset}/` }));
      return Contents.sort((a, b) => Number(b.LastModified) - Number(a.LastModified)).map(({ Key }) => Key as string);
    };
    const [newest] = await list();
    await clients.s3.send(new DeleteObjectCommand({ Bucket, Key: newest }));
    const orphan = `post/${dataset}/fall=Fell/${"0".repeat(32)}-${"1".repeat(16)}.parquet`;
    await clients.s3.send(new PutObjectCommand({ Bucket, Key: orphan, Body: "PAR1" }));
    await sleep(1_100);
    const command = ["reconcile", "local", dataset, "--min-age", "1 second"];
    const found = await lake.json<ReconcileResult>(command, 1);
    assert.deepEqual(
      [found.differences.missing, found.differences.orphan, found.left],
      [1, 1, 2],
      JSON.stringify(found),
    );
    const mended = await lake.json<ReconcileResult>([...command, "--mend", "--wait"]);
    assert.deepEqual([mended.ok, mended.mended], [true, { sent: 1, deleted: 1 }]);
    assert.deepEqual(await rows(lake, "select count(*) as n from meteorites where id in (50001, 50002)"), [{ n: 2 }]);
    assert.ok(!(await list()).includes(orphan));
  });

  it("redrives one object of several, and leaves the others where they are", async () => {
    const names = ["one", "two", "three"];
    const files = await Promise.all(names.map((name) => lake.input(`reconcile/${name}.json`, '{"name": ')));
    assert.equal((await ingest(lake, ...files)).failed, 3);
    const before = await lake.json<RedriveResult>(["redrive", "local", dataset, "--reason", "NoSuchReason"]);
    assert.deepEqual([before.redriven.a, before.failed], [0, 0]);
    const one = await lake.json<RedriveResult>(["redrive", "local", dataset, "--object", "two.json", "--stage", "a"]);
    assert.deepEqual([one.redriven, one.failed], [{ arrivals: 0, a: 1, b: 0 }, 0]);
    const unknown = await lake.tributary("redrive", "local", dataset, "--stage", "c");
    assert.equal(unknown.code, 2);
  });

  it("fails what is in an execution that somebody stops, at once, and redrives it", async () => {
    const stones = Array.from({ length: 20_000 }, (_, index) => meteorite(60_000 + index));
    const file = await lake.input("reconcile/stopped.ndjson", lines(...stones));
    const count = "select count(*) as n from meteorites where id between 60000 and 79999";
    const [{ processed, failed, objects }] = await Promise.all([ingest(lake, file), stopNext(clients, outputs)]);
    assert.deepEqual([processed, failed], [0, 1], JSON.stringify(objects));
    assert.match(objects[0]?.error ?? "", /BatchStopped.*ABORTED/);
    const redriven = await lake.json<RedriveResult>([
      ...["redrive", "local", dataset, "--stage", "b", "--reason", "BatchStopped", "--wait"],
    ]);
    assert.deepEqual([redriven.redriven.b, redriven.failed], [1, 0]);
    assert.deepEqual(await rows(lake, count), [{ n: 20_000 }]);
    const compared = await lake.json<ReconcileResult>(["reconcile", "local", dataset, "--min-age", "1 second"]);
    assert.equal(compared.left, 0, JSON.stringify(compared));
  });

  it("finds what stands in a stopped execution before anybody told of it, and nothing is done twice when somebody does", async () => {
    const file = await lake.input("reconcile/untold.ndjson", lines(meteorite(80_001)));
    const compare = ["reconcile", "local", dataset, "--min-age", "1 second"];
    const FunctionName = outputs.functions["stage-b-error"];
    const { EventSourceMappings = [] } = await clients.lambda.send(
      new ListEventSourceMappingsCommand({ FunctionName }),
    );
    const listens = (Enabled: boolean) =>
      clients.lambda.send(new UpdateEventSourceMappingCommand({ UUID: EventSourceMappings[0]?.UUID, Enabled }));
    await listens(false);
    try {
      await Promise.all([lake.json(["ingest", "local", dataset, file]), stopNext(clients, outputs)]);
      await sleep(1_100);
      const found = await lake.json<ReconcileResult>(compare, 1);
      assert.equal(found.differences.stuck, 1, JSON.stringify(found));
      const mended = await lake.json<ReconcileResult>([...compare, "--mend", "--wait"]);
      assert.deepEqual([mended.ok, mended.mended.sent], [true, 1]);
    } finally {
      await listens(true);
    }
    await sleep(5_000);
    assert.deepEqual(await rows(lake, "select id from meteorites where id = 80001"), [{ id: 80_001 }]);
    assert.equal((await lake.json<ReconcileResult>(compare)).left, 0);
    assert.deepEqual((await lake.json<RedriveResult>(["redrive", "local", dataset, "--stage", "b"])).redriven.b, 0);
  });

  it("compares by itself, as its schedule asks for, and records that it did", async () => {
    const FunctionName = outputs.functions.reconcile;
    const Payload = JSON.stringify({ datasets: [dataset] });
    const answer = await clients.lambda.send(new InvokeCommand({ FunctionName, Payload }));
    const { compared } = JSON.parse(Buffer.from(answer.Payload ?? []).toString("utf8")) as { compared: object };
    assert.deepEqual(compared, { [dataset]: 0 });
  });
});

/** Stops the execution of Stage B that begins next, as somebody does in the console. */
async function stopNext({ options }: Awaited<ReturnType<typeof clientsOf>>, outputs: StoppableOutputs): Promise<void> {
  const states = new SFNClient(options);
  const stateMachineArn = outputs.stageBStateMachineArn;
  for (let tries = 0; tries < 3_000; tries++) {
    const { executions = [] } = await states.send(
      new ListExecutionsCommand({ stateMachineArn, statusFilter: "RUNNING" }),
    );
    const [running] = executions;
    if (running) {
      await states.send(new StopExecutionCommand({ executionArn: running.executionArn, cause: "by hand" }));
      return;
    }
    await sleep(20);
  }
  assert.fail("no execution began within a minute");
}

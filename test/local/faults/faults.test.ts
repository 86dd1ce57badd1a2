import { strict as assert } from "node:assert";
import { access, readFile, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { silent } from "../../../automation/events";
import { ensureLocalAws, findLocalAws, stopLocalAws, type LocalAws } from "../../../automation/local";
import { localFiles } from "../../../automation/local/files";
import type { LakeOutputs } from "../../../automation/lake/outputs";
import type { RedriveResult } from "../../../automation/lake/redrive";
import type { ReconcileResult } from "../../../automation/lake/reconcile";
import { dataset, lines, meteorite, type DeployResult, type StatusResult } from "../support/lake";
import { Workspace } from "../support/workspace";
import { itemsOf, killWorker, registered, repeatEvents, settled, standingStill } from "./flow";
import { FaultProxy } from "./proxy";

/** What verify-buckets.mjs prints. */
interface Verified {
  ok: boolean;
  expected: number;
  found: number;
}

/** Functions whose process is killed while it works: those that do the work of the stages. */
const WORKERS = /process-(object|data)$/;

describe("a lake whose AWS misbehaves", function () {
  const [before1, later] = [700, 300];
  const firstId = 100_000;
  const proxy = new FaultProxy();
  let lake: Workspace;
  let aws: LocalAws;
  let outputs: LakeOutputs;

  before(async () => {
    lake = await Workspace.create("faults");
    await lake.json<DeployResult>(["deploy", "local"]);
    process.env.TRIBUTARY_FUNCTIONS_ENDPOINT = await proxy.start((await findLocalAws(lake.root)) as LocalAws);
    // Started again with its state: from now on its functions call the proxy.
    aws = await ensureLocalAws(lake.root, silent);
    const status = await lake.json<StatusResult>(["status", "local"]);
    outputs = status.environments[0]?.outputs as unknown as LakeOutputs;
  });

  after(async () => {
    delete process.env.TRIBUTARY_FUNCTIONS_ENDPOINT;
    await lake.remove();
    await proxy.stop();
  });

  /** Stops the local AWS as a person does, and starts it with its state. */
  const restart = async () => {
    await stopLocalAws(lake.root, silent);
    const { clean, log } = localFiles(lake.root);
    const whole = await access(clean).then(
      () => true,
      () => false,
    );
    assert.ok(whole, `the local AWS did not write its state: ${(await readFile(log, "utf8")).slice(-3_000)}`);
    aws = await ensureLocalAws(lake.root, silent);
  };

  /** Sends objects of one record each, without waiting for them. */
  const send = async (from: number, count: number) => {
    const files = await Promise.all(
      Array.from({ length: count }, (_, index) =>
        lake.input(`faults/f-${from + index}.ndjson`, lines(meteorite(firstId + from + index))),
      ),
    );
    return lake.tributary("ingest", "local", dataset, ...files);
  };

  /** Nothing is lost and nothing is twice: buckets by themselves, and buckets against control tables. */
  const agree = async (objects: number) => {
    const { stdout, stderr } = await lake.shell(
      `eval "$(node bin/tributary.js env local)"; node test/local/faults/verify-buckets.mjs ${outputs.rawBucket} ${outputs.stageBucket} ${dataset}`,
    );
    const verified = JSON.parse(stdout || "{}") as Verified;
    assert.deepEqual([verified.ok, verified.expected, verified.found], [true, objects, objects], stdout + stderr);
    const compared = await lake.json<ReconcileResult>(["reconcile", "local", dataset, "--min-age", "1 second"]);
    assert.equal(compared.ok, true, JSON.stringify(compared));
    assert.deepEqual(
      [compared.checked.versions, compared.checked.items, compared.checked.rows],
      [objects, objects, objects],
    );
  };

  it("processes every object once: throttled tables, S3 down for 20 s, lost answers, killed functions, a restart, events twice and in reverse", async () => {
    proxy.faults = { throttled: 0.15, lost: 0.01, s3Down: false };
    const sending = send(0, before1);
    for (let waited = 0; proxy.s3Calls === 0 && waited < 120; waited++) await sleep(1_000);
    // The stages are at work: now S3 fails, and functions are killed while they work.
    proxy.faults.s3Down = true;
    const outage = sleep(20_000).then(() => (proxy.faults.s3Down = false));
    const killed: string[] = [];
    for (let turn = 0; turn < 10; turn++) {
      await sleep(2_500);
      const fn = await killWorker(aws.pid, WORKERS);
      if (fn) killed.push(fn);
    }
    await outage;
    assert.equal((await sending).code, 0);
    // Routing has done its part; in the middle of the rest, the local AWS is restarted: what it was doing breaks off.
    await registered(aws, outputs, before1, 120);
    await restart();
    const known = await itemsOf(aws, outputs);
    const repeated = await repeatEvents(aws, outputs, known);
    // The local AWS ends the executions that run when it is stopped, where AWS's go on: their objects are reconcile's work.
    const left = await standingStill(aws, outputs, 360);
    proxy.faults = { throttled: 0, lost: 0, s3Down: false };
    if (left.length > 0) {
      const mend = ["reconcile", "local", dataset, "--mend", "--min-age", "90 seconds"];
      const { mended } = await lake.json<ReconcileResult>(mend);
      assert.ok(mended.sent <= left.length, "nothing but what has no outcome is sent again");
    }
    const items = await settled(aws, outputs, before1, 180);
    const failed = items.filter(({ status }) => status === "FAILED");
    console.log(
      `      ${JSON.stringify({ ...proxy.injected, killed: killed.length, repeated, mended: left.length, failed: failed.length })}`,
    );
    const { throttled, lost, refused } = proxy.injected;
    assert.ok(throttled > 30 && lost > 3 && refused > 5, "faults were injected");
    assert.ok(killed.length > 0, "no function was working when one was to be killed");
    assert.equal(items.length, before1, "an object has more than one version");
    if (failed.length > 0) {
      const { redriven, failed: stayed } = await lake.json<RedriveResult>(["redrive", "local", dataset, "--wait"]);
      assert.deepEqual([redriven.a + redriven.b, stayed], [failed.length, 0], "every failed object has its message");
    }
    await agree(before1);
  });

  it("is mended by reconcile when its tables and queues are those of an earlier time", async () => {
    // The time that tables and queues go back to.
    await restart();
    // Everything is in the bucket, and the flow in the middle of it.
    assert.equal((await send(before1, later)).code, 0);
    process.kill(aws.pid, "SIGKILL");
    const files = localFiles(lake.root);
    // Without this file the driver would begin with nothing. So it is as after a restore: objects of now, the rest of its last stop.
    await writeFile(files.clean, "");
    aws = await ensureLocalAws(lake.root, silent);
    const mended = await lake.json<ReconcileResult>(
      ["reconcile", "local", dataset, "--mend", "--wait", "--min-age", "1 second"],
      0,
    );
    console.log(`      ${JSON.stringify({ mended: mended.mended })}`);
    assert.ok(mended.mended.sent > 0, "nothing was lost");
    await settled(aws, outputs, before1 + later, 120);
    await agree(before1 + later);
  });
});

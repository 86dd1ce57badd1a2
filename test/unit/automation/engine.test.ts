import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { EngineEvent, PulumiCommand } from "@pulumi/pulumi/automation";
import { Engine, engineFile, killLeft, leftProcesses, readRecord } from "../../../automation/stacks/engine";
import { identify } from "../../../automation/stacks/processes";
import { addChanges, changesOf, describeUrn, EngineListener } from "../../../automation/stacks/progress";
import { failure } from "../../../automation/stacks/failure";
import type { Environment } from "../../../automation/stacks/environments";

describe("engine", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), "engine-"));
  });

  afterEach(async () => {
    await killLeft(folder);
    await fs.rm(folder, { recursive: true, force: true });
  });

  /** An engine whose command is a shell script. */
  async function scripted(script: string): Promise<Engine> {
    const file = path.join(folder, "pulumi");
    await fs.writeFile(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return new Engine({ command: file, version: null } as unknown as PulumiCommand, path.join(folder, "run"));
  }

  it("gives back what its command printed, and leaves no file", async () => {
    const engine = await scripted('echo "out $1 $VALUE"; echo err >&2');
    const result = await engine.run(["up"], folder, { VALUE: "7" });
    assert.deepEqual([result.code, result.stdout, result.stderr], [0, "out up 7\n", "err\n"]);
    assert.deepEqual(await fs.readdir(path.join(folder, "run")), []);
  });

  it("fails as the Automation API expects it", async () => {
    const engine = await scripted("echo \"error: no stack named 'x' found\" >&2; exit 255");
    await assert.rejects(engine.run(["stack", "select"], folder, {}), { name: "StackNotFoundError" });
    const broken = await scripted("echo broken >&2; exit 3");
    await assert.rejects(broken.run(["up"], folder, {}), /code: 3[\s\S]*broken/);
  });

  it("is asked to stop with one SIGINT, and waited for", async () => {
    const engine = await scripted('trap "echo stopped; kill $!; exit 1" INT; echo ready; sleep 30 & wait');
    const controller = new AbortController();
    const running = engine.run(["up"], folder, {}, undefined, undefined, controller.signal);
    setTimeout(() => controller.abort(), 300);
    await assert.rejects(running, /stopped/);
  });

  it("is found by the next driver while it runs, with what it started", async () => {
    const engine = await scripted("sleep 30 & wait");
    const run = path.join(folder, "run");
    const running = engine.run(["up"], folder, {}).catch(() => "ended");
    let record;
    for (let turn = 0; turn < 100 && !record; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      record = (await leftProcesses(run)).engine;
    }
    assert.ok(record && (await identify(record.pid)));
    await killLeft(run);
    assert.equal(await running, "ended");
    assert.equal((await leftProcesses(run)).engine, undefined);
    await assert.rejects(fs.access(engineFile(run)));
  });

  it("takes no garbage for a record", () => {
    for (const text of ["", "{", "null", '{"pid":"1","start":"2"}']) assert.equal(readRecord(text), undefined);
    assert.deepEqual(readRecord('{"pid":1,"start":"2","plugins":[{"pid":3},{"pid":4,"start":"5"}]}'), {
      pid: 1,
      start: "2",
      plugins: [{ pid: 4, start: "5" }],
    });
  });
});

describe("what the engine tells", () => {
  const urn = (name: string, type = "aws:s3/bucket:Bucket") =>
    `urn:pulumi:local::tributary::tributary:lake:Lake$${type}::${name}`;
  const event = (part: object) => ({ sequence: 0, timestamp: 0, ...part }) as EngineEvent;
  const pre = (op: string, name: string, type?: string, inputs = {}) =>
    event({
      resourcePreEvent: {
        metadata: {
          op,
          urn: urn(name, type),
          type: type ?? "aws:s3/bucket:Bucket",
          new: { custom: true, inputs, parent: "p", provider: "q" },
        },
      },
    });
  const done = (op: string, name: string) => event({ resOutputsEvent: { metadata: { op, urn: urn(name) } } });
  const failed = (name: string) => event({ resOpFailedEvent: { metadata: { urn: urn(name) } } });
  const says = (message: string, name?: string, severity = "error") =>
    event({ diagnosticEvent: { urn: name && urn(name), message, severity } });

  const listen = (expected = 0) => {
    const told: [string, { done: number; total: number } | undefined][] = [];
    return { told, listener: new EngineListener((text, count) => told.push([text, count]), expected) };
  };

  it("is told on: what is being worked on and how far it is", () => {
    const { told, listener } = listen(2);
    for (const each of [
      pre("create", "a"),
      pre("update", "b"),
      done("create", "a"),
      done("update", "b"),
      done("same", "c"),
    ])
      listener.onEvent(each);
    assert.deepEqual(told[1], ["creating a and 1 more", { done: 0, total: 2 }]);
    assert.deepEqual(told[3], ["2 resources looked at", { done: 2, total: 2 }]);
    assert.deepEqual(told[4]![1], undefined, "more than expected: no share any more");
    assert.deepEqual(
      listener.resources.map(({ operation, name }) => `${operation} ${name}`),
      ["create a", "update b"],
    );
  });

  it("is told without stack and components, which run from beginning to end", () => {
    const { told, listener } = listen();
    listener.onEvent(pre("create", "lake", "tributary:lake:Lake"));
    listener.onEvent(pre("create", "a"));
    assert.equal(told[1]![0], "creating a");
  });

  it("counts: the summary, or what was finished when there is none", () => {
    const { listener } = listen();
    listener.onEvent(done("create", "a"));
    assert.equal(listener.changes.create, 1);
    listener.onEvent(event({ summaryEvent: { resourceChanges: { create: 3, same: 4 } } }));
    assert.deepEqual(listener.changes, { create: 3, update: 0, delete: 0, same: 4 });
  });

  it("counts a replacement as one create and one delete", () => {
    assert.deepEqual(changesOf({ replace: 2, "create-replacement": 2, "delete-replaced": 2, create: 1 }), {
      create: 3,
      update: 0,
      delete: 2,
      same: 0,
    });
    assert.deepEqual(changesOf({ "create-replacement": 1, "delete-replaced": 1 }), {
      create: 1,
      update: 0,
      delete: 1,
      same: 0,
    });
    assert.deepEqual(
      addChanges({ create: 5, update: 1, delete: 0, same: 0 }, { create: 2, update: 0, delete: 0, same: 10 }),
      {
        create: 7,
        update: 1,
        delete: 0,
        same: 4,
      },
    );
  });

  it("is gathered: all failures, each resource once, the cause without the bridge's frame", () => {
    const { listener } = listen();
    listener.onEvent(failed("a"));
    listener.onEvent(says("sdk.helper_schema: BucketAlreadyExists: taken: provider=aws@7.21.0", "a"));
    listener.onEvent(says(`creating ${urn("a")}: 1 error occurred:\n\t* BucketAlreadyExists: taken`, "a"));
    listener.onEvent(failed("b"));
    listener.onEvent(says("<{%reset%}>denied<{%reset%}>\n", "b"));
    listener.onEvent(says("update failed"));
    assert.deepEqual(listener.failures, [
      { resource: "a (aws:s3/bucket:Bucket)", cause: "BucketAlreadyExists: taken" },
      { resource: "b (aws:s3/bucket:Bucket)", cause: "denied" },
    ]);
    const error = failure({ name: "local" } as Environment, "deployed", listener.failures, undefined);
    assert.equal(error.code, "DeploymentFailed");
    assert.match(error.message, /a \(aws:s3\/bucket:Bucket\): BucketAlreadyExists: taken\n {2}b/);
  });

  it("is blamed on the program when no resource is", () => {
    const { listener } = listen();
    listener.onEvent(says("boom"));
    assert.deepEqual(listener.failures, [{ resource: "the program", cause: "boom" }]);
    assert.equal(describeUrn(""), "the program");
  });

  it("shows which creations met something that is there already", () => {
    const { listener } = listen();
    listener.onEvent(pre("create", "a", undefined, { bucket: "x" }));
    listener.onEvent(pre("create", "b", undefined, { bucket: "y" }));
    for (const name of ["a", "b"]) listener.onEvent(failed(name));
    listener.onEvent(says("ResourceAlreadyExistsException: the group already exists", "a"));
    listener.onEvent(says("AccessDenied", "b"));
    assert.deepEqual(listener.collisions, [
      {
        urn: urn("a"),
        type: "aws:s3/bucket:Bucket",
        custom: true,
        inputs: { bucket: "x" },
        parent: "p",
        provider: "q",
      },
    ]);
  });

  it("warns once, and not about plugins on PATH, which is how they are meant to be found", () => {
    const { listener } = listen();
    for (const text of ["look out", "look out", "using pulumi-resource-aws from $PATH at /x"])
      listener.onEvent(says(text, undefined, "warning"));
    assert.deepEqual(listener.warnings, ["look out"]);
  });
});

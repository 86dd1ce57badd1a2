import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { TributaryError } from "../../../automation/errors";
import { silent } from "../../../automation/events";
import { environmentNames, findEnvironment, stateFolder } from "../../../automation/stacks/environments";
import { exclusively, readOwner } from "../../../automation/stacks/exclusive";
import { parseLock } from "../../../automation/stacks/locks";
import { forgetLostState } from "../../../automation/stacks/prepare";
import { allOrFirstFailure } from "../../../automation/stacks/together";
import { descendants, identify } from "../../../automation/stacks/processes";
import {
  countResources,
  outputsOf,
  parseDeployment,
  readLocalState,
  stateFile,
} from "../../../automation/stacks/state";
import { judge } from "../../../automation/commands/status";

const code =
  (expected: string, text = /./) =>
  (error: unknown) =>
    error instanceof TributaryError && error.code === expected && text.test(error.message);

describe("stacks", () => {
  let root: string;

  beforeEach(async () => {
    root = await fs.mkdtemp(path.join(os.tmpdir(), "stacks-"));
    await fs.writeFile(path.join(root, "Pulumi.yaml"), "name: tributary\n");
    await fs.writeFile(path.join(root, "Pulumi.local.yaml"), "config:\n  aws:region: eu-west-1\n");
    await fs.writeFile(path.join(root, "Pulumi.dev.yaml"), "config:\n  tributary:backend: s3://state\n");
  });

  afterEach(() => fs.rm(root, { recursive: true }));

  const write = async (file: string, content: unknown) => {
    await fs.mkdir(path.dirname(file), { recursive: true });
    await fs.writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
  };

  describe("environments", () => {
    it("are those with a settings file, local first", async () => {
      await write(path.join(root, "Pulumi.a b.yaml"), "");
      assert.deepEqual(environmentNames(root), ["local", "dev"]);
    });

    it("tell region and backend", () => {
      const local = findEnvironment(root, "local");
      assert.deepEqual([local.region, local.backend, local.local], ["eu-west-1", `file://${stateFolder(root)}`, true]);
      const dev = findEnvironment(root, "dev");
      assert.deepEqual([dev.backend, dev.local, dev.project], ["s3://state", false, "tributary"]);
    });

    it("that do not exist are refused with those that do", () => {
      for (const name of ["prod", "../dev", "", "__proto__"]) {
        assert.throws(() => findEnvironment(root, name), code("UnknownEnvironment", /local, dev/));
      }
    });

    it("whose file is no YAML are refused with the file", async () => {
      await write(path.join(root, "Pulumi.dev.yaml"), "config: [");
      assert.throws(() => findEnvironment(root, "dev"), code("UnreadableSettings", /Pulumi\.dev\.yaml/));
    });
  });

  describe("recorded state", () => {
    const stack = {
      urn: "urn:s",
      type: "pulumi:pulumi:Stack",
      outputs: { rawBucket: "raw", key: { "4dabf18193072939515e22adb298388d": "1", ciphertext: "x" }, list: [1] },
    };
    const bucket = { urn: "urn:b", type: "aws:s3/bucket:Bucket", id: "b" };

    it("is undefined before the first deployment", async () => {
      assert.equal(await readLocalState(root, findEnvironment(root, "local")), undefined);
    });

    it("is read without an engine, secrets hidden", async () => {
      const environment = findEnvironment(root, "local");
      const provider = { urn: "urn:p", type: "pulumi:providers:aws", id: "p" };
      await write(stateFile(root, environment), { checkpoint: { latest: { resources: [stack, provider, bucket] } } });
      const state = (await readLocalState(root, environment))!;
      assert.deepEqual(outputsOf(state), { rawBucket: "raw", key: "[secret]", list: [1] });
      assert.equal(countResources(state), 1);
      assert.equal(judge(state), "deployed");
    });

    it("that is damaged is told, with the way out", async () => {
      const environment = findEnvironment(root, "local");
      await write(stateFile(root, environment), '{"checkpoint":');
      await assert.rejects(readLocalState(root, environment), code("UnreadableState", /local\.json/));
    });

    it("is judged", () => {
      const pending = [{ type: "creating" as const, resource: bucket }];
      assert.equal(judge(undefined), "not deployed");
      assert.equal(judge(parseDeployment({})), "not deployed");
      assert.equal(judge({ resources: [stack], pending }), "incomplete");
      assert.equal(judge({ resources: [{ ...stack, outputs: {} }], pending: [] }), "incomplete");
    });

    it("is forgotten when the local AWS has lost its own, and only then", async () => {
      const context = { root, sink: silent } as Parameters<typeof forgetLostState>[0];
      const aws = (stateId: string) => ({ stateId }) as Parameters<typeof forgetLostState>[1];
      const marker = path.join(stateFolder(root), "marker");
      const [record, migration] = ["records/one.json", "migrations/lake/local/lake-own/sql/1_a.sql.json"].map((name) =>
        path.join(stateFolder(root), ".tributary", name),
      ) as [string, string];
      assert.equal(await forgetLostState(context, aws("one")), false);
      for (const file of [marker, record, migration]) await write(file, "");
      assert.equal(await forgetLostState(context, aws("one")), false);
      await fs.access(marker);
      await fs.access(migration);
      assert.equal(await forgetLostState(context, aws("two")), true);
      for (const file of [marker, migration]) await assert.rejects(fs.access(file));
      await fs.access(record);
      assert.equal(await forgetLostState(context, aws("two")), false);
    });
  });

  it("reads no lock of the engine out of what was cut off while it was written", () => {
    assert.equal(parseLock('{"pid":'), undefined);
    assert.deepEqual(parseLock('{"pid":7,"hostname":"h"}'), { pid: 7, hostname: "h", timestamp: "" });
  });

  describe("one command at a time", () => {
    it("works on an environment; another is refused and told which", async () => {
      const folder = path.join(root, "engine");
      const sleeper = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"]);
      try {
        await write(path.join(folder, "driver.json"), { ...(await identify(sleeper.pid!)), command: "deploy local" });
        await assert.rejects(
          exclusively(folder, "plan local", async () => undefined),
          code("EnvironmentBusy", /deploy local/),
        );
      } finally {
        sleeper.kill("SIGKILL");
        await once(sleeper, "exit");
      }
      assert.equal(await exclusively(folder, "plan local", async () => 7), 7, "a dead owner is taken over");
      await assert.rejects(fs.access(path.join(folder, "driver.json")));
    });

    it("is not confused by a later process with the same id", async () => {
      const folder = path.join(root, "engine");
      await write(path.join(folder, "driver.json"), { pid: process.ppid, start: "long ago", command: "deploy local" });
      assert.equal(await exclusively(folder, "plan local", async () => 7), 7);
    });

    it("reads no owner out of garbage", () => {
      for (const text of [undefined, "", "null", "[]", '{"pid":"1"}']) assert.equal(readOwner(text), undefined);
    });
  });

  it("waits for all parts before it fails with the first failure", async () => {
    const ended: string[] = [];
    const slow = new Promise<void>((resolve) => setTimeout(() => (ended.push("slow"), resolve()), 20));
    await assert.rejects(allOrFirstFailure([slow, Promise.reject(new TypeError("first"))]), /first/);
    assert.deepEqual(ended, ["slow"]);
  });

  it("finds all descendants of a process", () => {
    const parents = new Map([
      [2, 1],
      [3, 2],
      [4, 2],
      [5, 4],
      [6, 9],
    ]);
    assert.deepEqual(descendants(1, parents), [2, 3, 4, 5]);
  });
});

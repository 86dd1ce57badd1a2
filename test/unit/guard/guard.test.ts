import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { openBackend, type Backend } from "../../../automation/backend";
import { silent, type DriverEvent } from "../../../automation/events";
import { freeEngineLocks, guardKey, withGuard } from "../../../automation/guard";
import { engineGrace } from "../../../automation/guard/engineLocks";
import { guardText, parseGuard, type GuardRecord } from "../../../automation/guard/record";
import { realSystem } from "../../../automation/guard/system";
import { defaultTiming } from "../../../automation/guard/timing";
import { fails } from "../support/fails";

const target = { project: "tributary", stack: "dev" };

describe("guard", () => {
  let root: string;
  let backend: Backend;
  let told: string[];
  const sink = (event: DriverEvent) => event.type === "message" && told.push(event.text);
  beforeEach(async () => {
    root = await fs.mkdtemp(path.join(os.tmpdir(), "tributary-guard-"));
    backend = openBackend(root, { backend: "file://./state" });
    told = [];
  });
  afterEach(() => fs.rm(root, { recursive: true, force: true }));

  const record = async (): Promise<GuardRecord> => parseGuard((await backend.files.get(guardKey(target)))!.text)!;
  const holder = async (more: Partial<NonNullable<GuardRecord["holder"]>> = {}): Promise<GuardRecord> => ({
    format: 1,
    generation: 41,
    renewal: 3,
    holder: {
      owner: "somebody else's",
      ...(await realSystem.self()),
      command: "deploy dev",
      since: "2026-03-01T10:00:00.000Z",
      lease: 60_000,
      ...more,
    },
  });

  it("is held while work goes on, and free afterwards, also after a failure", async () => {
    assert.equal(
      await withGuard(backend.files, target, "deploy dev", async () => (await record()).holder?.command),
      "deploy dev",
    );
    assert.equal((await record()).holder, undefined);
    const broken = new Error("broken");
    await assert.rejects(
      withGuard(backend.files, target, "deploy dev", () => Promise.reject(broken)),
      (error) => error === broken,
    );
    assert.equal((await record()).holder, undefined);
    assert.equal((await record()).generation, 2);
  });

  it("tells who holds it, where, since when, and what to do", async () => {
    await backend.files.createOnly(
      guardKey(target),
      guardText(await holder({ host: "build-7", machine: "build-7 x", pid: 77 })),
    );
    const error = await fails(
      withGuard(backend.files, target, "plan dev", async () => 1),
      "StackGuarded",
    );
    assert.match(
      error.message,
      /dev.*`deploy dev`.*build-7 \(process 77\) since 2026-03-01T10:00:00.000Z, last sign of life \d+ s ago/,
    );
    assert.match(error.next!, /60 s after its last sign of life/);
    assert.equal(error.exitCode, 1);
  });

  it("of a process of this machine that is gone is taken over at once, and said", async () => {
    await backend.files.createOnly(guardKey(target), guardText(await holder({ pid: 4_194_000, start: "1" })));
    await withGuard(backend.files, target, "deploy dev", async () => assert.equal((await record()).generation, 42), {
      sink,
    });
    assert.match(told.join(), /took over the guard of stack dev.*process 4194000.*its process is gone/);
  });

  it("that this very process left by a failed attempt is no obstacle", async () => {
    await backend.files.createOnly(guardKey(target), guardText(await holder()));
    await withGuard(backend.files, target, "deploy dev", async () => undefined);
  });

  it("of a process that lives is waited for, and tells so", async () => {
    let release = () => {};
    const first = withGuard(
      backend.files,
      target,
      "deploy dev",
      () => new Promise<void>((resolve) => (release = resolve)),
    );
    while (!(await backend.files.get(guardKey(target)))) await new Promise(setImmediate);
    const second = withGuard(backend.files, target, "destroy dev", async () => "done", { patience: 10_000, sink });
    setTimeout(() => release(), 60);
    await first;
    assert.equal(await second, "done");
    assert.match(told.join(), /waiting for the guard of stack dev, which `deploy dev`/);
  });

  it("a wait ends with Ctrl-C", async () => {
    const stop = new AbortController();
    await withGuard(backend.files, target, "deploy dev", async () => {
      const waiting = withGuard(backend.files, target, "x", async () => 1, { patience: 60_000, signal: stop.signal });
      setTimeout(() => stop.abort(), 20);
      await assert.rejects(waiting);
    });
  });

  it("that somebody took over stops the work, with the reason", async () => {
    const timing = { ...defaultTiming, tick: 10, heartbeat: 100 };
    const run = withGuard(
      backend.files,
      target,
      "deploy dev",
      async (signal) => {
        // It is renewed meanwhile.
        for (let taken = false; !taken;) {
          const { version } = (await backend.files.get(guardKey(target)))!;
          taken = await backend.files.replaceIf(guardKey(target), guardText(await holder()), version);
        }
        if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        return Promise.reject(new Error("the engine was stopped"));
      },
      { timing },
    );
    const error = await fails(run, "GuardLost");
    assert.match(error.message, /another command has taken it over/);
    assert.equal((await record()).holder?.owner, "somebody else's", "it is theirs now");
  });

  it("a file that is none is taken over when it does not change", async () => {
    await backend.files.createOnly(guardKey(target), "{ cut o");
    await fails(
      withGuard(backend.files, target, "x", async () => 1),
      "StackGuarded",
    );
    const timing = { ...defaultTiming, watch: 30, pause: { first: 5, longest: 5 } };
    assert.equal(await withGuard(backend.files, target, "x", async () => 1, { timing, patience: 5_000 }), 1);
  });

  describe("the engine's own locks", () => {
    const id = "locks/organization/tributary/dev/0b3a.json";
    const lock = (pid: number, hostname = os.hostname()) =>
      backend.engine!.put(id, JSON.stringify({ pid, hostname, username: "x", timestamp: "2026-03-01T10:00:00Z" }));
    const free = (patience = 50) => freeEngineLocks(backend, target, sink, { patience });
    const age = (key: string, ms: number, below = ".tributary") => {
      const past = new Date(Date.now() - ms);
      return fs.utimes(path.join(root, "state", below, ...key.split("/")), past, past);
    };

    it("of a process that is gone, or cut off, are removed", async () => {
      await lock(4_194_000);
      await free();
      assert.deepEqual(await backend.engine!.list("locks/"), []);
      await backend.engine!.put(id, "");
      await free();
      assert.deepEqual(await backend.engine!.list("locks/"), []);
      assert.equal(told.length, 2);
    });

    it("whose id another program got are removed", async () => {
      await lock(process.pid);
      await free();
      assert.deepEqual(await backend.engine!.list("locks/"), []);
    });

    it("of other stacks stay", async () => {
      await backend.engine!.put("locks/organization/tributary/dev.eu/1.json", "{}");
      await free();
      assert.equal((await backend.engine!.list("locks/")).length, 1);
    });

    it("of an engine that runs are waited for", async function () {
      if (process.platform !== "linux") {
        console.log("      needs /proc to name a process");
        return this.skip();
      }
      const folder = await fs.mkdtemp(path.join(root, "bin-"));
      await fs.copyFile("/bin/sleep", path.join(folder, "pulumi"));
      const start = async (seconds: string) => {
        const child = spawn(path.join(folder, "pulumi"), [seconds], { stdio: "ignore" });
        await lock(child.pid!);
        while ((await fs.readFile(`/proc/${child.pid}/comm`, "utf8")).trim() !== "pulumi")
          await new Promise(setImmediate);
        return child;
      };
      await start("0.1");
      await free(5_000);
      assert.match(told.join(), /waiting for an engine.*its process has ended/s);
      const stays = await start("60");
      const error = await fails(free(30), "StackLocked");
      assert.match(error.message, /stack dev is locked.*0b3a\.json/);
      stays.kill("SIGKILL");
    });

    it("of another machine stay, until its driver was lost for long enough", async () => {
      await lock(1, "build-7");
      await fails(free(), "StackLocked");
      const lost = "lost/tributary/dev/owner.json";
      await backend.files.createOnly(lost, JSON.stringify({ owner: "o", host: "build-7", pid: 3 }));
      const soon = await fails(free(), "StackLocked");
      assert.match(soon.next!, /in 16 minutes|in 15 minutes/);
      await age(lost, engineGrace + 1_000);
      await fails(free(), "StackLocked");
      // Only a lock that was there when the driver was lost is its own.
      await age(id, engineGrace + 60_000, ".pulumi");
      await free();
      assert.deepEqual(await backend.engine!.list("locks/"), []);
      assert.deepEqual(await backend.files.list("lost/"), [], "what was noted is not needed any more");
    });

    it("are out of reach in Pulumi Cloud, which is no failure", async () => {
      const cloud = openBackend(root, { backend: undefined });
      await freeEngineLocks(cloud, target, silent);
    });
  });
});

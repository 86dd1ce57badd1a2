import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import fc from "fast-check";
import type { Deployment } from "../../../automation/records";
import { differences, revisionText } from "../../../automation/rollback/difference";
import { linkTree } from "../../../automation/rollback/program";
import { adapted, runSettingsOf } from "../../../automation/rollback/settings";
import { chooseRollback, type StackRecords } from "../../../automation/rollback/targets";
import type { Environment } from "../../../automation/stacks/environments";

let clock = 0;

/** A record; `what` is its program, and what its functions run. */
function record(stack: string, run: string, what: string, more: Partial<Deployment> = {}): Deployment {
  const id = `20260301T1000${String(++clock).padStart(5, "0")}Z-abcdef`;
  return {
    format: 1,
    event: "begin",
    id,
    run,
    kind: "deploy",
    project: "p",
    target: { env: "dev", region: "r", stack, wave: 0 },
    who: "somebody",
    host: "here",
    startedAt: "2026-03-01T10:00:00Z",
    revision: { commit: "c".repeat(40), dirty: false, program: what },
    settings: { "tributary:packaging": "image" },
    secretSettings: [],
    result: "succeeded",
    images: { f: `repository@${what}` },
    ...more,
  };
}

/** Records of stacks, given oldest first. */
const of = (given: Record<string, Deployment[]>): StackRecords[] =>
  Object.entries(given).map(([stack, deployments]) => ({ stack, deployments: [...deployments].reverse() }));

const chosen = (records: StackRecords[], to?: string) =>
  chooseRollback(records, to)?.map((each) => each.to?.revision.program ?? each.why);

describe("rollback: which record", () => {
  beforeEach(() => (clock = 0));

  it("without a word: what was there before the last command", () => {
    assert.deepEqual(chosen(of({ a: [record("a", "1", "v1"), record("a", "2", "v2")] })), ["v1"]);
  });

  it("skips deployments that changed nothing", () => {
    const same = [record("a", "1", "v1"), record("a", "2", "v2"), record("a", "3", "v2")];
    assert.deepEqual(chosen(of({ a: same })), ["v1"]);
  });

  it("after a failure: back to the last success, even if that is the same program", () => {
    const failed = { result: "failed" as const };
    assert.deepEqual(chosen(of({ a: [record("a", "1", "v1"), record("a", "2", "v2", failed)] })), ["v1"]);
    assert.deepEqual(chosen(of({ a: [record("a", "1", "v1"), record("a", "2", "v1", failed)] })), ["v1"]);
  });

  it("commands that failed before the last one belong to it, because it went on with them", () => {
    const before = ["first", "second", "third"].map((stack) => record(stack, "1", "v1"));
    const stopped = [record("first", "2", "v2"), record("second", "2", "v2", { result: "failed" })];
    const after = [record("second", "3", "v2"), record("third", "3", "v2")];
    const all = [...before, ...stopped, ...after];
    const stack = (name: string) => all.filter(({ target }) => target.stack === name);
    const records = of({ first: stack("first"), second: stack("second"), third: stack("third") });
    assert.deepEqual(chosen(records), ["v1", "v1", "v1"]);
  });

  it("leaves alone what the last command did not work on", () => {
    const records = of({
      a: [record("a", "1", "v1"), record("a", "2", "v2")],
      b: [record("b", "1", "v1"), record("b", "2", "v2"), record("b", "3", "v3")],
    });
    assert.deepEqual(chosen(records), ["the last command did not change it", "v2"]);
  });

  it("a second rollback goes further back, not forth", () => {
    const [one, two, three] = [record("a", "1", "v1"), record("a", "2", "v2"), record("a", "3", "v3")];
    const back = record("a", "4", "v2", { kind: "rollback", rollbackTo: two.id });
    assert.deepEqual(chosen(of({ a: [one, two, three, back] })), ["v1"]);
    const further = record("a", "5", "v1", { kind: "rollback", rollbackTo: one.id });
    assert.deepEqual(chosen(of({ a: [one, two, three, back, further] })), ["there is no earlier success"]);
  });

  it("brings nothing back that was destroyed, and touches nothing that runs", () => {
    const gone = record("a", "2", "v1", { kind: "destroy" });
    assert.deepEqual(chosen(of({ a: [record("a", "1", "v1"), gone], b: [] })), [
      "it was destroyed",
      "nothing was ever deployed",
    ]);
    const running = record("a", "2", "v2", { result: "running" });
    assert.deepEqual(chosen(of({ a: [record("a", "1", "v1"), running] })), ["a command works on it"]);
  });

  it("to a record or a run: every stack to what it was then", () => {
    const records = () =>
      of({
        a: [record("a", "1", "v1"), record("a", "2", "v2"), record("a", "3", "v3")],
        b: [record("b", "1", "v1"), record("b", "3", "v3")],
        c: [record("c", "3", "v3")],
      });
    assert.deepEqual(chosen(records(), "1"), ["v1", "v1", "it was not deployed then"]);
    assert.deepEqual(chosen(records(), "3"), ["it is as it was then", "it is as it was then", "it is as it was then"]);
    const some = records();
    assert.deepEqual(chosen(some, some[0]!.deployments[0]!.id), chosen(records(), "3"));
    assert.equal(chooseRollback(records(), "nothing"), undefined);
  });

  it("never chooses a record that failed, ran or destroyed, whatever happened", () => {
    const some = fc.record({
      stack: fc.constantFrom("a", "b"),
      run: fc.integer({ min: 0, max: 6 }),
      what: fc.constantFrom("v1", "v2", "v3"),
      result: fc.constantFrom("succeeded" as const, "failed" as const, "interrupted" as const, "running" as const),
      kind: fc.constantFrom("deploy" as const, "destroy" as const, "rollback" as const),
    });
    fc.assert(
      fc.property(fc.array(some, { maxLength: 14 }), fc.boolean(), (events, named) => {
        clock = 0;
        const given: Record<string, Deployment[]> = { a: [], b: [] };
        const runs = [...events].sort((a, b) => a.run - b.run);
        for (const { stack, run, what, result, kind } of runs) {
          const before = given[stack]!.filter((each) => each.result === "succeeded" && each.kind === "deploy").at(-1);
          const rollbackTo = kind === "rollback" ? before?.id : undefined;
          if (kind === "rollback" && !rollbackTo) continue;
          given[stack]!.push(record(stack, String(run), what, { result, kind, ...(rollbackTo ? { rollbackTo } : {}) }));
        }
        for (const each of chooseRollback(of(given), named ? "3" : undefined) ?? []) {
          assert.ok((each.to === undefined) !== (each.why === undefined), "either a record or a reason");
          if (!each.to) continue;
          assert.deepEqual([each.to.result, each.to.kind, each.to.target.stack], ["succeeded", "deploy", each.stack]);
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe("rollback: what it changes", () => {
  it("images, settings by their path, and the program", () => {
    const then = record("a", "1", "v1", { settings: { "tributary:retention": { logs: "7 days", old: 1 } } });
    const now = record("a", "2", "v2", { settings: { "tributary:retention": { logs: "9 days" }, "tributary:x": "y" } });
    const found = differences({ stack: "a", present: now, to: then }, [now, then]);
    assert.deepEqual(
      found.map(({ kind, name, now: is, then: was }) => [kind, name, is, was]),
      [
        ["program", "revision", "cccccccccccc", "cccccccccccc"],
        ["image", "f", "repository@v2", "repository@v1"],
        ["setting", "tributary:retention.logs", "9 days", "7 days"],
        ["setting", "tributary:retention.old", undefined, "1"],
        ["setting", "tributary:x", "y", undefined],
      ],
    );
    assert.equal(
      revisionText({ revision: { dirty: true, program: "sha256:0123456789abcdef" } }),
      "program 0123456789ab",
    );
    assert.match(
      revisionText({ revision: { commit: "d".repeat(40), dirty: true, program: "x" } }),
      /^d{12} with changes/,
    );
  });

  it("the settings are those of the record, exactly, but secrets stay and images are named by digest", () => {
    const images = { f: "repository@sha256:1" };
    const settings = { "aws:region": "r", "tributary:packaging": "image", "tributary:images": { stack: "images" } };
    const then = record("a", "1", "v1", { settings, images, secretSettings: ["tributary:password"] });
    const present = {
      "aws:region": "r",
      "tributary:new": "x",
      "tributary:password": { secure: "cipher" },
      "tributary:token": { secure: "new cipher" },
      "other:key": 1,
    };
    const laid = runSettingsOf(then, present);
    assert.deepEqual(laid, {
      ...settings,
      "tributary:images": images,
      "tributary:new": undefined,
      "tributary:token": undefined,
    });
    assert.ok("tributary:new" in laid, "it takes the key away");
    const built = record("a", "1", "v1", { settings: { ...settings, "tributary:images": "build" }, images });
    assert.equal(runSettingsOf(built, {})["tributary:images"], "build");
  });

  it("a stack is seen as its settings were then", () => {
    const now = { name: "a", image: false, builds: false, architecture: "x86_64" } as Environment;
    const settings = { "tributary:packaging": "image", "tributary:images": "build", "tributary:architecture": "arm64" };
    const seen = adapted(now, record("a", "1", "v1", { settings }));
    assert.deepEqual([seen.image, seen.builds, seen.architecture], [true, true, "arm64"]);
    assert.equal(adapted(now, undefined), now);
  });
});

describe("rollback: packages of an earlier revision", () => {
  it("are links to the same files, and links among them stay as they are", async () => {
    const root = await fs.mkdtemp(path.join(os.tmpdir(), "tributary-links-"));
    try {
      await fs.mkdir(path.join(root, "from", "a", "b"), { recursive: true });
      await fs.writeFile(path.join(root, "from", "a", "b", "file"), "text");
      await fs.symlink("../layer", path.join(root, "from", "own"));
      await linkTree(path.join(root, "from"), path.join(root, "to"));
      const [here, there] = await Promise.all(["from", "to"].map((each) => fs.stat(path.join(root, each, "a/b/file"))));
      assert.equal(here!.ino, there!.ino);
      assert.equal(await fs.readlink(path.join(root, "to", "own")), "../layer");
    } finally {
      await fs.rm(root, { recursive: true, force: true });
    }
  });
});

import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import fc from "fast-check";
import { quote } from "../../../automation/commands/env";
import { describe as describeIngest } from "../../../automation/commands/ingest";
import type { TributaryError } from "../../../automation/errors";
import { explainCloud } from "../../../automation/lake/connect";
import { errorText, toExecution } from "../../../automation/lake/executions";
import { inMemory, planFiles, readContent } from "../../../automation/lake/files";
import { advance } from "../../../automation/lake/history";
import { summarize } from "../../../automation/lake/ingest";
import { keyId, matchItem, outcomeOf, type ObjectItem } from "../../../automation/lake/objects";
import { findDataset, lakeOutputs } from "../../../automation/lake/outputs";
import { toCell, toResult } from "../../../automation/lake/query";
import { PendingObjects } from "../../../automation/lake/wait";
import { code, outputs } from "./fakes";

describe("files to ingest", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), "files-"));
  });

  afterEach(() => fs.rm(folder, { recursive: true }));

  const file = async (name: string, content: string | Buffer = "x") => {
    const full = path.join(folder, name);
    await fs.mkdir(path.dirname(full), { recursive: true });
    await fs.writeFile(full, content);
    return full;
  };

  it("keep their name as it is, whatever it is", async () => {
    const names = [
      "with space.json",
      "größe-流星.json",
      "a+b.json",
      "100%25.json",
      "..dots..json",
      ".hidden",
      "quote'\".json",
      "new\nline",
    ];
    const planned = await planFiles(await Promise.all(names.map((name) => file(name))), "t/d");
    assert.deepEqual(
      planned.map(({ key }) => key),
      names.map((name) => `t/d/${name}`),
    );
  });

  it("are all looked at before anything is sent", async () => {
    const good = await file("good");
    await assert.rejects(planFiles([good, path.join(folder, "absent")], "t/d"), code("FileMissing", /absent/));
    await assert.rejects(planFiles([folder], "t/d"), code("NotAFile", /directory/));
    await assert.rejects(planFiles([await file("n".repeat(250))], `${"t".repeat(800)}/d`), code("KeyTooLong", /1024/));
  });

  it("of one name are refused, both named; the same file twice counts once", async () => {
    const [one, two] = [await file("a/x.json"), await file("b/x.json")];
    await assert.rejects(
      planFiles([one, two], "t/d"),
      (error: TributaryError) => code("SameName")(error) && error.message.includes(one) && error.message.includes(two),
    );
    await fs.symlink(one, path.join(folder, "link"));
    assert.equal((await planFiles([one, path.join(folder, "a", "..", "a", "x.json")], "t/d")).length, 1);
  });

  it("are hashed the same from memory and as a stream", async () => {
    const [small] = await planFiles([await file("small", "abc")], "t/d");
    const content = await readContent(small!);
    assert.equal(content.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert.deepEqual(content.body(), Buffer.from("abc"));
    const streamed = await readContent({ ...small!, size: inMemory + 1 });
    assert.equal(streamed.sha256, content.sha256);
  });
});

describe("objects", () => {
  const item = (version: string, rest: Partial<ObjectItem> = {}): ObjectItem => ({ keyId: "k", version, ...rest });

  it("have the identity that the functions give them", () => {
    // printf 'raw\nt/d/x' | sha256sum
    assert.equal(keyId("raw", "t/d/x"), "c02f6d79c19ca12acad7b3a100c31043");
    assert.match(keyId("raw", "t/d/größe"), /^[0-9a-f]{32}$/);
    assert.notEqual(keyId("raw", "a"), keyId("ra", "wa"));
  });

  it("match their own version: by id, or the newest of their ETag", () => {
    const items = [
      item("CURRENT", { etag: "e" }),
      item("001", { etag: '"e"', status: "FAILED" }),
      item("003", { etag: "e", status: "PROCESSED" }),
      item("004", { etag: "other" }),
      item("v1", { versionId: "v1", etag: "e" }),
    ];
    assert.equal(matchItem({ etag: "e", versionId: "v1" }, items)?.version, "v1");
    assert.equal(matchItem({ etag: "e", versionId: "v9" }, items)?.version, "003");
    assert.equal(matchItem({ etag: "none", versionId: undefined }, items), undefined);
  });

  it("have an outcome only when it is final", () => {
    assert.deepEqual(outcomeOf(item("1", { status: "PROCESSED" })), { status: "PROCESSED" });
    assert.deepEqual(outcomeOf(item("1", { status: "FAILED", error: { code: "EmptyObject", message: "0 bytes" } })), {
      status: "FAILED",
      error: "EmptyObject: 0 bytes",
    });
    for (const status of ["RECEIVED", "STAGE_A", "STAGE_A_DONE", "STAGE_B", undefined])
      assert.equal(outcomeOf(item("1", { status })), undefined);
    assert.equal(outcomeOf(undefined), undefined);
  });

  it("wait until their item is final, each for itself", () => {
    const object = (id: string) => ({ file: id, key: `t/d/${id}`, keyId: id, etag: id, versionId: undefined });
    const pending = new PendingObjects([object("a"), object("b"), object("c")]);
    pending.settle([
      { keyId: "a", version: "1", etag: "a", status: "PROCESSED" },
      { keyId: "b", version: "1", etag: "an older content", status: "PROCESSED" },
      { keyId: "c", version: "1", etag: "c", status: "STAGE_B" },
      { keyId: "z", version: "1", etag: "z", status: "PROCESSED" },
    ]);
    assert.deepEqual([pending.size, pending.oldest(9), [...pending.outcomes.keys()]], [2, ["b", "c"], ["t/d/a"]]);
  });

  it("are looked for from a little before the newest entry of the history, never back", () => {
    assert.equal(advance("2026-01-01T00:00:00.000Z", "2026-01-01T00:01:00.000Z#B#k#v#1"), "2026-01-01T00:00:50.000Z");
    assert.equal(advance("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.000Z#B"), "2026-01-01T00:00:00.000Z");
    assert.equal(advance("x", undefined), "x");
    assert.equal(advance("2026", "garbage"), "2026");
  });
});

describe("results", () => {
  it("of ingest add up", () => {
    const sent = [
      { file: "1", key: "k1", outcome: { status: "PROCESSED" as const } },
      { file: "2", key: "k2", outcome: { status: "FAILED" as const, error: "E: why" } },
      { file: "3", key: "k3", outcome: undefined },
    ];
    const result = summarize(sent);
    assert.deepEqual(result, {
      accepted: 3,
      processed: 1,
      failed: 1,
      objects: [
        { file: "1", key: "k1", status: "PROCESSED" },
        { file: "2", key: "k2", status: "FAILED", error: "E: why" },
        { file: "3", key: "k3", status: "PENDING" },
      ],
    });
    assert.match(describeIngest(result, "local"), /3 accepted, 1 processed, 1 failed, 1 on their way/);
  });

  it("of queries are typed by their columns, null kept", () => {
    const column = (Name: string, Type: string) => ({ Name, Type });
    const columns = [
      column("n", "bigint"),
      column("x", "double"),
      column("t", "varchar"),
      column("b", "boolean"),
      column("d", "decimal(10,2)"),
    ];
    const row = (...values: (string | undefined)[]) => ({ Data: values.map((VarCharValue) => ({ VarCharValue })) });
    const result = toResult(columns, [
      row("n", "x", "t", "b", "d"),
      row("32", "1.5", "32", "true", "2.50"),
      row(undefined, undefined, undefined, undefined, undefined),
    ]);
    assert.deepEqual(result.columns, ["n", "x", "t", "b", "d"]);
    assert.deepEqual(result.rows, [
      { n: 32, x: 1.5, t: "32", b: true, d: 2.5 },
      { n: null, x: null, t: null, b: null, d: null },
    ]);
  });

  it("of queries keep what a number cannot hold as text", () => {
    assert.equal(toCell({ Name: "n", Type: "bigint" }, { VarCharValue: "9007199254740993" }), "9007199254740993");
    assert.equal(toCell({ Name: "n", Type: "double" }, { VarCharValue: "NaN" }), "NaN");
    assert.equal(toCell({ Name: "n", Type: "bigint" }, { VarCharValue: "" }), "");
    assert.equal(toCell({ Name: "t", Type: "varchar" }, { VarCharValue: "" }), "");
    fc.assert(
      fc.property(
        fc.maxSafeInteger(),
        (n) => toCell({ Name: "n", Type: "bigint" }, { VarCharValue: String(n) }) === (Object.is(n, -0) ? 0 : n),
      ),
    );
  });

  it("of queries keep a first row that only looks like a head when it is none", () => {
    const columns = [{ Name: "name", Type: "varchar" }];
    assert.deepEqual(toResult(columns, [{ Data: [{ VarCharValue: "Aachen" }] }]).rows, [{ name: "Aachen" }]);
    assert.deepEqual(toResult(columns, []).rows, []);
  });

  it("of executions name the object and the reason", () => {
    const item = {
      team: "t",
      dataset: "d",
      stage: "A",
      object: "t/d/x",
      status: "FAILED",
      error: { code: "C", message: "m" },
      startedAt: "1",
      endedAt: "2",
      attempt: 1,
      keyId: "k",
    };
    assert.deepEqual(toExecution(item), {
      team: "t",
      dataset: "d",
      stage: "A",
      object: "t/d/x",
      status: "FAILED",
      error: "C: m",
      startedAt: "1",
      endedAt: "2",
      attempt: 1,
    });
    assert.equal("error" in toExecution({ ...item, error: undefined }), false);
    assert.equal(errorText({}), undefined);
  });
});

describe("stack outputs", () => {
  it("are those of a whole lake, or it is not deployed", () => {
    assert.equal(lakeOutputs(outputs, "local"), outputs);
    assert.throws(() => lakeOutputs({}, "local"), code("NotDeployed", /never deployed/));
    assert.throws(() => lakeOutputs({ ...outputs, rawBucket: undefined }, "local"), code("NotDeployed", /rawBucket/));
  });

  it("name the datasets that there are", () => {
    assert.equal(findDataset(outputs, "engineering/meteorites").team, "engineering");
    for (const name of ["meteorites", "engineering/other", "__proto__", "constructor", ""]) {
      assert.throws(() => findDataset(outputs, name), code("UnknownDataset", /engineering\/meteorites/));
    }
  });
});

describe("errors of services", () => {
  it("name the service's error and status; others stay as they are", () => {
    const refused = Object.assign(new Error("no"), { name: "AccessDenied", $metadata: { httpStatusCode: 403 } });
    assert.ok(code("CloudRefused", /AccessDenied, HTTP 403\): no/)(explainCloud(refused, "local")));
    const defect = new TypeError("odd");
    assert.equal(explainCloud(defect, "local"), defect);
  });
});

describe("tributary env", () => {
  it("quotes any value so that a shell gives it back", () => {
    const values = [
      "",
      "plain",
      "it's",
      '"$HOME"',
      "`id`",
      "a\nb",
      "\\",
      "$(touch /nonexistent)",
      "größe; rm -rf x",
      "'; echo",
      "--flag",
    ];
    const script = values.map((value) => `printf '%s\\0' ${quote(value)}`).join("; ");
    assert.deepEqual(execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1), values);
    fc.assert(
      fc.property(
        fc.array(
          fc.string().filter((text) => !text.includes("\0")),
          { minLength: 1, maxLength: 20 },
        ),
        (texts) => {
          const printed = execFileSync("sh", ["-c", texts.map((text) => `printf '%s\\0' ${quote(text)}`).join("; ")], {
            encoding: "utf8",
          });
          assert.deepEqual(printed.split("\0").slice(0, -1), texts);
        },
      ),
      { numRuns: 20 },
    );
  });
});

import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { noRoom, NoRoom, requireRoomFor } from "../../../layer/engines/capacity";
import { LayerError } from "../../../layer/errors";
import { withRoom } from "../../../layer/flow/alone";
import type { Small } from "./support/smallDisk";

const root = path.resolve(__dirname, "../../..");

describe("layer: room for an object in Stage A", () => {
  it("is looked for before anything is fetched, and the message tells what to do", async () => {
    await requireRoomFor(1, tmpdir());
    await assert.rejects(requireRoomFor(Number.MAX_SAFE_INTEGER, tmpdir()), {
      code: "TransformTooLarge",
      message:
        /has \d+ MB, and \d+ MB are free in \/tmp.*no engine helps.*smaller objects.*stage-a-process-object\.tmp/,
    });
  });

  for (const [what, error, full] of [
    ["the file system's word", Object.assign(new Error("write"), { code: "ENOSPC" }), true],
    [
      "DuckDB's word",
      new LayerError(
        "EngineFailed",
        "reading",
        new Error('IO Error: Could not write file "o": No space left on device'),
      ),
      true,
    ],
    ["another error", new LayerError("EngineFailed", "IO Error: Input/output error"), false],
  ] as const) {
    it(`is known to be missing by ${what}: ${full}`, async () => {
      const found = await noRoom(error, 5 * 1024 ** 2, tmpdir());
      assert.equal(found instanceof NoRoom, full);
      if (full)
        assert.match(found?.message ?? "", /^the object has 5 MB in the bucket; unpacked.*\d+ MB in all: no engine/);
    });
  }

  /** Items `<group><number>` that take 1 of 2 places each, but those in `large`, which take `large` places. */
  async function work(items: string[], large: Record<string, number>, concurrency = 4) {
    let used = 0;
    const done: string[] = [];
    const results = await withRoom(items, { group: ([group]) => group as string, concurrency }, async (item) => {
      const size = large[item] ?? 1;
      if (used + size > 2) throw new NoRoom(item);
      used += size;
      await sleep(5);
      used -= size;
      done.push(item);
      return item;
    });
    const told = results.map((result) =>
      "value" in result ? result.value : "error" in result ? result.final : "deferred",
    );
    return { done, told };
  }

  it("is given once more to what was crowded out, alone, with what waits behind it in its order", async () => {
    const { done, told } = await work(["a1", "b1", "c1", "c2", "d1"], {});
    assert.deepEqual(told, ["a1", "b1", "c1", "c2", "d1"]);
    assert.ok(done.indexOf("c1") < done.indexOf("c2"));
  });

  it("is denied for good to what has none alone; the rest of its group goes on", async () => {
    const { told } = await work(["a1", "b1", "c1", "c2"], { c1: 3 });
    assert.deepEqual(told, ["a1", "b1", true, "c2"]);
    assert.deepEqual((await work(["a1", "a2"], { a1: 3 }, 1)).told, [true, "a2"]);
  });

  it("is no matter of other errors: what waits behind one goes on waiting", async () => {
    const results = await withRoom(
      ["a1", "a2", "b1"],
      { group: ([group]) => group as string, concurrency: 2 },
      (item) => Promise.reject(item === "a1" ? new Error("busy") : new NoRoom("b")),
    );
    assert.deepEqual(
      results.map((result) => ("error" in result ? [result.final, (result.error as Error).name] : "deferred")),
      [[false, "Error"], "deferred", [true, "Rejection"]],
    );
  });

  describe("on a disk of 22 MB", function () {
    let found: Record<"plain" | "packed" | "csv" | "crowded", Small>;
    const folder = mkdtempSync(path.join(tmpdir(), "tributary-room-"));
    after(() => rmSync(folder, { recursive: true }));

    before(async function () {
      this.timeout(60_000);
      const mount = 'mount -t tmpfs -o size=22m tmpfs "$1" && shift && exec "$@"';
      const inMount = ["--mount", "sh", "-c", mount, "sh", folder];
      if (spawnSync("unshare", [...inMount, "true"]).status !== 0) {
        console.log("      skipped: a small disk needs Linux and the right to mount one");
        this.skip();
      }
      const script = path.join(__dirname, "support/smallDisk.ts");
      const env = { ...process.env, TMPDIR: folder };
      const command = [...inMount, process.execPath, "-r", path.join(root, "bin/typescript.js"), script];
      const { stdout } = await promisify(execFile)("unshare", command, { env, maxBuffer: 1024 ** 2 });
      found = JSON.parse(stdout) as typeof found;
    });

    for (const [what, name, message, fetched] of [
      ["that is larger itself is not even fetched", "plain", /has 30 MB, and 2\d MB are free/, 0],
      ["that is too large unpacked is given up at once", "packed", /unpacked, and together with its CSV/, 1],
      ["whose CSV has no room beside it is given up at once", "csv", /unpacked, and together with its CSV/, 1],
    ] as const) {
      it(`an object ${what}`, () => {
        const { statuses, errors, tries, fetched: gets } = found[name];
        assert.deepEqual([statuses, tries, gets], [["FAILED"], 1, fetched]);
        assert.match(errors[0] ?? "", /^TransformTooLarge: /);
        assert.match(errors[0] ?? "", message);
      });
    }

    it("objects that have room one by one are all processed, though not side by side", () => {
      const { statuses, errors, tries, fetched } = found.crowded;
      assert.deepEqual(errors, []);
      assert.deepEqual([statuses, tries], [Array(8).fill("PROCESSED"), 8]);
      assert.ok(fetched > 8, "some were crowded out first");
    });
  });
});

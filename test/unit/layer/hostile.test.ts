import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { Rejection } from "../../../layer/errors";
import { fileStem, keyIdOf, quarantineKey } from "../../../layer/identity";
import { sizeInBytes } from "../../../layer/manifest";
import { withEngine, type Engine } from "../../../layer/transform/engine";
import { csvToParquet } from "../../../layer/transform/heavy";
import { recordsToCsv } from "../../../layer/transform/light";
import { stage } from "../../../layer/transform/staging";
import { withWorkspace } from "../../../layer/transform/workspace";
import { csv, json, packed, type Hostile } from "./hostile.table";
import { manifestOf, written } from "./support/transforms";

const columns = [
  { name: "id", type: "int" },
  { name: "name", type: "string" },
  { name: "v", type: "double" },
];

/** What both stages make of it: rows of the table, and the first of them; or the rejection. */
async function outcome(
  engine: Engine,
  input: Hostile,
): Promise<{ rows: number; first?: Record<string, unknown> } | string> {
  const { body, format = "auto", objectSize = "64 MB", evolution = {} } = input;
  const manifest = manifestOf({ input: { format, columns }, output: { columns }, evolution, limits: { objectSize } });
  try {
    return await withWorkspace(async (directory) => {
      const [file, out] = [path.join(directory, "in"), path.join(directory, "out")];
      const chunks =
        typeof body === "function" ? body() : Buffer.byteLength(body) === 0 ? [] : [Buffer.from(body as string)];
      const shape = await stage(Readable.from(chunks), file, sizeInBytes(objectSize), format);
      await recordsToCsv(engine, { file, shape }, out, manifest);
      const { rows, files } = await csvToParquet(engine, out, directory, manifest);
      if (rows === 0) return { rows };
      const query = `SELECT * FROM read_parquet('${files[0]?.file}') LIMIT 1`;
      const [first] = await engine.connected(async (one) => (await one.runAndReadAll(query)).getRowObjectsJson());
      return { rows, first };
    }, engine.directory);
  } catch (error) {
    assert.ok(error instanceof Rejection, String((error as Error).stack));
    assert.ok(!error.message.includes(engine.directory), error.message);
    assert.ok(error.message.length < 2_000, `${error.message.length} characters`);
    return `${error.code}: ${error.message}`;
  }
}

/** Calls `work` with one engine for all tests of a suite: a new one for each would take most of the time. */
function sharedEngine(): () => Engine {
  let engine: Engine | undefined;
  let end: () => void = () => undefined;
  let ended: Promise<void>;
  before(async () => {
    await new Promise<void>((ready, failed) => {
      ended = withWorkspace((directory) =>
        withEngine(directory, async (made) => {
          engine = made;
          const over = new Promise<void>((resolve) => (end = resolve));
          ready();
          await over;
        }),
      );
      ended.catch(failed);
    });
  });
  after(async () => {
    end();
    await ended;
  });
  return () => engine as Engine;
}

describe("layer: hostile inputs", () => {
  const engine = sharedEngine();

  const holds = async (input: Hostile) => {
    const found = await outcome(engine(), input);
    if (typeof input.outcome === "string") {
      assert.ok(typeof found === "string" && found.startsWith(input.outcome), JSON.stringify(found).slice(0, 400));
      return;
    }
    assert.ok(typeof found !== "string", String(found).slice(0, 400));
    assert.equal(found.rows, input.outcome);
    if (input.row) assert.deepEqual([found.first?.id, found.first?.name, found.first?.v], input.row);
    if (input.extra !== undefined) assert.equal(found.first?._extra, input.extra);
  };

  for (const [kind, table] of Object.entries({ JSON: json, packed, CSV: csv })) {
    describe(kind, () => {
      for (const input of table) {
        const then = typeof input.outcome === "number" ? `${input.outcome} rows` : input.outcome.split(":")[0];
        it(`${input.what}: ${then}`, () => holds(input));
      }
    });
  }

  it("are sixty at least, each of its own, and bombs are small", () => {
    const all = Object.entries({ json, packed, csv }).flatMap(([kind, table]) =>
      table.map((input) => ({ ...input, name: `${kind} ${input.what}` })),
    );
    assert.ok(all.length >= 60, String(all.length));
    assert.equal(new Set(all.map(({ name }) => name)).size, all.length);
    for (const { what, body, packed: most } of all) if (most) assert.ok((body as Buffer).length < most, what);
  });

  it("of white space take no room on the disk", async () => {
    await withWorkspace(async (directory) => {
      const file = path.join(directory, "in");
      const blanks = function* () {
        for (let at = 0; at < 64; at++) yield Buffer.alloc(1024 ** 2, at % 2 ? " " : "\n");
      };
      await assert.rejects(stage(Readable.from(blanks()), file, 1e9), /nothing but white space/);
      assert.ok((await stat(file)).size <= 2 * 1024 ** 2);
    }, engine().directory);
  });

  describe("Parquet", () => {
    let good: Buffer;
    before(async () => void (good = await written("SELECT 1 AS id, 'x' AS name, 0.5 AS v", "FORMAT parquet")));
    const change = (at: number, ...values: number[]) => {
      const copy = Buffer.from(good);
      values.forEach((value, index) => (copy[copy.length + at + index] = value));
      return copy;
    };

    for (const [what, body, expected] of [
      ["as it should be", () => good, 1],
      ["its magic only", () => Buffer.from("PAR1"), "MalformedParquet"],
      ["its magic twice", () => Buffer.from("PAR1PAR1"), "MalformedParquet"],
      ["without its last byte", () => good.subarray(0, -1), "MalformedParquet"],
      ["with another end", () => change(-4, 0x50, 0x41, 0x52, 0x45), "MalformedParquet"],
      ["with a footer of 4 GB", () => change(-8, 0xff, 0xff, 0xff, 0xff), "MalformedParquet"],
      ["with a footer of 0 bytes", () => change(-8, 0, 0, 0, 0), "MalformedParquet"],
      [
        "with noise for a footer",
        () => change(-60, ...Array.from({ length: 40 }, (_, at) => (at * 37) % 251)),
        "MalformedParquet",
      ],
      ["where JSON belongs", () => good, "NotRecords"],
    ] as [string, () => Buffer, number | string][]) {
      it(`${what}: ${typeof expected === "number" ? `${expected} row` : expected}`, () =>
        holds({
          what,
          body: body(),
          outcome: expected,
          ...(what === "where JSON belongs" ? { format: "json" as const } : {}),
        }));
    }

    for (const [what, query, expected] of [
      ["NaN", "SELECT 1 AS id, 'NaN'::DOUBLE AS v", "SchemaMismatch"],
      ["infinity", "SELECT 1 AS id, '-Infinity'::DOUBLE AS v", "SchemaMismatch"],
      ["a name with quotes", `SELECT 1 AS id, 2 AS "a""b'; --"`, 1],
      ["1,000 columns", `SELECT 1 AS id, ${wideColumns(999)}`, 1],
      ["other columns", "SELECT 1 AS x", "NotRecords"],
      ["no rows", "SELECT 1 AS id WHERE false", 0],
      ["more equal rows than its bytes may become", "SELECT 1 AS id FROM range(2000000)", "ObjectTooLarge"],
    ] as [string, string, number | string][]) {
      it(`of ${what}: ${typeof expected === "number" ? `${expected} rows` : expected}`, async () =>
        holds({
          what,
          body: await written(query, "FORMAT parquet"),
          outcome: expected,
          evolution: { new: "add" },
          ...(expected === "ObjectTooLarge" ? { objectSize: "1 MB" } : {}),
        }));
    }
  });
});

function wideColumns(count: number): string {
  return Array.from({ length: count }, (_, at) => `${at} AS f${at}`).join(", ");
}

describe("layer: hostile keys", () => {
  for (const key of [
    "team/data/../../../etc/passwd",
    "team/data/..%2f..%2fetc",
    "/etc/passwd",
    "team/data/link -> /etc/shadow",
    "team/data/a\0b",
    "team/data/\u202Egnp.exe",
    "team/data/" + "ü".repeat(500),
    "team/data/'; DROP TABLE x; --",
    "team/data/$(reboot)`id`",
    "team/data//",
    "team/data/.",
    "team/data/con\\..\\nul",
  ]) {
    it(`become no part of a path: ${JSON.stringify(key).slice(0, 60)}`, () => {
      const object = { team: "team", dataset: "data", keyId: keyIdOf("raw", key), version: key };
      assert.match(fileStem(object), /^[0-9a-f]{32}-[0-9a-f]{16}$/);
      assert.match(quarantineKey(object), /^quarantine\/team\/data\/[0-9a-f]{32}-[0-9a-f]{16}\.parquet$/);
    });
  }
});

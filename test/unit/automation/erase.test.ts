import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { createReadStream } from "node:fs";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { checkValues, digestOf, parseCondition, sqlOf } from "../../../automation/lake/erase/condition";
import { findRecords, lenient, textHolds, type Search } from "../../../automation/lake/erase/find";
import { without, type Range } from "../../../automation/lake/erase/records";
import { loadManifests, type Manifest } from "../../../layer/manifest";
import { withEngine, type Engine } from "../../../layer/transform/engine";
import { literal } from "../../../layer/transform/sql";
import { withWorkspace } from "../../../layer/transform/workspace";
import { TributaryError } from "../../../automation/errors";

const manifest = loadManifests(path.join(__dirname, "../../../datasets")).find(
  ({ dataset }) => dataset === "meteorites",
) as Manifest;

const record = (id: number, name = `Stone ${id}`) => ({
  ...{ name, id: String(id), nametype: "Valid", recclass: "L5", mass: "21", fall: "Fell" },
  ...{ year: "1880-01-01T00:00:00.000", reclat: "50.7", reclong: "6.0" },
});

const lines = (ids: number[]) => ids.map((id) => JSON.stringify(record(id))).join("\n");

async function searching<T>(where: string[], work: (search: Search, directory: string) => Promise<T>): Promise<T> {
  const condition = parseCondition(where, manifest);
  return withWorkspace((directory) =>
    withEngine(directory, (engine) => work({ engine, manifest: lenient(manifest), condition }, directory)),
  );
}

/** What is left of an object, or why nothing is. */
async function erased(body: Buffer | string, where = ["id=7042"]): Promise<string> {
  return searching(where, async (search, directory) => {
    const found = await findRecords(search, Readable.from([Buffer.from(body)]), directory);
    if (found.kind !== "holds") return found.kind;
    const { records, ranges } = found;
    const left = await records.write(without(ranges, records.count), path.join(directory, "written"));
    return (await buffer(createReadStream(left.file))).toString("latin1");
  });
}

describe("erase: the condition", () => {
  const code = (where: string[]) => {
    try {
      parseCondition(where, manifest);
    } catch (error) {
      assert.ok(error instanceof TributaryError);
      assert.doesNotMatch(error.message, /secret/);
      return error.code;
    }
    return "none";
  };

  it("takes columns of the table, and never repeats a value", () => {
    assert.equal(code(["id=42"]), "none");
    for (const where of [[], ["secret"], ["nothing=secret"], ["id="], ["=secret"], ['id"=secret'], ["id=secret\0"]])
      assert.equal(code(where), "WhereInvalid", where.join());
  });

  it("takes values of the column's type", async () => {
    await searching(["id=42", "name=any'; DROP TABLE x; --"], ({ engine, condition }) =>
      checkValues(engine, condition),
    );
    await assert.rejects(
      searching(["id=secret"], ({ engine, condition }) => checkValues(engine, condition)),
      (error: TributaryError) => error.code === "WhereInvalid" && !error.message.includes("secret"),
    );
  });

  it("holds for no row of a file that lacks the column, unless its folder has the value", () => {
    const condition = parseCondition(["id=42"], manifest);
    assert.equal(sqlOf(condition, new Set(), new Map()), "false");
    assert.match(sqlOf(condition, new Set(), new Map([["id", "CAST('42' AS INTEGER)"]])), /TRY_CAST\(CAST\('42'/);
    assert.match(sqlOf(condition, new Set(["id"]), new Map()), /TRY_CAST\("id" AS INTEGER\) = CAST\('42' AS INTEGER\)/);
  });

  it("is kept as a digest that nothing but the salt explains", () => {
    const condition = parseCondition(["id=42", "name=x"], manifest);
    const [one, two] = [digestOf(condition), digestOf(condition)];
    assert.notEqual(one.digest, two.digest);
    assert.equal(digestOf([...condition].reverse(), one.salt).digest, one.digest);
    assert.doesNotMatch(JSON.stringify(one), /"42"/);
  });
});

describe("erase: raw objects", () => {
  it("lose exactly their records: JSON lines, byte for byte", async () => {
    const text = `${lines([1, 7042, 2])}\n`;
    assert.equal(await erased(text), `${lines([1, 2])}\n`);
    assert.equal(await erased(lines([7042])), "[]\n", "what is left is an array that the lake takes");
    assert.equal(await erased(lines([1, 2])), "clean");
  });

  it("JSON arrays, spaced and nested as they were", async () => {
    const [kept, gone] = [
      JSON.stringify({ ...record(1), extra: [{ a: "}]" }] }, null, 2),
      JSON.stringify(record(7042)),
    ];
    assert.equal(await erased(`[ ${gone},${kept} , ${gone}]`), `[${kept}]\n`);
  });

  it("packed with gzip", async () => {
    assert.equal(await erased(gzipSync(lines([7042, 3]))), `${lines([3])}\n`);
  });

  it("CSV, whose values may hold quotes and line breaks", async () => {
    const head = "name,id,fall,year\r\n";
    const [kept, gone] = ['"a ""b""\r\nc",5,Fell,\r\n', '"St, 7",7042,Fell,\r\n'];
    assert.equal(await erased(head + gone + kept + gone), head + kept);
    assert.equal(await erased(head + gone), head);
  });

  it("Parquet, with all columns of its own", async () => {
    await searching(["id=7042"], async (search, directory) => {
      const file = path.join(directory, "made.parquet");
      await run(
        search.engine,
        `COPY (SELECT i AS id, 'Stone' AS name, 'Fell' AS fall, i * 2 AS other FROM (VALUES (1), (7042), (3)) t(i)) TO ${literal(file)} (FORMAT parquet)`,
      );
      const found = await findRecords(search, createReadStream(file), directory);
      assert.ok(found.kind === "holds");
      assert.deepEqual(found.ranges, [[1, 2]]);
      const left = await found.records.write(without(found.ranges, found.records.count), path.join(directory, "left"));
      const rows = await run(search.engine, `SELECT id, other FROM read_parquet(${literal(left.file)})`);
      assert.deepEqual(rows, [
        [1, 2],
        [3, 6],
      ]);
    });
  });

  it("are left to a person where they cannot be read and may hold the values, in any spelling", async () => {
    assert.equal(await erased('{"name": "x", "id": "7042"'), "undecided");
    assert.equal(await erased('{"name": "x", "id": "1"'), "clean");
    assert.equal(await erased(gzipSync(lines([1])).subarray(0, 30)), "undecided", "who knows what the rest was");
    assert.equal(await erased(Buffer.from("x 7042", "utf16le")), "undecided");
    assert.equal(await erased("   "), "clean");
  });

  it("need all comparisons to hold", async () => {
    const where = ["id=7042", "name=Stone 7042"];
    assert.equal(await erased(lines([7042, 1]), where), `${lines([1])}\n`);
    assert.equal(await erased(JSON.stringify(record(7042, "Other")), where), "clean");
  });

  it("lose every record of a person, wherever it is, and no other", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(1, 2, 7042), { minLength: 1, maxLength: 40 }), async (ids) => {
        const left = ids.filter((id) => id !== 7042);
        const expected = left.length === ids.length ? "clean" : left.length === 0 ? "[]\n" : `${lines(left)}\n`;
        assert.equal(await erased(lines(ids)), expected);
      }),
      { numRuns: 4 },
    );
  });

  it("are searched across the borders of what is read at once", async () => {
    await withWorkspace(async (directory) => {
      const file = path.join(directory, "large");
      await writeFile(file, `${"x".repeat(65_534)}7042${"x".repeat(100)}`);
      assert.ok(await textHolds(file, parseCondition(["id=7042"], manifest)));
      assert.ok(!(await textHolds(file, parseCondition(["id=7043"], manifest))));
    });
  });
});

describe("erase: ranges", () => {
  it("and what is without them make all", () => {
    const range = fc.tuple(fc.nat(50), fc.nat(10)).map(([from, length]): Range => [from, from + length]);
    fc.assert(
      fc.property(fc.array(range, { maxLength: 6 }), (ranges) => {
        const inside = (list: readonly Range[], at: number) => list.some(([from, to]) => at >= from && at < to);
        const left = without(ranges, 60);
        for (let at = 0; at < 60; at++) assert.notEqual(inside(left, at), inside(ranges, at), String(at));
      }),
    );
  });
});

function run(engine: Engine, sql: string): Promise<unknown[][]> {
  return engine.connected(async (connection) => (await connection.runAndReadAll(sql)).getRows() as unknown[][]);
}

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { Rejection } from "../../../layer/errors";
import type { InputColumn } from "../../../layer/manifest";
import { EVOLUTION } from "../../../layer/manifest/schema";
import { withEngine, type Engine } from "../../../layer/transform/engine";
import { recordsToCsv } from "../../../layer/transform/light";
import { stage } from "../../../layer/transform/staging";
import { withWorkspace } from "../../../layer/transform/workspace";

const COLUMNS: InputColumn[] = [
  { name: "a", type: "int" },
  { name: "b", type: "string" },
  { name: "c", type: "double" },
];

const CSV = { header: true, quote: '"' };

interface Made {
  rows: number;
  csv: string;
}

/** Does the light transform in a folder of its own. */
async function light(body: string | Buffer | Buffer[], columns = COLUMNS, objectSize = "64 MB"): Promise<Made> {
  const work = (engine: Engine) =>
    withWorkspace(async (directory) => {
      const [file, csv] = [path.join(directory, "in"), path.join(directory, "out")];
      const limits = { objectSize, partitionsPerObject: 1 };
      const chunks = Array.isArray(body) ? body : [Buffer.from(body)];
      const shape = await stage(
        Readable.from(chunks.filter((chunk) => chunk.length > 0)),
        file,
        objectSize === "1 KB" ? 1024 : 64 * 1024 ** 2,
      );
      const { rows } = await recordsToCsv(engine, { file, shape }, csv, {
        input: { format: "auto" as const, csv: CSV, columns },
        limits,
        evolution: EVOLUTION,
      });
      return { rows, csv: await readFile(csv, "utf8") };
    }, engine.directory);
  return withWorkspace((directory) => withEngine(directory, work));
}

async function rejection(body: string | Buffer | Buffer[], columns = COLUMNS, objectSize?: string): Promise<string> {
  try {
    await light(body, columns, objectSize);
  } catch (error) {
    assert.ok(error instanceof Rejection, String(error));
    return `${error.code}: ${error.message}`;
  }
  return "taken";
}

describe("layer: the light transform", () => {
  const one = '{"a":1,"b":"x","c":1.5}';

  for (const [what, body] of [
    ["one object", one],
    ["one object over several lines", JSON.stringify(JSON.parse(one), null, 2)],
    ["an array", `[${one}]`],
    ["an array over several lines", `\n[\n ${one}\n]\n`],
    ["one object a line", `${one}\n`],
    ["a byte order mark", `\uFEFF${one}`],
    ["gzip, whatever the name", gzipSync(one)],
    ["gzip of several members", Buffer.concat([gzipSync('{"a":1,"b":'), gzipSync('"x","c":1.5}')])],
    ["bytes in small pieces", [...Buffer.from(one)].map((byte) => Buffer.from([byte]))],
    ["gzip in small pieces", [...gzipSync(one)].map((byte) => Buffer.from([byte]))],
    ["numbers as text", '{"a":"1","b":"x","c":"1.5"}'],
    ["fields that nobody asked for", '{"z":{"deep":[1]},"a":1,"b":"x","c":1.5,"y":null}'],
  ] as const) {
    it(`takes ${what}`, async () => {
      assert.deepEqual(await light(body as string | Buffer | Buffer[]), { rows: 1, csv: "a,b,c\n1,x,1.5\n" });
    });
  }

  it("keeps missing values, null, and the empty text apart, and every kind of line end", async () => {
    const { csv } = await light('{"a":1}\r\n{"b":""}\n\n{"b":null,"c":2}\n');
    assert.equal(csv, 'a,b,c\n1,,\n,"",\n,,2.0\n');
  });

  it("gives no rows for an empty array", async () => {
    assert.deepEqual(await light("[]"), { rows: 0, csv: "a,b,c\n" });
  });

  it("keeps the structure of a field that is text as JSON", async () => {
    assert.equal((await light('{"b":{"x":[1,2]}}')).csv, 'a,b,c\n,"{""x"":[1,2]}",\n');
  });

  it("reads a field under another name, of any letters", async () => {
    const columns = [{ name: "a", type: "int", field: 'It\'s "A" ünï' }];
    assert.equal((await light(JSON.stringify({ 'It\'s "A" ünï': 5 }), columns)).csv, "a\n5\n");
  });

  it("takes all types", async () => {
    const columns = ["boolean", "bigint", "float", "date", "timestamp", "decimal(10,2)"].map((type, i) => ({
      name: `c${i}`,
      type,
    }));
    const body =
      '{"c0":true,"c1":9007199254740993,"c2":0.5,"c3":"2020-02-29","c4":"2020-02-29T01:02:03Z","c5":"12.34"}';
    const { csv } = await light(body, columns);
    assert.equal(csv.split("\n")[1], "true,9007199254740993,0.5,2020-02-29,2020-02-29 01:02:03,12.34");
  });

  for (const [what, body, expected] of [
    ["nothing", "", "EmptyObject: "],
    ["white space", " \n\t\r\n", "EmptyObject: "],
    ["packed nothing", gzipSync(" "), "EmptyObject: "],
    ["a number", "42", 'NotRecords: the object begins with "42"'],
    ["a text", '"x"', "NotRecords: "],
    ["null", "null", "NotRecords: "],
    ["numbers in an array", "[1,2]", "NotRecords: record 1: Expected OBJECT"],
    ["a line that is no record", '{"a":1}\n5\n', "NotRecords: line 2: Expected OBJECT"],
    ["a cut-off record", '{"a":1}\n{"a":', "MalformedJson: line 2, byte 6: unexpected end of data"],
    ["a cut-off array", '[{"a":1},{"a":2}', "MalformedJson: record 3"],
    ["a field twice", '{"a":1,"a":2}', 'MalformedJson: line 1: Object {"a":1,"a":2} has duplicate key "a"'],
    ["something behind the array", '[{"a":1}] x', "MalformedJson: record 2, byte 1: unexpected character"],
    ["bytes that are no UTF-8", Buffer.from('{"b":"\xe9"}', "latin1"), "MalformedJson: line 1, byte 7: invalid UTF-8"],
    ["gzip that is cut off", gzipSync('{"a":1}'.repeat(50)).subarray(0, 20), "MalformedGzip: "],
    ["gzip that is none", Buffer.from([0x1f, 0x8b, 1, 2, 3]), "MalformedGzip: "],
    ["text for a number", '{"a":"one"}', 'SchemaMismatch: column a takes int, not "one"'],
    ["a fraction for a whole number", '{"a":1.5}', 'SchemaMismatch: column a takes int, not "1.5"'],
    ["true for a number", '{"a":true}', 'SchemaMismatch: column a takes int, not "true"'],
    ["the empty text for a number", '{"a":""}', 'SchemaMismatch: column a takes int, not ""'],
    ["too large a number", '{"a":99999999999}', 'SchemaMismatch: column a takes int, not "99999999999"'],
    ["no number", '{"c":"NaN"}', 'SchemaMismatch: column c takes double, not "NaN"'],
    ["an object for a number", '{"c":{"x":1}}', "SchemaMismatch: column c takes double"],
  ] as const) {
    it(`rejects ${what}`, async () => {
      const found = await rejection(body);
      assert.ok(found.startsWith(expected), found);
      assert.ok(!found.includes("/tmp"), found);
    });
  }

  for (const type of ["int", "string"]) {
    it(`rejects values that are no records, also for a single column of type ${type}`, async () => {
      for (const body of ["[1]", '["x"]', "[[1]]", '{"a":1}\n2'])
        assert.match(await rejection(body, [{ name: "a", type }]), /^NotRecords: /, body);
    });
  }

  it("rejects what is larger than allowed, packed or unpacked", async () => {
    assert.match(await rejection(Buffer.alloc(1025, " "), COLUMNS, "1 KB"), /^ObjectTooLarge: .* 0 MB/);
    const bomb = gzipSync(Buffer.alloc(1024 ** 2, " "));
    assert.ok(bomb.length < 2048);
    assert.match(await rejection(gzipSync(Buffer.alloc(2000, " ")), COLUMNS, "1 KB"), /^ObjectTooLarge/);
  });
});

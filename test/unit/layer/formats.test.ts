import fc from "fast-check";
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { openQuote } from "../../../layer/transform/formats/quotes";
import { withWorkspace } from "../../../layer/transform/workspace";
import { lightly, written, type Settings } from "./support/transforms";

const COLUMNS = [
  { name: "a", type: "int" },
  { name: "b", type: "string" },
  { name: "c", type: "double" },
];
const AUTO: Settings = { columns: COLUMNS };
const ONE = "a,b,c\n1,x,1.5\n";

async function startsWith(body: Buffer | string, settings: Settings, expected: string): Promise<void> {
  const found = await lightly(body, settings);
  assert.ok(found.startsWith(expected), found.slice(0, 400));
  assert.ok(!found.includes("/tmp"), found.slice(0, 400));
}

/** A zstd frame that holds one block as it is; `window` is the descriptor's exponent above 10. */
function frame(body: string, window = 10): Buffer {
  const block = Buffer.alloc(3);
  block.writeUIntLE((body.length << 3) | 1, 0, 3);
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, window << 3]), block, Buffer.from(body)]);
}

/** A zstd frame that becomes as many times 128 KB of one byte. */
function bomb(blocks: number): Buffer {
  const size = 131_072;
  const one = Buffer.alloc(4, " ");
  one.writeUIntLE((size << 3) | 2, 0, 3);
  const last = Buffer.from(one);
  last.writeUIntLE((size << 3) | 3, 0, 3);
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 10 << 3]);
  return Buffer.concat([head, ...Array.from({ length: blocks - 1 }, () => one), last]);
}

describe("layer: CSV objects", () => {
  for (const [what, body] of [
    ["with a header", "a,b,c\n1,x,1.5\n"],
    ["with columns in another order, and more of them", "z,c,b,a\n?,1.5,x,1\n"],
    ["with semicolons", "a;b;c\n1;x;1.5\n"],
    ["with tabs", "a\tb\tc\n1\tx\t1.5\n"],
    ["with bars", "a|b|c\n1|x|1.5\n"],
    ["with quotes around everything", '"a","b","c"\n"1","x","1.5"\n'],
    ["with a byte order mark", "\uFEFFa,b,c\n1,x,1.5\n"],
    ["with Windows line ends", "a,b,c\r\n1,x,1.5\r\n"],
    ["with old Macintosh line ends", "a,b,c\r1,x,1.5\r"],
    ["without a last line end", "a,b,c\n1,x,1.5"],
    ["with empty lines before, between and behind", "\n\na,b,c\n\n1,x,1.5\n\n"],
    ["with blanks around the names", "a , b, c\n1,x,1.5\n"],
    ["in gzip", gzipSync("a,b,c\n1,x,1.5\n")],
  ] as const) {
    it(`are taken ${what}`, async () => assert.equal(await lightly(body as string, AUTO), ONE));
  }

  it("are taken in pieces of a byte, with a byte order mark", async () => {
    const bytes = [...Buffer.from("\uFEFFa,b,c\n1,x,1.5\n")].map((byte) => Buffer.from([byte]));
    assert.equal(await lightly(bytes, AUTO), ONE);
  });

  it("have NULL for an empty value, an empty text for a quoted one, and NULL where the header lacks a column", async () => {
    assert.equal(await lightly('a,b\n,""\n"",\n', AUTO), 'a,b,c\n,"",\n,,\n');
  });

  it("keep quoted delimiters, quotes and line breaks, and formulas", async () => {
    const body = 'a,b\n1,"x, ""y""\r\nz"\n2,=1+1\n';
    assert.equal(await lightly(body, AUTO), 'a,b,c\n1,"x, ""y""\r\nz",\n2,=1+1,\n');
  });

  it("are read as the manifest says: delimiter, quote, no header", async () => {
    const csv = { delimiter: "~", quote: "'", header: false };
    assert.equal(await lightly("1~'x~\"y'~1.5\n", { ...AUTO, csv }), 'a,b,c\n1,"x~""y",1.5\n');
    assert.equal(
      await lightly("{a},b\n1,x\n", { columns: [{ name: "a", type: "int", field: "{a}" }], format: "csv" }),
      "a\n1\n",
    );
  });

  it("may have a thousand columns and long values", async () => {
    const names = Array.from({ length: 1000 }, (_, i) => `f${i}`);
    const body = `${names.join(",")}\n${names.map((_, i) => (i === 0 ? "y".repeat(3e6) : i)).join(",")}\n`;
    assert.equal(await lightly(body, { columns: [{ name: "f999", type: "int" }] }), "f999\n999\n");
  });

  for (const [what, body, expected, settings] of [
    ["a picture", Buffer.from("89504e470d0a1a0a0000000d49484452", "hex"), "NotRecords: the object begins with "],
    ["prose", "Dear Sir,\nplease find enclosed\n", 'NotRecords: the object begins with "Dear Sir'],
    ["UTF-16", Buffer.from("\uFEFFa,b,c\n1,x,1.5\n", "utf16le"), "NotRecords: "],
    [
      "bytes that are no UTF-8",
      Buffer.from("a,b\n1,\xe9\n", "latin1"),
      "MalformedCsv: line 2: bytes that are no UTF-8",
    ],
    ["too few values", "a,b\n1,x\n1\n", "MalformedCsv: line 3: 1 values where 2 belong"],
    ["too many values", "a,b\n1,x,2\n", "MalformedCsv: line 2: 3 values where 2 belong"],
    ["an open quote", 'a,b\n1,"x\n2,y\n', "MalformedCsv: the quoted value that begins at byte 7 does not end"],
    ["a cut-off quote", 'a,b\n1,x\n2,"y""', "MalformedCsv: the quoted value that begins at byte 11 does not end"],
    ["something behind a quote", 'a,b\n1,"x"y\n', "MalformedCsv: line 2: a quoted value does not end, or goes on"],
    [
      "an open quote in the header",
      'a,"b\n1,x\n',
      "MalformedCsv: the first line does not end",
      { csv: { delimiter: "," } },
    ],
    ["mixed line ends", "a,b\n1,x\r\n2,y\n", "MalformedCsv: "],
    ["a column twice", "a,a\n1,2\n", 'MalformedCsv: line 1: the header has "a" twice'],
    ["text for a number", "a,b\none,x\n", 'SchemaMismatch: column a takes int, not "one"'],
    ["a wrong delimiter", "a;b\n1;x\n", "NotRecords: ", { csv: { delimiter: "," } }],
    ["JSON where CSV belongs", '{"a":1}\n', "NotRecords: ", { format: "csv" }],
    ["CSV where JSON belongs", "a,b\n1,x\n", 'NotRecords: the object begins with "a,b', { format: "json" }],
    ["CSV where Parquet belongs", "a,b\n1,x\n", "NotRecords: ", { format: "parquet" }],
    ["other columns without a header", "1,x\n", "MalformedCsv: line 1 has 2 values", { csv: { header: false } }],
    ["more than is allowed", `a\n${"1\n".repeat(600)}`, "ObjectTooLarge: ", { objectSize: "1 KB" }],
  ] as [string, Buffer | string, string, Partial<Settings>?][]) {
    it(`are rejected: ${what}`, () => startsWith(body, { ...AUTO, ...settings }, expected));
  }

  it("are searched for open quotes in the same way however they are read", async () => {
    const text = fc.string({ unit: fc.constantFrom('"', "a", ",", "\n"), maxLength: 40 });
    await withWorkspace((directory) =>
      fc.assert(
        fc.asyncProperty(text, fc.integer({ min: 1, max: 7 }), async (body, piece) => {
          const file = path.join(directory, "in");
          await writeFile(file, body);
          assert.equal(await openQuote(file, ",", '"', piece), await openQuote(file, ",", '"'));
        }),
      ),
    );
  });

  it("lose no record to a file that is cut off: it is rejected, or has all records before the cut", async () => {
    const lines = Array.from({ length: 6 }, (_, i) => `${i},"x""${i}\n,y"\n`);
    const body = Buffer.from(`a,b\n${lines.join("")}`);
    const starts = lines.map((_, i) => 4 + lines.slice(0, i).join("").length);
    for (let length = 4; length <= body.length; length++) {
      const found = await lightly(body.subarray(0, length), { columns: COLUMNS.slice(0, 2) });
      const records = starts.filter((start) => start < length).length;
      if (!found.startsWith("MalformedCsv: ")) assert.equal((found.match(/^\d/gm) ?? []).length, records, found);
    }
  });

  it("keep any text, however it is quoted", async () => {
    const text = fc.string({ unit: "grapheme", maxLength: 20 }).filter((value) => !value.includes("\0"));
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1, maxLength: 5 }),
        fc.constantFrom(",", ";", "\t", "|"),
        async (values, delimiter) => {
          const quoted = values.map((value) => `"${value.replaceAll('"', '""')}"`);
          const body = `a${delimiter}b\n${quoted.map((value, i) => `${i}${delimiter}${value}\n`).join("")}`;
          const csv = await lightly(body, { columns: COLUMNS.slice(0, 2), csv: { delimiter } });
          const again = await lightly(csv, { columns: COLUMNS.slice(0, 2) });
          assert.equal(again, csv);
          const json = values.map((b, a) => ({ a, b }));
          assert.equal(csv, await lightly(JSON.stringify(json), { columns: COLUMNS.slice(0, 2) }));
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe("layer: Parquet objects", () => {
  const parquet = (query: string, options = "") => written(query, `FORMAT parquet${options}`);

  for (const codec of ["snappy", "zstd", "gzip", "uncompressed", "lz4", "brotli"]) {
    it(`are taken, compressed by ${codec}`, async () => {
      const body = await parquet("SELECT 1.5 AS c, 'x' AS b, 1 AS a, 'more' AS z", `, COMPRESSION ${codec}`);
      for (const format of ["auto", "parquet"] as const) assert.equal(await lightly(body, { ...AUTO, format }), ONE);
    });
  }

  it("are taken in gzip, and in pieces of a byte", async () => {
    const body = await parquet("SELECT 1 AS a, 'x' AS b, 1.5 AS c");
    assert.equal(await lightly(gzipSync(body), AUTO), ONE);
    assert.equal(
      await lightly(
        [...body].map((byte) => Buffer.from([byte])),
        AUTO,
      ),
      ONE,
    );
  });

  it("keep NULL, the empty text, and structs, lists and maps as JSON text", async () => {
    const columns = ["n", "e", "s", "l", "m", "z"].map((name) => ({ name, type: "string" }));
    const query = `SELECT NULL::INT AS n, '' AS e, {'x': [1, NULL], 'y': DATE '2020-02-29'} AS s, ['a', 'b"'] AS l, MAP {'k': 1.5} AS m`;
    const expected = 'n,e,s,l,m,z\n,"","{""x"":[1,null],""y"":""2020-02-29""}","[""a"",""b\\""""]","{""k"":1.5}",\n';
    assert.equal(await lightly(await parquet(query), { columns }), expected);
  });

  it("have all types", async () => {
    const columns = ["boolean", "bigint", "float", "date", "timestamp", "timestamp", "timestamp", "decimal(10,2)"];
    const query =
      "SELECT true AS c0, 9007199254740993 AS c1, 0.5::FLOAT AS c2, DATE '2020-02-29' AS c3, TIMESTAMP '2020-02-29 01:02:03.5' AS c4, " +
      "TIMESTAMPTZ '2020-02-29 01:02:03+02' AS c5, TIMESTAMP_NS '2020-02-29 01:02:03.123456789' AS c6, 12.34::DECIMAL(10,2) AS c7";
    const found = await lightly(await parquet(query), { columns: columns.map((type, i) => ({ name: `c${i}`, type })) });
    const times = "2020-02-29 01:02:03.5,2020-02-28 23:02:03,2020-02-29 01:02:03.123456";
    assert.equal(found.split("\n")[1], `true,9007199254740993,0.5,2020-02-29,${times},12.34`);
  });

  it("have no rows where the file has none", async () => {
    assert.equal(await lightly(await parquet("SELECT 1 AS a WHERE false"), AUTO), "a,b,c\n");
  });

  it("are rejected when a value does not fit, or no column is the manifest's", async () => {
    await startsWith(await parquet("SELECT 1.5 AS a"), AUTO, 'SchemaMismatch: column a takes int, not "1.5"');
    await startsWith(
      await parquet("SELECT 'NaN'::DOUBLE AS c"),
      AUTO,
      'SchemaMismatch: column c takes double, not "nan"',
    );
    const other = await parquet("SELECT 1 AS x");
    await startsWith(other, AUTO, "NotRecords: the Parquet file has none of the columns a, b, c; it has x");
    for (const format of ["csv", "json"] as const) await startsWith(other, { ...AUTO, format }, "NotRecords: ");
  });

  it("are rejected when few bytes become too many rows", async () => {
    const body = await parquet("SELECT 1 AS a, repeat('x', 1000) AS b FROM range(300000)", ", COMPRESSION zstd");
    assert.ok(body.length < 1024 ** 2, `${body.length} bytes`);
    await startsWith(body, { ...AUTO, objectSize: "8 MB" }, "ObjectTooLarge: ");
    await startsWith(
      await parquet("SELECT 1 AS a FROM range(2000)"),
      { ...AUTO, objectSize: "1 KB" },
      "ObjectTooLarge: ",
    );
  });

  it("are rejected when they are broken, wherever it is", async () => {
    const body = await parquet(
      "SELECT range::INT AS a, 'x' || range AS b, 0.5 AS c FROM range(50)",
      ", COMPRESSION zstd",
    );
    await startsWith(body.subarray(0, body.length - 1), AUTO, "MalformedParquet: ");
    await startsWith("PAR1", AUTO, "MalformedParquet: ");
    const change = fc.record({ at: fc.nat(body.length - 1), bits: fc.integer({ min: 1, max: 255 }) });
    const cut = fc.integer({ min: 4, max: body.length });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 3 }), cut, fc.boolean(), async (changes, length, whole) => {
        const broken = Buffer.from(body);
        for (const { at, bits } of changes) broken[at]! ^= bits;
        const found = await lightly(whole ? broken : broken.subarray(0, length), { ...AUTO, objectSize: "1 MB" });
        assert.match(
          found,
          /^(a,b,c\n|(MalformedParquet|NotRecords|SchemaMismatch|ObjectTooLarge|TransformTooLarge): )/,
        );
      }),
      { numRuns: 60 },
    );
  });
});

describe("layer: zstd objects", () => {
  const zstd = (query: string, options: string) => written(query, `${options}, COMPRESSION zstd`);

  it("are taken: JSON and CSV, in one frame or several, in pieces of a byte", async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => `${i},x${i},0.5\n`);
    const query = "SELECT range AS a, 'x' || range AS b, 0.5 AS c FROM range(20000)";
    const csv = await zstd(query, "FORMAT csv");
    assert.equal(csv.readUInt32LE(0), 0xfd2fb528);
    assert.equal(await lightly(csv, AUTO), `a,b,c\n${rows.join("")}`);
    assert.equal(await lightly(await zstd(query, "FORMAT json"), AUTO), `a,b,c\n${rows.join("")}`);
    const parts = Buffer.concat([frame('{"a":1,"b":'), frame('"x","c":1.5}')]);
    assert.equal(await lightly(parts, AUTO), ONE);
    assert.equal(
      await lightly(
        [...parts].map((byte) => Buffer.from([byte])),
        AUTO,
      ),
      ONE,
    );
  });

  for (const [what, body, expected] of [
    ["cut off", frame('{"a":1}').subarray(0, 12), "MalformedZstd: "],
    ["cut off in the second frame", Buffer.concat([frame('{"a":1}'), frame("{}").subarray(0, 9)]), "MalformedZstd: "],
    [
      "no zstd behind its first bytes",
      Buffer.from("28b52ffdffffffffffffffffffffffffffffffff", "hex"),
      "MalformedZstd: ",
    ],
    ["something behind the frame", Buffer.concat([frame('{"a":1}'), Buffer.alloc(30, "x")]), "MalformedZstd: "],
    ["nothing but its first bytes", Buffer.from("28b52ffd", "hex"), "MalformedZstd: "],
    ["white space", frame("  \n"), "EmptyObject: "],
    ["a window of 1 GB", frame('{"a":1}', 20), "MalformedZstd: the object asks for a window"],
    [
      "a window of 1 GB in a later frame",
      Buffer.concat([frame('{"a":1}'), frame(" ", 20)]),
      "MalformedZstd: the object asks",
    ],
    ["128 MB in 4 KB", bomb(1024), "ObjectTooLarge: "],
  ] as [string, Buffer, string][]) {
    it(`are rejected: ${what}`, () => startsWith(body, AUTO, expected));
  }

  it("are rejected when they are broken, wherever it is", async () => {
    const body = await zstd("SELECT range AS a, 'x' || range AS b FROM range(300)", "FORMAT csv");
    await fc.assert(
      fc.asyncProperty(fc.nat(body.length - 1), fc.integer({ min: 1, max: 255 }), async (at, bits) => {
        const broken = Buffer.from(body);
        broken[at]! ^= bits;
        assert.match(await lightly(broken, { ...AUTO, objectSize: "1 MB" }), /^(a,b,c\n|[A-Z]\w+: )/);
      }),
      { numRuns: 60 },
    );
  });
});

import assert from "node:assert/strict";
import { manifestFileSchema } from "../../../layer/manifest";
import type { Evolution } from "../../../layer/manifest/schema";
import { lightly, read, written } from "./support/transforms";

const COLUMNS = [
  { name: "id", type: "int" },
  { name: "name", type: "string" },
];

const bodies = {
  json: '{"id":1,"name":"x","z":{"deep":[1]},"n":null}\n{"id":"two","y":2.5}\n',
  array: '[{"id":1,"name":"x","z":{"deep":[1]},"n":null},{"id":"two","y":2.5}]',
  csv: 'id,name,z,y\n1,x,"{""deep"":[1]}",\ntwo,,,2.5\n',
};

/** Lines of the CSV behind its header, or the rejection. */
async function lines(
  body: string | Buffer,
  evolution: Partial<Evolution>,
  columns: readonly (object | undefined)[] = COLUMNS,
): Promise<string[]> {
  const found = await lightly(body, { columns: columns as never, evolution });
  const [header, ...rest] = found.trimEnd().split("\n");
  return rest.length === 0 ? [header as string] : rest;
}

describe("layer: schema evolution", () => {
  it("leaves out new fields, makes missing ones NULL and rejects what does not fit, where a manifest says nothing", async () => {
    assert.deepEqual(await lines(bodies.json, {}), ['SchemaMismatch: column id takes int, not "two"']);
    assert.deepEqual(await lines('{"id":1,"z":1}', {}), ["1,"]);
  });

  it("keeps new fields in _extra", async () => {
    for (const body of [bodies.json, bodies.array])
      assert.deepEqual(await lines(body.replace('"two"', "2"), { new: "add" }), [
        '1,x,"{""z"":{""deep"":[1]},""n"":null}"',
        '2,,"{""y"":2.5}"',
      ]);
    assert.deepEqual(await lines(bodies.csv.replace("two", "2"), { new: "add" }), [
      '1,x,"{""z"":""{\\""deep\\"":[1]}""}"',
      '2,,"{""y"":""2.5""}"',
    ]);
    assert.deepEqual(await lines('{"id":1,"name":"x"}', { new: "add" }), ["1,x,"]);
    const parquet = await written("SELECT 1 AS id, {'a': 1} AS z, NULL AS n, 0.5 AS y", "FORMAT parquet");
    assert.deepEqual(await lines(parquet, { new: "add" }), ['1,,"{""z"":{""a"":1},""y"":""0.5""}"']);
  });

  it("keeps values that do not fit in _extra, or makes them NULL", async () => {
    for (const body of Object.values(bodies)) {
      assert.deepEqual(await lines(body, { retyped: "add" }), ["1,x,", ',,"{""id"":""two""}"']);
      assert.deepEqual(await lines(body, { retyped: "ignore" }), ["1,x", ","]);
    }
    const both = await lines(bodies.json, { new: "add", retyped: "add" });
    assert.deepEqual(both[1], ',,"{""y"":2.5,""id"":""two""}"');
  });

  it("rejects new and missing fields by name, also of the last record", async () => {
    for (const [what, body] of Object.entries(bodies)) {
      const found = await lines(body, { new: "fail" });
      assert.match(found[0]!, /^SchemaChanged: the object has fields that no column names: ("n", )?"y", "z"$/, what);
    }
    const wide = [...COLUMNS, { name: "w", type: "int" }];
    for (const body of Object.values(bodies))
      assert.deepEqual(await lines(body, { missing: "fail" }, wide), ['SchemaChanged: the object lacks fields: "w"']);
    assert.deepEqual(await lines('{"id":1,"name":"x"}', { new: "fail", missing: "fail" }), ["1,x"]);
    assert.deepEqual(await lines("[]", { new: "fail", missing: "fail" }), ["id,name"]);
  });

  it("fills missing values with the column's default", async () => {
    const columns = [
      COLUMNS[0],
      { name: "name", type: "string", default: "it's" },
      { name: "n", type: "int", default: "7" },
    ];
    assert.deepEqual(await lines('{"id":1}\n{"id":2,"name":"x","n":8}\n', { missing: "add" }, columns), [
      "1,it's,7",
      "2,x,8",
    ]);
    assert.deepEqual(await lines("id\n1\n", { missing: "add" }, columns), ["1,it's,7"]);
  });

  it("still rejects what is no record, and fields that are there twice, where it reads whole records", async () => {
    assert.match((await lines("[1]", { new: "add" }))[0]!, /^NotRecords: /);
    assert.match((await lines('{"id":1}\n[2]\n', { new: "add" }))[0]!, /^NotRecords: /);
    assert.match((await lines('{"id":1,"id":2}', { new: "add" }))[0]!, /^MalformedJson: /);
    assert.match((await lines('{"id":1}\n{"id":', { new: "add" }))[0]!, /^MalformedJson: /);
  });

  it("tells which fields an object has", async () => {
    const of = async (body: string | Buffer) =>
      Object.fromEntries((await read(body, { columns: COLUMNS })).fields.map(({ name, type }) => [name, type]));
    const mixed =
      '{"id":1,"name":"x","v":1,"b":true,"o":{},"a":[],"n":null}\n{"id":2,"v":1.5,"b":"no","__proto__":1}\n';
    const types = { id: "bigint", name: "string", v: "double", b: "string", o: "object", a: "array", n: "string" };
    assert.deepEqual(await of(mixed), { ...types, ["__proto__"]: "bigint" });
    const large = Array.from({ length: 3000 }, (_, i) => JSON.stringify({ id: i, name: "x", v: 0.5, o: { a: [1] } }));
    assert.deepEqual(await of(large.join("\n")), { id: "bigint", name: "string", v: "double", o: "object" });
    assert.deepEqual(await of("id,name,q\n1,x,2\n"), { id: "string", name: "string", q: "string" });
    const parquet = await written("SELECT 1 AS id, [1] AS l", "FORMAT parquet");
    assert.deepEqual(await of(parquet), { id: "integer", l: "integer[]" });
  });
});

describe("layer: nested records", () => {
  const record = {
    address: { city: "Ü", "a/b~c": [{ zip: "0123" }], none: null },
    items: [{ sku: "a", qty: 2, at: "2026-01-02" }],
  };
  const items = { name: "items", type: "array<struct<sku:string,qty:int,at:date>>" };

  it("are read by paths, of names and positions or as JSON pointers", async () => {
    const columns = [
      { name: "city", type: "string", path: ["address", "city"] },
      { name: "zip", type: "string", path: ["address", "a/b~c", 0, "zip"] },
      { name: "zip_number", type: "int", path: "/address/a~1b~0c/0/zip" },
      { name: "none", type: "int", path: ["address", "none", "deeper"] },
      { name: "address", type: "string" },
    ];
    const address = JSON.stringify(record.address).replaceAll('"', '""');
    const manifest = { columns: columns.filter(({ name }) => name !== "zip_number") };
    assert.equal(await lightly(JSON.stringify(record), manifest), `city,zip,none,address\nÜ,0123,,"${address}"\n`);
    const pointer = { columns: [columns[2]!] };
    assert.equal(await lightly(JSON.stringify([record]), pointer), "zip_number\n123\n");
    const parquet = await written("SELECT {'city': 'Ü', 'n': [1, 2]} AS address", "FORMAT parquet");
    const two = { columns: [columns[0]!, { name: "n", type: "int", path: "/address/n/1" }] };
    assert.equal(await lightly(parquet, two), "city,n\nÜ,2\n");
    const csv = 'id,address\n1,"{""city"":""Ü""}"\n2,\n';
    assert.equal(await lightly(csv, { columns: [columns[0]!] }), "city\nÜ\n\n");
  });

  it("are checked down to their leaves, and carried as JSON with text in them", async () => {
    const made = await lightly(JSON.stringify(record), { columns: [items] });
    assert.equal(made, 'items\n"[{""sku"":""a"",""qty"":""2"",""at"":""2026-01-02""}]"\n');
    for (const [value, shown] of [
      [[{ qty: 1.5 }], "1.5"],
      [[{ qty: true }], "true"],
      [[{ at: "infinity" }], "infinity"],
      [{ sku: "a" }, "sku"],
      [[5], "5"],
      ["text", "text"],
    ] as const) {
      const found = await lightly(JSON.stringify({ items: value }), { columns: [items] });
      assert.ok(
        found.startsWith("SchemaMismatch: column items takes array<struct<sku:string,qty:int,at:date>>, not "),
        found,
      );
      assert.ok(found.includes(shown), found);
    }
    for (const value of [null, [], [null], [{}], [{ qty: null }]])
      assert.match(
        await lightly(JSON.stringify({ items: value }), { columns: [items] }),
        /^items\n/,
        JSON.stringify(value),
      );
  });

  it("that do not fit are NULL or kept, as the manifest says", async () => {
    const body = '{"id":1,"items":[{"qty":"x"}]}\n{"id":2,"items":[{"qty":3}]}\n';
    const columns = [COLUMNS[0]!, items];
    assert.deepEqual(await lines(body, { retyped: "add" }, columns), [
      '1,,"{""items"":""[{\\""qty\\"":\\""x\\""}]""}"',
      '2,"[{""sku"":null,""qty"":""3"",""at"":null}]",',
    ]);
    assert.deepEqual(await lines(body, { retyped: "ignore" }, columns), [
      "1,",
      '2,"[{""sku"":null,""qty"":""3"",""at"":null}]"',
    ]);
    assert.match(
      (await lines("id,items\n1,no JSON\n", { retyped: "fail" }, columns))[0]!,
      /^SchemaMismatch: column items takes JSON/,
    );
    assert.deepEqual(await lines("id,items\n1,no JSON\n", { retyped: "ignore" }, columns), ["1,"]);
  });
});

describe("layer: manifests about schemas", () => {
  const problems = (change: Record<string, unknown>) => {
    const columns = [
      { name: "id", type: "int" },
      { name: "at", type: "timestamp" },
      { name: "day", type: "date" },
      { name: "tags", type: "array<string>" },
    ];
    const base = { team: "t", dataset: "d", description: "d", table: "d", transform: "t.sql" };
    const parsed = manifestFileSchema.safeParse({ ...base, input: { columns }, output: { columns }, ...change });
    return (parsed.error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
  };
  const input = (...columns: object[]) => ({ input: { columns } });
  const id = { name: "id", type: "int" };

  for (const [what, change, expected] of [
    ["date parts", { partitionBy: ["id", { column: "at", by: "hour" }, { column: "day", by: "month" }] }, ""],
    ["an hour of a date", { partitionBy: [{ column: "day", by: "hour" }] }, "takes a timestamp"],
    ["a part of a number", { partitionBy: [{ column: "id", by: "day" }] }, "takes a date or timestamp"],
    [
      "the same part twice",
      {
        partitionBy: [
          { column: "at", by: "day" },
          { column: "at", by: "day" },
        ],
      },
      "is there twice",
    ],
    ["a nested partition", { partitionBy: ["tags"] }, "no folder"],
    ["a partition that is no column", { partitionBy: [{ column: "x", by: "day" }] }, '"x" is no output column'],
    ["a pointer", input({ ...id, path: "/a/b~1c/0" }), ""],
    ["a pointer without a slash", input({ ...id, path: "a/b" }), "JSON pointer"],
    ["field and path", input({ ...id, path: ["a"], field: "b" }), "either field or path"],
    [
      "the same place twice",
      input({ ...id, path: ["a", "b"] }, { name: "b", type: "int", path: "/a/b" }),
      "another column reads",
    ],
    ["a default that nobody uses", input({ ...id, default: "1" }), "only with evolution.missing: add"],
    ["a default", { ...input({ ...id, default: "1" }), evolution: { missing: "add" } }, ""],
    ["a struct with a field twice", input({ name: "s", type: "struct<a:int,A:int>" }), "array<type>"],
    ["a struct without an end", input({ name: "s", type: "struct<a:int" }), "array<type>"],
    ["a type above another", input({ name: "s", type: `${"array<".repeat(9)}int${">".repeat(9)}` }), "array<type>"],
    ["capitals within a table", { output: { columns: [{ name: "s", type: "struct<aB:int>" }] } }, "lower-case"],
    ["an unknown rule", { evolution: { new: "explode" } }, "evolution.new"],
    [
      "a range over text",
      { expectations: [{ check: "range", column: "tags", min: 1, rule: "fail" }] },
      "takes a number",
    ],
    [
      "freshness of a number",
      { expectations: [{ check: "freshness", column: "id", maxAge: "1 day", rule: "fail" }] },
      "takes a date",
    ],
    ["quarantine of a whole object", { expectations: [{ check: "rows", min: 1, rule: "quarantine" }] }, "rule"],
    ["no number of rows", { expectations: [{ check: "rows", rule: "fail" }] }, "needs min, max or both"],
  ] as [string, Record<string, unknown>, string][]) {
    it(expected === "" ? `take ${what}` : `refuse ${what}`, () => {
      const found = problems(change);
      if (expected === "") assert.deepEqual(found, []);
      else
        assert.ok(
          found.some((text) => text.includes(expected)),
          JSON.stringify(found),
        );
    });
  }
});

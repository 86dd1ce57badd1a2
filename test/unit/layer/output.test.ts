import assert from "node:assert/strict";
import { tableArgs } from "../../../components/datasets/table";
import { bothStages, manifestOf } from "./support/transforms";

const columns = [
  { name: "id", type: "int" },
  { name: "at", type: "timestamp" },
];
const BODY = `id,at
1,2026-11-21 23:59:59
2,2026-11-22 00:00:00
3,2025-02-03 04:05:06
4,
`;

const partitioned = (...partitionBy: unknown[]) => manifestOf({ input: { columns }, output: { columns }, partitionBy });

describe("layer: tables by parts of dates", () => {
  for (const [by, folders] of [
    ["year", ["2026", "2025"]],
    ["month", ["2026-11", "2025-02"]],
    ["day", ["2026-11-21", "2026-11-22", "2025-02-03"]],
    ["hour", ["2026-11-21-23", "2026-11-22-00", "2025-02-03-04"]],
  ] as const) {
    it(`have a folder for each ${by}, and one for NULL; the date stays in the files`, async () => {
      const made = await bothStages(BODY, partitioned({ column: "at", by }));
      const expected = [...folders, "__HIVE_DEFAULT_PARTITION__"].map((value) => `at_${by}=${value}/`);
      assert.deepEqual(Object.keys(made.files).sort(), expected.sort());
      assert.deepEqual(
        Object.values(made.files)
          .flat()
          .map(({ id }) => id)
          .sort(),
        [1, 2, 3, 4],
      );
      assert.deepEqual(
        made.columns.map(([name]) => name),
        ["id", "at"],
      );
    });
  }

  it("may be within other folders", async () => {
    const made = await bothStages(
      "id,at\n7,2026-11-21 01:00:00\n",
      partitioned("id", { column: "at", by: "year" }, { column: "at", by: "month" }),
    );
    assert.deepEqual(made.files, { "id=7/at_year=2026/at_month=2026-11/": [{ at: "2026-11-21 01:00:00" }] });
  });

  it("have the same columns in the catalogue as in their files and folders", async () => {
    const manifest = partitioned("id", { column: "at", by: "day" });
    const { partitionKeys, storageDescriptor } = tableArgs(manifest, "lake", "stage") as {
      partitionKeys: { name: string; type: string }[];
      storageDescriptor: { columns: { name: string; type: string }[] };
    };
    const plain = (list: { name: string; type: string }[]) => list.map(({ name, type }) => [name, type]);
    assert.deepEqual(plain(partitionKeys), [
      ["id", "int"],
      ["at_day", "string"],
    ]);
    assert.deepEqual(plain(storageDescriptor.columns), [["at", "timestamp"]]);
    const made = await bothStages(BODY, manifest);
    assert.deepEqual(made.columns, [["at", "TIMESTAMP"]]);
    assert.ok(Object.keys(made.files).every((folder) => /^id=\d\/at_day=[^/]+\/$/.test(folder)));
  });
});

describe("layer: files of tables", () => {
  const nested = [
    { name: "id", type: "int" },
    { name: "tags", type: "array<string>" },
    { name: "place", type: "struct<lat:double,at:date>" },
    { name: "price", type: "decimal(10,2)" },
  ];

  it("have the manifest's types, whatever the rows hold", async () => {
    const manifest = manifestOf({ input: { columns: nested }, output: { columns: nested } });
    const types = [
      ["id", "INTEGER"],
      ["tags", "VARCHAR[]"],
      ["place", 'STRUCT(lat DOUBLE, "at" DATE)'],
      ["price", "DECIMAL(10,2)"],
    ];
    const full = await bothStages(
      '{"id":1,"tags":["a",null],"place":{"lat":"1.5","at":"2026-01-02","z":1},"price":"12.30"}',
      manifest,
    );
    assert.deepEqual(full.columns, types);
    assert.deepEqual(full.files[""], [
      { id: 1, tags: ["a", null], place: { lat: 1.5, at: "2026-01-02" }, price: "12.30" },
    ]);
    const empty = await bothStages('{"other":1}', manifest);
    assert.deepEqual(empty.columns, types);
    assert.deepEqual(empty.files[""], [{ id: null, tags: null, place: null, price: null }]);
  });

  it("unnest arrays where the SQL says so", async () => {
    const sql = "SELECT id, item.sku, item.qty FROM (SELECT id, unnest(items) AS item FROM input)";
    const input = {
      columns: [
        { name: "id", type: "int" },
        { name: "items", type: "array<struct<sku:string,qty:int>>" },
      ],
    };
    const output = {
      columns: ["id:int", "sku:string", "qty:int"].map((text) => ({
        name: text.split(":")[0],
        type: text.split(":")[1],
      })),
    };
    const made = await bothStages(
      '{"id":1,"items":[{"sku":"a","qty":2},{"sku":"b"}]}\n{"id":2,"items":[]}\n',
      manifestOf({ input, output, sql }),
    );
    assert.deepEqual(made.files[""], [
      { id: 1, sku: "a", qty: 2 },
      { id: 1, sku: "b", qty: null },
    ]);
  });

  it("have row groups of the size that the manifest says", async () => {
    const body = `id\n${Array.from({ length: 5000 }, (_, i) => i).join("\n")}\n`;
    const of = (output: object) =>
      bothStages(
        body,
        manifestOf({ input: { columns: columns.slice(0, 1) }, output: { columns: columns.slice(0, 1), ...output } }),
      );
    assert.equal((await of({})).groups, 1);
    assert.equal((await of({ rowGroupSize: 2048 })).groups, 3);
  });

  it("have _extra where the evolution keeps something, and the SQL has to give it", async () => {
    const change = { input: { columns }, output: { columns }, evolution: { new: "add" } };
    const made = await bothStages('{"id":1,"colour":"red"}\n{"id":2}', manifestOf(change));
    assert.deepEqual(made.columns.at(-1), ["_extra", "VARCHAR"]);
    assert.deepEqual(
      made.files[""]!.map(({ _extra }) => _extra),
      ['{"colour":"red"}', null],
    );
    await assert.rejects(
      bothStages('{"id":1}', manifestOf({ ...change, sql: 'SELECT id, "at" FROM input' })),
      /the SQL gives no column _extra, which evolution: add needs; it gives id, at/,
    );
    const { storageDescriptor } = tableArgs(manifestOf(change), "lake", "stage") as {
      storageDescriptor: { columns: { name: string }[] };
    };
    assert.deepEqual(
      storageDescriptor.columns.map(({ name }) => name),
      ["id", "at", "_extra"],
    );
  });
});

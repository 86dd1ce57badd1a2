import fc from "fast-check";
import { strict as assert } from "node:assert";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { gzipSync } from "node:zlib";
import prettier from "prettier";
import { createDataset, type Created } from "../../../automation/datasets/create";
import { columnNames } from "../../../automation/datasets/names";
import { manifestText } from "../../../automation/datasets/text";
import { TributaryError } from "../../../automation/errors";
import { loadManifests, parseManifest } from "../../../layer/manifest";
import { lightly, transformed, written } from "../layer/support/transforms";

describe("datasets: a new one from a file", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), "tributary-new-"));
    mkdirSync(path.join(root, "datasets"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function file(body: string | Buffer, name = "in.data"): string {
    writeFileSync(path.join(root, name), body);
    return path.join(root, name);
  }

  const create = (body: string | Buffer, name = "team/data", as?: string) => createDataset(root, name, file(body, as));
  const types = ({ inferred }: Created) => Object.fromEntries(inferred.columns.map(({ name, type }) => [name, type]));

  /** Rows that the manifest, read from its folder as the program reads it, makes of the sample in that folder. */
  async function rowsOfSample(): Promise<unknown[][]> {
    const [manifest] = loadManifests(path.join(root, "datasets"));
    assert.ok(manifest);
    const folder = path.join(root, "datasets/team/data/sample");
    const [sample, ...more] = readdirSync(folder);
    assert.deepEqual(more, []);
    return transformed(readFileSync(path.join(folder, String(sample))), manifest);
  }

  /** What is said to somebody whose name or file cannot become a dataset. */
  async function refusal(name: string, from: string): Promise<string> {
    try {
      await createDataset(root, name, from);
    } catch (error) {
      assert.ok(error instanceof TributaryError, String(error));
      assert.equal(error.exitCode, 2);
      return `${error.code}: ${error.message}`;
    }
    return "made";
  }

  const json =
    '{"id":1,"name":"x","at":"2020-01-02T03:04:05Z","day":"2020-01-02","ok":true,"v":1.5,"place":{"lat":1},"tags":["a"]}\n{"id":2}\n';
  const row = [1n, "x", "2020-01-02 03:04:05", "2020-01-02", true, 1.5, "{'lat': 1}", "['a']"];
  const jsonTypes = {
    id: "bigint",
    name: "string",
    at: "timestamp",
    day: "date",
    ok: "boolean",
    v: "double",
    place: "struct<lat:bigint>",
    tags: "array<string>",
  };

  for (const [what, body] of [
    ["lines", json],
    ["an array, in gzip", gzipSync(`[${json.trim().replace("\n", ",")}]`)],
    ["one object after the other", JSON.stringify(JSON.parse(json.split("\n")[0]!), null, 2) + '\n{"id":2}'],
  ] as const) {
    it(`from JSON: ${what}`, async () => {
      const made = await create(body);
      assert.deepEqual([made.inferred.format, made.rows, made.inferred.notes], ["json", 2, []]);
      assert.deepEqual(types(made), jsonTypes);
      assert.deepEqual(await rowsOfSample(), [row, [2n, ...Array(7).fill(null)]]);
    });
  }

  it("from CSV, with its dialect; numbers that begin with 0 stay text", async () => {
    const made = await create('Id;Full Name;Début;zip\n1;"x;y";2020-01-02;01234\n2;;;98765\n');
    assert.deepEqual(made.inferred.csv, { header: true, delimiter: ";", quote: '"' });
    assert.deepEqual(types(made), { id: "bigint", full_name: "string", debut: "date", zip: "string" });
    assert.deepEqual(await rowsOfSample(), [
      [1n, "x;y", "2020-01-02", "01234"],
      [2n, null, null, "98765"],
    ]);
  });

  it("from CSV with dates in another form: the transform reads them, and says so", async () => {
    const made = await create("id,day\n1,13/02/2020\n2,14/02/2020\n");
    assert.deepEqual(types(made), { id: "bigint", day: "string" });
    assert.deepEqual(made.inferred.notes, ['day: read by %d/%m/%Y, because "13/02/2020" is no date']);
    assert.deepEqual(made.manifest.output.columns.at(1), { name: "day", type: "date" });
    assert.deepEqual(await rowsOfSample(), [
      [1n, "2020-02-13"],
      [2n, "2020-02-14"],
    ]);
  });

  it("from nested records: structs and arrays keep their types, all else is text of JSON", async () => {
    const record = {
      orderId: "a",
      items: [{ sku: "x", unitPrice: 1.5, tags: ["t"] }],
      odd: { "a b": 1 },
      empty: [],
      at: { day: "2026-01-02" },
    };
    const made = await create(
      [record, { ...record, orderId: "b" }, { ...record, orderId: "c" }].map((one) => JSON.stringify(one)).join("\n"),
    );
    assert.deepEqual(types(made), {
      order_id: "string",
      items: "array<struct<sku:string,unitPrice:double,tags:array<string>>>",
      odd: "string",
      empty: "array<string>",
      at: "struct<day:date>",
    });
    const output = Object.fromEntries(made.manifest.output.columns.map(({ name, type }) => [name, type]));
    assert.equal(output.items, "array<struct<sku:string,unitprice:double,tags:array<string>>>");
    assert.equal((await rowsOfSample()).length, 3);
  });

  it("expects what the sample shows, and tells what came of it", async () => {
    const made = await create("v,code,at\n1,a,2026-01-02\n1,b,2026-01-02\n1,c,2026-01-03\n");
    assert.deepEqual(
      made.expectations.map(({ name, rule, checked, broken }) => [name, rule, checked, broken]),
      [
        ["rows", "warn", 1, 0],
        ["not_null(code)", "warn", 3, 0],
        ["unique(code)", "warn", 3, 0],
      ],
    );
    const text = readFileSync(path.join(root, "datasets/team/data/manifest.yaml"), "utf8");
    assert.match(text, /^# partitionBy: \[\{ column: at, by: month \}\]$/m);
  });

  it("from CSV without a header", async () => {
    const made = await create("1,2020-01-02,x\n2,2020-01-03,y\n3,2020-01-04,z\n");
    assert.equal(made.inferred.csv?.header, false);
    assert.deepEqual(await rowsOfSample(), [
      [1n, "2020-01-02", "x"],
      [2n, "2020-01-03", "y"],
      [3n, "2020-01-04", "z"],
    ]);
  });

  it("from Parquet", async () => {
    const query =
      "SELECT 1::INT AS id, 'x' AS \"select\", 1.25::DECIMAL(10,2) AS d, DATE '2020-01-02' AS day, {'a': [1]} AS s, 5::UBIGINT AS u, 'b'::BLOB AS b";
    const made = await create(await written(query, "FORMAT parquet"));
    assert.deepEqual(Object.values(types(made)), [
      "int",
      "string",
      "decimal(10,2)",
      "date",
      "struct<a:array<int>>",
      "decimal(20,0)",
      "string",
    ]);
    assert.deepEqual(await rowsOfSample(), [[1, "x", "1.25", "2020-01-02", `{'a': [1]}`, "5", "b"]]);
  });

  for (const [format, options, query] of [
    ["json", "FORMAT json", "SELECT range AS id, 'a, \"b\"\\' || range AS t, {'x': range} AS n FROM range(40000)"],
    ["csv", "FORMAT csv, DELIMITER '|'", "SELECT range AS id, 'a| \"b\"' || range AS t, 0.5 AS v FROM range(60000)"],
    [
      "parquet",
      "FORMAT parquet, COMPRESSION uncompressed",
      "SELECT range AS id, uuid()::VARCHAR AS t FROM range(60000)",
    ],
  ] as const) {
    it(`keeps the first records of a large file: ${format}`, async () => {
      const body = await written(query, options);
      assert.ok(body.length > 1024 ** 2);
      const made = await create(body);
      assert.match(made.files[2]!, /sample\/sample\.(ndjson|csv|parquet)$/);
      assert.ok(made.rows >= 40_000);
      const rows = await rowsOfSample();
      assert.equal(rows.length, 200);
      assert.deepEqual(
        rows.map(([id]) => Number(id)),
        [...Array(200).keys()],
      );
    });
  }

  it("makes what the formatter and the checks take, and names the next table otherwise", async () => {
    await create("a,yes,n\n1,2,3\n", "one/data-x", "a.csv");
    const made = await create('{"a":1,"on":{"x":1}}', "two/data-x", "b.json");
    assert.equal(made.manifest.table, "two_data_x");
    assert.deepEqual(
      loadManifests(path.join(root, "datasets")).map(({ table }) => table),
      ["data_x", "two_data_x"],
    );
    for (const folder of ["one", "two"]) {
      const text = readFileSync(path.join(root, `datasets/${folder}/data-x/manifest.yaml`), "utf8");
      assert.equal(await prettier.format(text, { parser: "yaml", printWidth: 120 }), text);
    }
  });

  it("makes readable, formatted text of whatever fields are called", async () => {
    const fields = fc.uniqueArray(
      fc.oneof(fc.string({ unit: "binary", minLength: 1, maxLength: 30 }), fc.string({ minLength: 1, maxLength: 250 })),
      { minLength: 1, maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(fields, async (given) => {
        const names = columnNames(given);
        const columns = given.map((field, index) => ({ name: names[index]!, type: "decimal(20,0)", field }));
        const text = manifestText({ team: "y", dataset: "no", table: "on", inferred: { format: "json", columns } });
        assert.deepEqual(parseManifest(text, "f").input.columns, columns);
        assert.equal(await prettier.format(text, { parser: "yaml", printWidth: 120 }), text);
      }),
      { numRuns: 150 },
    );
  });

  it("leaves out fields that differ only in case, and says so", async () => {
    const made = await create('{"a":1,"A":2}\n');
    assert.deepEqual([made.inferred.columns.length, made.inferred.notes.length], [1, 1]);
  });

  it("refuses names, folders and files, and makes nothing then", async () => {
    const good = file('{"a":1}');
    for (const name of ["x", "Team/data", "a/b/c", "../x", "a/..", "a/", "", "a/b\n"])
      assert.match(await refusal(name, good), /^DatasetNameInvalid: /, name);
    assert.match(await refusal("a/b", path.join(root, "none")), /^FileMissing: /);
    assert.match(await refusal("a/b", root), /^NotAFile: /);
    for (const [body, code] of [
      ["", "EmptyObject"],
      ["[]", "NotRecords"],
      ["[1]", "NotRecords"],
      ["{}", "NotRecords"],
      ['{"a":', "MalformedJson"],
      ["a,b\n1\n", "MalformedCsv"],
      ["a,a\n1,2\n", "MalformedCsv"],
      ["PAR1", "MalformedParquet"],
      [Buffer.from([0x1f, 0x8b, 1]), "MalformedGzip"],
    ] as const) {
      assert.match(
        await refusal("a/b", file(body, "bad")),
        new RegExp(`^SampleInvalid: .*\\(${code}\\)`),
        String(body),
      );
    }
    assert.deepEqual(readdirSync(path.join(root, "datasets")), []);
    await createDataset(root, "a/b-c", good);
    const before = readFileSync(path.join(root, "datasets/a/b-c/manifest.yaml"), "utf8");
    assert.match(await refusal("a/b-c", good), /^DatasetExists: /);
    assert.match(await refusal("a-b/c", good), /^DatasetNameInvalid: .*queues/);
    assert.equal(readFileSync(path.join(root, "datasets/a/b-c/manifest.yaml"), "utf8"), before);
    assert.deepEqual(readdirSync(path.join(root, "datasets")), ["a"]);
  });

  it("reads nested values in the transform", async () => {
    const columns = [
      { name: "place", type: "string" },
      { name: "tags", type: "string" },
    ];
    const csv = await lightly('{"place":{"lat":"1.5","c":[7,8]},"tags":["x","y"]}', { columns });
    assert.equal(csv.split("\n").length, 3);
    const sql =
      "SELECT place ->> 'lat' AS lat, CAST(place -> '$.c[1]' AS DOUBLE) AS c, unnest(CAST(tags AS VARCHAR[])) AS tag FROM input";
    const output = {
      columns: [
        { name: "lat", type: "double" },
        { name: "c", type: "double" },
        { name: "tag", type: "string" },
      ],
    };
    const manifest = {
      ...parseManifest(
        JSON.stringify({
          team: "t",
          dataset: "d",
          description: "d",
          table: "d",
          transform: "t.sql",
          input: { columns },
          output,
        }),
        "f",
      ),
      sql,
    };
    const body = Buffer.from('{"place":{"lat":"1.5","c":[7,8]},"tags":["x","y"]}');
    assert.deepEqual(await transformed(body, manifest), [
      [1.5, 8, "x"],
      [1.5, 8, "y"],
    ]);
  });
});

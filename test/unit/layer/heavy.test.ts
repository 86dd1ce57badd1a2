import { DuckDBInstance } from "@duckdb/node-api";
import fc from "fast-check";
import assert from "node:assert/strict";
import path from "node:path";
import { Readable } from "node:stream";
import { Rejection } from "../../../layer/errors";
import { manifestFileSchema, type Manifest } from "../../../layer/manifest";
import { withEngine } from "../../../layer/transform/engine";
import { csvToParquet } from "../../../layer/transform/heavy";
import { recordsToCsv } from "../../../layer/transform/light";
import { NULL_PARTITION, partitionPath } from "../../../layer/transform/partitions";
import { stage } from "../../../layer/transform/staging";
import { withWorkspace } from "../../../layer/transform/workspace";

function manifest(change: Record<string, unknown> = {}): Manifest {
  const { sql = "SELECT * FROM input", ...rest } = change;
  const columns = [
    { name: "id", type: "int" },
    { name: "p", type: "string" },
  ];
  const file = {
    team: "t",
    dataset: "d",
    description: "d",
    table: "d",
    input: { columns },
    transform: "t.sql",
    output: { columns },
    ...rest,
  };
  return { ...manifestFileSchema.parse(file), sql: sql as string };
}

/** Without halves of surrogate pairs, which no UTF-8 can hold. */
const wellFormed = (text: string) => Buffer.from(text, "utf8").toString("utf8");

interface Made {
  rows: number;
  warnings: string[];
  /** Rows of each folder, read back from its file. */
  files: Record<string, unknown[][]>;
}

async function heavy(records: object[], description: Manifest): Promise<Made> {
  return withWorkspace((directory) =>
    withEngine(directory, async (engine) => {
      const [json, csv] = [path.join(directory, "in"), path.join(directory, "out.csv")];
      const shape = await stage(Readable.from([Buffer.from(JSON.stringify(records))]), json, 1e9);
      await recordsToCsv(engine, { file: json, shape }, csv, description);
      const { rows, warnings, files } = await csvToParquet(engine, csv, directory, description);
      const back = await Promise.all(files.map(async ({ file, folder }) => [folder, await parquet(file)] as const));
      return { rows, warnings, files: Object.fromEntries(back) };
    }),
  );
}

let reader: DuckDBInstance;
before(async () => void (reader = await DuckDBInstance.create(":memory:")));
after(() => reader.closeSync());

async function parquet(file: string): Promise<unknown[][]> {
  const connection = await reader.connect();
  try {
    const result = await connection.runAndReadAll(
      `SELECT * FROM read_parquet('${file}', hive_partitioning = false) ORDER BY ALL`,
    );
    return result.getRows() as unknown[][];
  } finally {
    connection.closeSync();
  }
}

async function rejection(records: object[], description: Manifest): Promise<string> {
  try {
    await heavy(records, description);
  } catch (error) {
    assert.ok(error instanceof Rejection, String(error));
    return `${error.code}: ${error.message}`;
  }
  return "taken";
}

describe("layer: the heavy transform", () => {
  it("writes one file for all rows without partition columns", async () => {
    const made = await heavy([{ id: 2, p: "b" }, { id: 1 }], manifest());
    assert.deepEqual(made, {
      rows: 2,
      warnings: [],
      files: {
        "": [
          [1, null],
          [2, "b"],
        ],
      },
    });
  });

  it("writes a file for each partition, without the partition columns", async () => {
    const made = await heavy(
      [
        { id: 1, p: "x" },
        { id: 2, p: "y" },
        { id: 3, p: "x" },
      ],
      manifest({ partitionBy: ["p"] }),
    );
    assert.deepEqual(made.files, { "p=x/": [[1], [3]], "p=y/": [[2]] });
  });

  it("has one partition for NULL, the empty text, and Hive's name for them", async () => {
    const made = await heavy(
      [{ id: 1 }, { id: 2, p: "" }, { id: 3, p: NULL_PARTITION }],
      manifest({ partitionBy: ["p"] }),
    );
    assert.deepEqual(made.files, { [`p=${NULL_PARTITION}/`]: [[1], [2], [3]] });
  });

  it("carries any text, in columns and in partitions", async () => {
    const texts = fc.array(fc.string({ unit: "binary", maxLength: 10 }), { minLength: 1, maxLength: 10 });
    const whole = manifest();
    const parted = manifest({ partitionBy: ["p"] });
    await fc.assert(
      fc.asyncProperty(texts, async (list) => {
        const records = list.map((text, id) => ({ id, p: wellFormed(text) }));
        const made = await heavy(records, whole);
        assert.deepEqual(
          made.files[""],
          records.map(({ id, p }) => [id, p]),
        );
        const split = await heavy(records, parted);
        assert.deepEqual(
          Object.values(split.files)
            .flat()
            .map(([id]) => id)
            .sort(),
          records.map(({ id }) => id).sort(),
        );
        for (const folder of Object.keys(split.files)) assert.match(folder, /^p=[A-Za-z0-9_.%-]+\/$/);
      }),
      { numRuns: 12, examples: [[["\u0000", ""]]] },
    );
  }).timeout(30_000);

  it("gives no files for no rows", async () => {
    assert.deepEqual(await heavy([], manifest({ partitionBy: ["p"] })), { rows: 0, warnings: [], files: {} });
  });

  it("limits the partitions of an object", async () => {
    const records = [1, 2, 3].map((id) => ({ id, p: String(id) }));
    const limits = { partitionsPerObject: 2 };
    assert.match(
      await rejection(records, manifest({ partitionBy: ["p"], limits })),
      /^TooManyPartitions: .*by p than the 2/,
    );
    assert.equal((await heavy(records.slice(1), manifest({ partitionBy: ["p"], limits }))).rows, 2);
  });

  it("rejects a partition value that is too long for a path", async () => {
    assert.match(
      await rejection([{ id: 1, p: "ä".repeat(50) }], manifest({ partitionBy: ["p"] })),
      /^PartitionInvalid: p has a value/,
    );
  });

  for (const [what, sql, expected] of [
    ["lacks a column", "SELECT id FROM input", "TransformInvalid: the SQL gives no column p; it gives id"],
    ["names no column", "SELECT idd, p FROM input", "TransformInvalid: the transform of the manifest: Binder Error"],
    ["is no SQL", "SELEC id", "TransformInvalid: "],
    ["is more than one statement", "SELECT * FROM input; DROP VIEW input", "TransformInvalid: "],
    [
      "gives another type",
      "SELECT 'x' AS id, p FROM input",
      "SchemaMismatch: the transform of the manifest: Conversion Error",
    ],
    [
      "reads other files",
      "SELECT 1 AS id, content AS p FROM read_text('/etc/hostname')",
      "TransformInvalid: the transform of the manifest: Permission Error",
    ],
    ["writes files", "COPY input TO '/tmp/x'", "TransformInvalid: "],
    [
      "reaches for the network",
      "SELECT 1 AS id, content AS p FROM read_text('https://example.com/')",
      "TransformInvalid: ",
    ],
  ] as const) {
    it(`rejects SQL that ${what}`, async () => {
      const found = await rejection([{ id: 1, p: "x" }], manifest({ sql }));
      assert.ok(found.startsWith(expected), found);
    });
  }

  it("lets no SQL open what is locked", async () => {
    await withWorkspace((directory) =>
      withEngine(directory, (engine) =>
        engine.connected(async (connection) => {
          for (const sql of [
            "SET enable_external_access = true",
            "SET memory_limit = '100GB'",
            "SET lock_configuration = false",
            "INSTALL httpfs",
            "LOAD httpfs",
            "ATTACH '/tmp/x.db'",
          ]) {
            await assert.rejects(connection.run(sql), Error, sql);
          }
        }),
      ),
    );
  });
});

describe("layer: expectations", () => {
  const expecting = (...expectations: object[]) => manifest({ expectations });
  const records = [{ id: 1, p: "a" }, { id: 1 }, { id: 5, p: "b" }];

  for (const [what, expectation, sentence] of [
    ["not_null", { check: "not_null", column: "p" }, "p is NULL in 1 of 3 rows"],
    ["unique", { check: "unique", column: "id" }, "id repeats a value in 1 of 3 rows"],
    ["a range", { check: "range", column: "id", min: 2, max: 4 }, "id is outside 2 to 4 in 3 of 3 rows"],
    ["a range without an end", { check: "range", column: "id", max: 4 }, "id is outside -∞ to 4 in 1 of 3 rows"],
    ["a number of rows", { check: "rows", min: 4 }, "rows: 3, expected at least 4"],
  ] as const) {
    it(`about ${what} fail or warn, as their rule says`, async () => {
      assert.equal(
        await rejection(records, expecting({ ...expectation, rule: "fail" })),
        `ExpectationFailed: ${sentence}`,
      );
      assert.deepEqual((await heavy(records, expecting({ ...expectation, rule: "warn" }))).warnings, [sentence]);
    });
  }

  it("that hold say nothing", async () => {
    const made = await heavy(
      records,
      expecting(
        { check: "not_null", column: "id", rule: "fail" },
        { check: "range", column: "id", min: 1, max: 5, rule: "fail" },
        { check: "rows", min: 3, rule: "fail" },
      ),
    );
    assert.deepEqual(made.warnings, []);
  });

  it("are all told at once", async () => {
    const both = expecting(
      { check: "not_null", column: "p", rule: "fail" },
      { check: "unique", column: "id", rule: "fail" },
    );
    assert.equal(
      await rejection(records, both),
      "ExpectationFailed: p is NULL in 1 of 3 rows; id repeats a value in 1 of 3 rows",
    );
  });
});

describe("layer: partition folders", () => {
  it("escape what a path cannot hold, and differ for different values", () => {
    assert.equal(partitionPath(["a", "b"], ["x y/%", null]), `a=x%20y%2F%25/b=${NULL_PARTITION}/`);
    assert.equal(partitionPath(["a"], [".."]), "a=%2E%2E/");
    assert.equal(partitionPath([], []), "");
    const value = fc.string({ unit: "binary", maxLength: 12 }).map(wellFormed);
    fc.assert(
      fc.property(value.filter(Boolean), value.filter(Boolean), (a, b) => {
        const [x, y] = [partitionPath(["c"], [a]), partitionPath(["c"], [b])];
        assert.equal(x === y, a === b);
        assert.match(x, /^c=[A-Za-z0-9_.%-]+\/$/);
        assert.equal(decodeURIComponent(x.slice(2, -1)), a);
      }),
    );
  });
});

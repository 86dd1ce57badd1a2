import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { stringify } from "yaml";
import { TributaryError } from "../../../automation/errors";
import { loadManifests, parseManifest, sizeInBytes } from "../../../layer/manifest";
import { manifestSchema } from "../../../layer/manifest-schema";

const GOOD = {
  team: "team",
  dataset: "data",
  description: "some",
  table: "data",
  input: { columns: [{ name: "a", type: "int" }] },
  transform: "t.sql",
  output: {
    columns: [
      { name: "a", type: "int" },
      { name: "b", type: "string" },
    ],
  },
};

function problems(change: object): string[] {
  try {
    parseManifest(stringify({ ...GOOD, ...change }), "datasets/team/data/manifest.yaml");
  } catch (error) {
    assert.ok(error instanceof TributaryError);
    assert.equal(error.code, "ManifestInvalid");
    assert.equal(error.exitCode, 2);
    return error.message
      .split("\n")
      .slice(1)
      .map((line) => line.trim().replace("datasets/team/data/manifest.yaml: ", ""));
  }
  return [];
}

describe("layer: manifests", () => {
  it("fill in what may be left out", () => {
    const manifest = parseManifest(stringify(GOOD), "file");
    assert.deepEqual([manifest.group, manifest.partitionBy, manifest.expectations], ["object", [], []]);
    assert.deepEqual(manifest.limits, { objectSize: "256 MB", partitionsPerObject: 20 });
  });

  it("tell all problems at once, with their property path", () => {
    const found = problems({
      team: "Team!",
      table: undefined,
      input: { columns: [{ name: "a", type: "integer" }] },
      colour: 1,
    });
    assert.equal(found.length, 4, found.join("\n"));
    for (const start of ["team: ", "table: ", "input.columns[0].type: ", "(the whole file): "]) {
      assert.ok(
        found.some((line) => line.startsWith(start)),
        `${start} in ${found.join("\n")}`,
      );
    }
  });

  for (const [what, change, expected] of [
    ["a partition that is no output column", { partitionBy: ["x"] }, 'partitionBy[0]: "x" is no output column: a, b'],
    [
      "nothing left for the files",
      { partitionBy: ["a", "b"] },
      "partitionBy: at least one column has to stay in the files",
    ],
    [
      "an expectation on no column",
      { expectations: [{ check: "not_null", column: "x", rule: "fail" }] },
      'expectations[0].column: "x" is no output column: a, b',
    ],
    [
      "an empty range",
      { expectations: [{ check: "range", column: "a", min: 2, max: 1, rule: "fail" }] },
      "expectations[0]: min is above max",
    ],
    [
      "a column twice",
      {
        input: {
          columns: [
            { name: "a", type: "int" },
            { name: "a", type: "int", field: "f" },
          ],
        },
      },
      "input.columns[1].name: is there twice",
    ],
    [
      "a field twice",
      {
        input: {
          columns: [
            { name: "a", type: "int" },
            { name: "c", type: "int", field: "a" },
          ],
        },
      },
      "input.columns[1]: reads a field that another column reads already",
    ],
    [
      "a size without a unit",
      { limits: { objectSize: "256" } },
      'limits.objectSize: a whole number and KB, MB or GB, such as "256 MB"',
    ],
    ["a retention in hours", { retention: "24 hours" }, 'retention: a whole number of days, such as "365 days"'],
    [
      "a retention of an Iceberg table",
      { retention: "365 days", engine: "athena", output: { format: "iceberg", columns: [{ name: "a", type: "int" }] } },
      "retention: is for Parquet tables: rows of an Iceberg table are deleted by its own statements",
    ],
    ["SQL from elsewhere", { transform: "../x.sql" }, "transform: the name of a .sql file in the dataset's folder"],
  ] as const) {
    it(`refuse ${what}`, () => assert.deepEqual(problems(change), [expected]));
  }

  it("refuse what is no YAML, with the line", () => {
    assert.throws(() => parseManifest("a: [", "f.yaml"), /f\.yaml: .*line 1/);
  });

  it("know sizes in bytes", () => {
    assert.deepEqual(["1 KB", "3 MB", "2 GB"].map(sizeInBytes), [1024, 3 * 1024 ** 2, 2 * 1024 ** 3]);
  });
});

describe("layer: folders of datasets", () => {
  let root: string;
  beforeEach(() => void (root = mkdtempSync(path.join(tmpdir(), "datasets-"))));
  afterEach(() => rmSync(root, { recursive: true }));

  function dataset(folder: string, manifest: object, sql: string | undefined = "SELECT * FROM input;\n"): void {
    mkdirSync(path.join(root, folder), { recursive: true });
    writeFileSync(path.join(root, folder, "manifest.yaml"), stringify(manifest));
    if (sql !== undefined) writeFileSync(path.join(root, folder, "t.sql"), sql);
  }

  it("are read in order, with their SQL, as the functions can read them again", () => {
    dataset("team/data", GOOD);
    dataset("a/b", { ...GOOD, team: "a", dataset: "b", table: "b" });
    mkdirSync(path.join(root, "team/empty"));
    const found = loadManifests(root);
    assert.deepEqual(
      found.map(({ team, sql }) => [team, sql]),
      [
        ["a", "SELECT * FROM input"],
        ["team", "SELECT * FROM input"],
      ],
    );
    assert.deepEqual(manifestSchema.parse(JSON.parse(JSON.stringify(found[0]))), found[0]);
  });

  it("are all checked before anything is said", () => {
    dataset("team/other", GOOD);
    dataset("x/y", { ...GOOD, team: "x", dataset: "y" }, "");
    dataset("x-y/z", { ...GOOD, team: "x-y", dataset: "z", table: "one" });
    dataset("x/y-z", { ...GOOD, team: "x", dataset: "y-z", table: "one" });
    assert.throws(
      () => loadManifests(root),
      (error: Error) => {
        for (const part of [
          'the folder is "team/other"',
          '"t.sql" is missing or empty',
          'table "one" belongs to',
          'queue name "x-y-z" belongs to',
        ]) {
          assert.ok(error.message.includes(part), `${part} in ${error.message}`);
        }
        return true;
      },
    );
  });

  it("are checked for regular expressions that are none, and SQL that lacks what is to be kept", () => {
    const expectations = [
      { check: "regex", column: "b", pattern: "(?=x)", rule: "fail" },
      { check: "regex", column: "b", pattern: "x+", rule: "fail" },
    ];
    dataset("team/data", { ...GOOD, expectations, evolution: { new: "add" } }, "SELECT a, b FROM input");
    assert.throws(
      () => loadManifests(root),
      (error: Error) => {
        const [, ...found] = error.message.split("\n");
        assert.equal(found.length, 2, error.message);
        assert.match(found[0]!, /expectations\[0\]\.pattern: no regular expression of RE2/);
        assert.match(found[1]!, /transform: evolution says add, so "t.sql" has to give the column _extra/);
        return true;
      },
    );
    dataset("team/data", { ...GOOD, evolution: { new: "add" } }, "SELECT a, b, _extra FROM input");
    assert.equal(loadManifests(root).length, 1);
  });

  it("of this repository are right", () => {
    const names = loadManifests(path.join(__dirname, "../../../datasets")).map(({ dataset }) => dataset);
    assert.ok(names.includes("meteorites"), names.join(", "));
  });
});

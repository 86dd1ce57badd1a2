import { strict as assert } from "node:assert";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { gzipSync } from "node:zlib";
import { run } from "../../../automation/commands/dataset-test";
import type { CommandContext, Outcome } from "../../../automation/commands/context";
import type { DatasetTest, FileTest } from "../../../automation/datasets/test";
import { TributaryError } from "../../../automation/errors";
import { silent } from "../../../automation/events";
import { readReports } from "../../../automation/pipeline/reports";

const checkout = path.resolve(__dirname, "../../..");

const manifest = `
team: t
dataset: d
description: A dataset
table: d
group: { key: "^(\\\\d{4})-" }
input:
  columns:
    - { name: id, type: int }
    - { name: day, type: date }
    - { name: price, type: double }
transform: transform.sql
output:
  columns:
    - { name: id, type: int }
    - { name: day, type: date }
    - { name: price, type: int }
partitionBy: [{ column: day, by: month }]
expectations:
  - { check: unique, column: id, rule: fail }
  - { check: range, column: price, max: 100, rule: quarantine }
  - { check: freshness, column: day, maxAge: 1 day, rule: fail }
`;

const records = [
  { id: 1, day: "2020-01-02", price: 1.5 },
  { id: 2, day: "2020-02-02", price: 2 },
  { id: 3, day: "2020-02-03", price: 200 },
];

interface Document {
  ok: boolean;
  error?: { code: string; message: string };
  datasets: DatasetTest[];
}

describe("datasets: tests of what is there", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), "tributary-samples-"));
    const sql = "SELECT id, day, round(price) AS price FROM input";
    write({ "manifest.yaml": manifest, "transform.sql": sql, "sample/2020-a.json": lines(records) });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const lines = (all: object[]) => all.map((one) => JSON.stringify(one)).join("\n");

  function write(files: Record<string, string | Buffer>): void {
    for (const [name, body] of Object.entries(files)) {
      const file = path.join(root, "datasets/t/d", name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, body);
    }
  }

  const remove = (name: string) => rmSync(path.join(root, "datasets/t/d", name), { recursive: true });

  function command(values: Parameters<typeof run>[1] = {}): Promise<Outcome> {
    const context = { root, sink: silent, signal: new AbortController().signal };
    return run(context as unknown as CommandContext, values);
  }

  async function tested(values: Parameters<typeof run>[1] = {}): Promise<[DatasetTest, FileTest, Outcome]> {
    const outcome = await command(values);
    const { datasets } = outcome.document as Document;
    return [datasets[0]!, datasets[0]!.tests[0]!, outcome];
  }

  it("the checkout's own pass", async () => {
    cpSync(path.join(checkout, "datasets"), path.join(root, "datasets"), { recursive: true });
    const { document, exitCode } = await command();
    const { datasets } = document as Document;
    assert.deepEqual([exitCode, datasets.length], [0, 4]);
    assert.ok(datasets.every(({ ok, tests }) => ok && tests.length === 1 && tests[0]!.rows > 0));
  });

  it("counts records, rows, quarantine, files and partitions, and tells the group", async () => {
    const [dataset, file, { exitCode, text }] = await tested();
    assert.deepEqual([exitCode, dataset.ok, dataset.tests.length], [0, true, 1]);
    assert.deepEqual([file.records, file.rows, file.quarantined, file.files], [3, 2, 1, 2]);
    assert.deepEqual(file.partitions, ["day_month=2020-01/", "day_month=2020-02/"]);
    assert.equal(file.group, "2020");
    assert.deepEqual(
      file.expectations.map(({ name, broken }) => [name, broken]),
      [
        ["unique(id)", 0],
        ["range(price)", 1],
        ["freshness(day)", 0],
      ],
    );
    assert.match(text, /^note: t\/d: 2020-a\.json: range\(price\) \(quarantine\): 1 of 3 broke it$/m);
  });

  it("takes all samples, packed ones, too; a name that the group's expression does not fit is told", async () => {
    write({ "sample/b.json.gz": gzipSync(lines(records)), "sample/.hidden": "x" });
    const [dataset, , { text }] = await tested();
    assert.deepEqual(
      dataset.tests.map(({ file, group, rows }) => [file, group, rows]),
      [
        ["2020-a.json", "2020", 2],
        ["b.json.gz", null, 2],
      ],
    );
    assert.match(text, /^note: t\/d: b\.json\.gz: group\.key does not fit/m);
  });

  for (const [what, files, failure] of [
    ["SQL that does not run", { "transform.sql": "SELECT nothing FROM input" }, /^TransformInvalid: .*nothing/],
    ["a column that the SQL lacks", { "transform.sql": "SELECT id, day FROM input" }, /^TransformInvalid: .*price/],
    [
      "a value that does not fit the table",
      { "transform.sql": "SELECT id, day, 'x' AS price FROM input" },
      /^SchemaMismatch/,
    ],
    ["a sample that does not fit the manifest", { "sample/2020-a.json": '{"id":"x"}' }, /^SchemaMismatch: column id/],
    ["a sample that is no records", { "sample/2020-a.json": '{"id":' }, /^MalformedJson/],
    [
      "an expectation",
      { "sample/2020-a.json": lines([...records, records[0]!]) },
      /^ExpectationFailed: id repeats a value in 1 of 3 rows$/,
    ],
  ] as const) {
    it(`fails for ${what}`, async () => {
      write(files);
      const [dataset, file, { exitCode, document, text }] = await tested();
      assert.deepEqual([exitCode, dataset.ok, file.ok], [1, false, false]);
      assert.match(file.failure ?? "", failure);
      assert.equal((document as Document).error?.code, "DatasetTestFailed");
      assert.match(text, /^error DatasetTestFailed: 1 of 1 datasets failed: t\/d$/m);
    });
  }

  it("fails where a value of the table is another one than the SQL gives", async () => {
    write({ "transform.sql": "SELECT id, day, price FROM input" });
    const [, file, { exitCode, text }] = await tested();
    assert.equal(exitCode, 1);
    assert.deepEqual(file.casts, [{ column: "price", type: "int", gives: "DOUBLE", changed: 1, loses: true }]);
    assert.match(text, /column price: the SQL gives DOUBLE, and 1 values are others as int/);
  });

  it("only tells of digits that a type has no room for, and nothing of text that becomes a date", async () => {
    const decimal = manifest.replace("price, type: int }\npart", 'price, type: "decimal(9,1)" }\npart');
    write({
      "manifest.yaml": decimal,
      "transform.sql": "SELECT id, CAST(day AS VARCHAR) AS day, price + 0.01 AS price FROM input",
    });
    const [, file, { exitCode, text }] = await tested();
    assert.equal(exitCode, 0);
    assert.deepEqual(
      file.casts.map(({ column, changed, loses }) => [column, changed, loses]),
      [
        ["day", 0, false],
        ["price", 3, false],
      ],
    );
    assert.match(text, /^note: .*column price: 3 values of DOUBLE are rounded to decimal\(9,1\)$/m);
  });

  it("tries the SQL of a dataset without a sample on no records", async () => {
    remove("sample");
    const [, file, { exitCode, text }] = await tested();
    assert.deepEqual([exitCode, file.file, file.records, file.rows, file.files], [0, undefined, 0, 0, 0]);
    assert.match(text, /^note: t\/d: no sample: the SQL was tried on no records/m);
    write({ "transform.sql": "SELECT id, day, missing AS price FROM input" });
    const [, broken] = await tested();
    assert.match(broken.failure ?? "", /^TransformInvalid: .*missing/);
  });

  it("tells where none of the records becomes a row", async () => {
    write({ "transform.sql": "SELECT id, day, 1 AS price FROM input WHERE id > 9" });
    const [, , { exitCode, text }] = await tested();
    assert.equal(exitCode, 0);
    assert.match(text, /none of 3 records became a row of the table \(0 in quarantine\)/);
  });

  it("parses named queries; what DuckDB does not take is a doubt", async () => {
    write({
      "queries/good.sql": "-- by day\nSELECT day, approx_distinct(id) FROM d GROUP BY 1",
      "queries/bad.sql": "SELEC day FROM d",
      "queries/two.sql": "SELECT 1; SELECT 2",
      "queries/none.sql": "-- later",
    });
    const [dataset, , { exitCode, text }] = await tested();
    assert.equal(exitCode, 0);
    const doubts = Object.fromEntries(dataset.queries.map(({ name, doubt }) => [name, doubt]));
    assert.match(doubts.bad ?? "", /^Parser Error: syntax error/);
    assert.deepEqual(doubts, {
      ...{ bad: doubts.bad, good: undefined },
      ...{ none: "holds no statement", two: "holds 2 statements; Athena runs one" },
    });
    assert.match(text, /^note: t\/d: query bad: Parser Error/m);
  });

  it("tries another file as if it came now", async () => {
    const file = path.join(root, "monday.json");
    writeFileSync(file, lines(records));
    const [dataset, one] = await tested({ datasets: ["t/d"], file });
    assert.equal(dataset.tests.length, 1);
    assert.equal(one.file, "monday.json");
    assert.match(one.failure ?? "", /^ExpectationFailed: day has no value of the 1 day before the object came$/);
    writeFileSync(file, lines([{ ...records[0], day: new Date().toISOString().slice(0, 10) }]));
    const [, fresh] = await tested({ datasets: ["t/d"], file });
    assert.equal(fresh.ok, true);
  });

  it("writes what CodeBuild reads: failures, and as skipped what fails nothing", async () => {
    write({ "transform.sql": "SELECT id, day, price FROM input", "queries/bad.sql": "SELEC" });
    const junit = path.join(root, "reports/datasets.xml");
    await command({ junit });
    const files = {
      files: ["datasets.xml"],
      ...{ "base-directory": "reports", "discard-paths": "no" as const, "file-format": "JUNITXML" },
    };
    const [report] = await readReports(root, { datasets: files });
    const { total, passed, failed, skipped, failures } = report!.tests!;
    assert.deepEqual([total, passed, failed, skipped], [6, 3, 1, 2]);
    assert.match(failures[0]!.name, /t\/d: 2020-a\.json: types of columns/);
    assert.match(readFileSync(junit, "utf8"), /range\(price\) \(quarantine\)/);
  });

  for (const [what, values, code] of [
    ["an unknown dataset", { datasets: ["t/d", "t/x"] }, "UnknownDataset"],
    ["a file without a dataset", { file: "x" }, "WrongUsage"],
    ["a file that is not there", { datasets: ["t/d"], file: "/nowhere/x" }, "FileMissing"],
    ["a folder as a file", { datasets: ["t/d"], file: tmpdir() }, "NotAFile"],
  ] as const) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(command(values as never), (error) => {
        assert.ok(error instanceof TributaryError, String(error));
        assert.deepEqual([error.code, error.exitCode], [code, 2]);
        return true;
      });
    });
  }
});

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import * as path from "node:path";
import { describe as told } from "../../../automation/commands/expectations";
import { cases, isMet, summarize, type Checked } from "../../../automation/datasets/report";
import { loadManifests } from "../../../layer/manifest";

const root = path.resolve(__dirname, "../../..");

function execution(object: string, change: Partial<Checked> & { broken?: number; rule?: string } = {}): Checked {
  const { broken = 0, rule = "quarantine", ...rest } = change;
  const expectations = [{ name: "unique(id)", check: "unique", column: "id", rule, checked: 10, broken }];
  return { object, version: "v", rows: 10 - broken, quarantined: broken, expectations, ...rest };
}

describe("datasets: the report of expectations", () => {
  it("counts the newest execution of each object", () => {
    const report = summarize("t/d", [
      execution("a", { broken: 1 }),
      execution("a", { broken: 9 }),
      execution("b", { broken: 3 }),
      execution("c"),
      { object: "d", rows: 5 },
    ]);
    assert.deepEqual([report.objects, report.rows, report.quarantined], [3, 26, 4]);
    const [one, ...more] = report.expectations;
    assert.deepEqual([more.length, one?.objects, one?.checked, one?.broken], [0, 3, 30, 4]);
    assert.deepEqual(
      one?.brokenIn.map(({ object }) => object),
      ["b", "a"],
    );
    assert.match(told(report), /unique\(id\).*quarantine.*4.*30.*b/);
  });

  it("is met unless more than a warning is broken", () => {
    for (const [rule, met] of [
      ["warn", true],
      ["quarantine", false],
      ["fail", false],
    ] as const) {
      const report = summarize("t/d", [execution("a", { broken: 1, rule })]);
      assert.equal(isMet(report), met, rule);
      const [one] = cases(report);
      assert.equal(one?.name, `unique(id) (${rule})`);
      assert.equal(one?.failure === undefined, met);
      assert.equal(one?.skipped === undefined, !met);
    }
    assert.equal(isMet(summarize("t/d", [execution("a")])), true);
    assert.equal(told(summarize("t/d", [])), "t/d: no object was checked\n");
  });

  it("names twenty objects at most", () => {
    const report = summarize(
      "t/d",
      Array.from({ length: 30 }, (_, at) => execution(`o${at}`, { broken: at + 1 })),
    );
    const [one] = cases(report);
    assert.match(
      one?.failure ?? "",
      /^465 of 300 rows broke it, in 30 objects:\n {2}o29: 30 of 10\n[^]*and 10 more objects$/,
    );
  });
});

describe("datasets: the committed ones", () => {
  const manifests = loadManifests(path.join(root, "datasets"));

  it("are three of different shapes, each with a sample", () => {
    assert.deepEqual(
      manifests.map(({ team, dataset, input }) => `${team}/${dataset} ${input.format}`),
      ["climate/readings csv", "engineering/meteorites auto", "sales/orders json"],
    );
    for (const { team, dataset } of manifests)
      assert.equal(readdirSync(path.join(root, "datasets", team, dataset, "sample")).length, 1);
  });

  it("are named by no TypeScript of the program, the layer or the functions", () => {
    const files = ["components", "layer", "functions"].flatMap((folder) =>
      readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".ts"))
        .map((file) => path.join(folder, file)),
    );
    assert.ok(files.length > 100);
    const names = manifests.flatMap(({ team, dataset, table }) => [`${team}/${dataset}`, table]);
    for (const file of [...files, "index.ts"]) {
      const text = readFileSync(path.join(root, file), "utf8");
      for (const name of names) assert.ok(!new RegExp(`["'\`/]${name}\\b`).test(text), `${file} names ${name}`);
    }
  });
});

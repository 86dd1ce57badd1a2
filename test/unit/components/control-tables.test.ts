import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { CustomerKey } from "../../../components/storage/CustomerKey";
import { ControlTable } from "../../../components/storage/ControlTable";
import { PIPELINE, tables } from "../../../components/storage/tableKeys";
import { lake, manifest, scopeOf } from "./support/lake";
import { ofType, type Registered, run } from "./support/mocks";

/* eslint-disable @typescript-eslint/no-explicit-any -- inputs and policies of all types */

const root = path.join(__dirname, "../../..");
const page = readFileSync(path.join(root, "docs/control-tables.md"), "utf8");

/** Rows of a table of the page, as their cells. */
function rowsAfter(heading: string): string[][] {
  const section = page.slice(page.indexOf(`\n## ${heading}\n`)).slice(1);
  const lines = section.slice(0, section.indexOf("\n## ")).split("\n");
  return lines
    .filter((line) => line.startsWith("| ") && !line.startsWith("| ---"))
    .slice(1)
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const code = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string);
const byName = new Map(Object.values(tables).map((table) => [table.what, table]));

describe("the page about control tables", () => {
  it("has the keys and the life of every table", () => {
    const found = rowsAfter("Items").map(([name = "", keys = "", , life = ""]) => ({
      name: code(name)[0],
      keys,
      life,
    }));
    assert.deepEqual(found.map(({ name }) => name).sort(), [...byName.keys()].sort());
    for (const { name = "", keys, life } of found) {
      const table = byName.get(name);
      const [hash, range] = keys.split(", ");
      assert.deepEqual([code(hash ?? "")[0], code(range ?? "")[0]], [table?.hashKey, table?.rangeKey], name);
      assert.equal(/retention\.|6 hours/.test(life), table?.expiresAttribute !== undefined, name);
    }
  });

  it("asks every question by the keys of a table or an index, and every index is asked", () => {
    const asked = new Set<string>();
    for (const [question, , where = "", condition = ""] of rowsAfter("Who asks what")) {
      const [name = "", index] = code(where);
      const table = byName.get(name);
      assert.ok(table, `${question}: no table ${name}`);
      const keys = index === undefined ? table : table.indexes?.[index];
      assert.ok(keys, `${question}: no index ${index} of ${name}`);
      const [hash, range] = code(condition).filter(
        (text) => /^[a-zA-Z]+$/.test(text) && text !== "lake" && text !== "CURRENT",
      );
      assert.equal(hash, keys.hashKey, question);
      if (range !== undefined) assert.equal(range, keys.rangeKey, question);
      asked.add(`${name} ${index ?? ""}`);
    }
    for (const { what, indexes = {} } of byName.values())
      for (const index of ["", ...Object.keys(indexes)])
        assert.ok(asked.has(`${what} ${index}`), `nobody asks ${what} ${index}`);
  });
});

describe("control tables", function () {
  this.timeout(20_000);
  let resources: Registered[];

  before(async () => ({ resources } = await run(() => lake("prod").outputs, { stack: "prod" })));

  it("are made with their indexes, and declare exactly the attributes that are keys", () => {
    const made = ofType(resources, "aws:dynamodb/table:Table").map(({ inputs }) => inputs);
    assert.equal(made.length, byName.size);
    for (const { name, attributes, hashKey, rangeKey, globalSecondaryIndexes = [] } of made) {
      const what = name.slice("tributary-prod-".length) as string;
      const indexes = Object.entries(byName.get(what)?.indexes ?? {});
      assert.deepEqual(
        globalSecondaryIndexes.map((one: any) => [
          one.name,
          ...one.keySchemas.map((key: any) => key.attributeName),
          one.projectionType,
        ]),
        indexes.map(([index, how]) => [index, how.hashKey, how.rangeKey, how.holds === "keys" ? "KEYS_ONLY" : "ALL"]),
      );
      const keys = [hashKey, rangeKey, ...indexes.flatMap(([, how]) => [how.hashKey, how.rangeKey])];
      const declared = attributes.map((attribute: any) => attribute.name);
      assert.deepEqual([...declared].sort(), [...new Set(keys.filter((key) => key !== undefined))].sort(), what);
    }
  });

  it("are never scanned: no role may, and no source does", () => {
    const policies = resources.filter(({ type }) => /^aws:iam\/(rolePolicy|policy):/i.test(type));
    assert.ok(policies.some(({ inputs }) => JSON.stringify(inputs).includes("dynamodb:Query")));
    for (const { name, inputs } of policies) {
      const document = typeof inputs.policy === "string" ? inputs.policy : JSON.stringify(inputs.policy ?? "");
      assert.doesNotMatch(document, /dynamodb:(Scan|PartiQL|Export|\*)/i, name);
    }
    for (const folder of ["layer", "automation", "functions", "components"]) {
      for (const file of readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })) {
        if (!file.endsWith(".ts")) continue;
        const text = readFileSync(path.join(root, folder, file), "utf8");
        assert.doesNotMatch(text, /\b(ScanCommand|paginateScan)\b/, `${folder}/${file}`);
      }
    }
  });

  it("let a role ask one index and not the others", async () => {
    const scope = scopeOf();
    const statements: any[] = [];
    await run(() => {
      const key = new CustomerKey("key", { scope, what: "lake" });
      const table = new ControlTable("history", { scope, key, ...tables.executionHistory });
      table.grantQuery({ addStatements: (...added: any[]) => statements.push(...added) } as never, "byObject");
      return {};
    });
    const [{ actions, resources: arns }] = statements;
    const arn = await new Promise<string>((resolve) => arns[0].apply(resolve));
    assert.deepEqual(actions, ["dynamodb:Query"]);
    assert.match(arn, /table\/tributary-dev-execution-history\/index\/byObject$/);
  });

  it("know teams, pipeline and configuration; a team has one item however many datasets it has", async () => {
    const many = ["b", "a", "c"].map((dataset) => ({ ...manifest, dataset, table: dataset }));
    const others = [...many, { ...manifest, team: "sales", dataset: "orders", table: "orders" }];
    const made = await run(() => lake("prod", {}, others).outputs, { stack: "prod" });
    const items = ofType(made.resources, "aws:dynamodb/tableItem:TableItem").map(({ inputs }) => ({
      table: String(inputs.tableName).slice("tributary-prod-".length),
      item: JSON.parse(inputs.item) as any,
    }));
    const of = (table: string) => items.filter((one) => one.table === table).map(({ item }) => item);
    const teams = of("teams").map((item) => [item.team.S, item.datasets.L.map((one: any) => one.S)]);
    assert.deepEqual(teams.sort(), [
      ["engineering", ["a", "b", "c"]],
      ["sales", ["orders"]],
    ]);
    assert.deepEqual(
      of("pipelines")
        .map((item) => [item.pipeline.S, item.stage.S, item.maxAttempts.N])
        .sort(),
      [
        [PIPELINE, "a", "3"],
        [PIPELINE, "b", "3"],
      ],
    );
    const [configuration] = of("configuration");
    assert.equal(configuration.lanes.N, "8");
    assert.equal(configuration.memory.M["stage-b-process-data"].S, "3008 MB");
    assert.equal("approvers" in configuration || "backend" in configuration, false);
    assert.deepEqual(
      of("datasets").map((item) => item.pipeline.S),
      [PIPELINE, PIPELINE, PIPELINE, PIPELINE],
    );
  });
});

import Ajv2020 from "ajv/dist/2020";
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { manifestJsonSchema } from "../../../automation/datasets/schema";
import { manifestFileSchema } from "../../../layer/manifest-schema";

const root = path.resolve(__dirname, "../../..");
const published = path.join(root, "datasets/manifest.schema.json");
const example = path.join(root, "datasets/engineering/meteorites/manifest.yaml");

interface Node {
  description?: string;
  properties?: Record<string, Node>;
  items?: Node;
  oneOf?: Node[];
  anyOf?: Node[];
}

/** Paths of properties that nothing describes. */
function silent(node: Node, at = ""): string[] {
  const own = Object.entries(node.properties ?? {}).flatMap(([key, value]) => [
    ...(value.description ? [] : [`${at}.${key}`]),
    ...silent(value, `${at}.${key}`),
  ]);
  const below = [node.items, ...(node.oneOf ?? []), ...(node.anyOf ?? [])].flatMap((one) =>
    one ? silent(one, at) : [],
  );
  return [...own, ...below];
}

describe("datasets: the published schema of manifests", () => {
  const text = readFileSync(published, "utf8");
  const accepts = new Ajv2020({ allErrors: true }).compile(JSON.parse(text) as object);
  const manifest = () => parse(readFileSync(example, "utf8")) as Record<string, unknown>;

  it("is what the code checks manifests with", () => {
    assert.equal(text, manifestJsonSchema(), "npx tributary --manifest-schema > datasets/manifest.schema.json");
  });

  it("describes every key", () => {
    const found = JSON.parse(text) as Node;
    assert.deepEqual(silent(found), []);
    assert.ok(Object.keys(found.properties ?? {}).length > 10);
  });

  it("takes the example, which names it for editors", () => {
    assert.ok(accepts(manifest()), JSON.stringify(accepts.errors));
    const [line] = readFileSync(example, "utf8").split("\n") as [string];
    const [, named] = /^# yaml-language-server: \$schema=(.*)$/.exec(line) ?? [];
    assert.equal(path.resolve(path.dirname(example), named ?? ""), published);
  });

  for (const [what, change, right] of [
    [
      "a manifest without what has a default",
      { group: undefined, limits: undefined, partitionBy: undefined, expectations: undefined },
      true,
    ],
    ["a format", { input: { format: "csv", csv: { delimiter: ";" }, columns: [{ name: "a", type: "int" }] } }, true],
    ["an unknown key", { colour: 1 }, false],
    ["an unknown format", { input: { format: "xml", columns: [{ name: "a", type: "int" }] } }, false],
    ["a long delimiter", { input: { csv: { delimiter: ",," }, columns: [{ name: "a", type: "int" }] } }, false],
    ["an unknown type", { output: { columns: [{ name: "a", type: "integer" }] } }, false],
    ["an unknown check", { expectations: [{ check: "nice", rule: "fail" }] }, false],
    ["a size without a unit", { limits: { objectSize: "5" } }, false],
    ["no table", { table: undefined }, false],
    ["a name with capitals", { team: "Team" }, false],
  ] as [string, Record<string, unknown>, boolean][]) {
    it(`says of ${what} what the code says`, () => {
      const changed = JSON.parse(JSON.stringify({ ...manifest(), ...change })) as unknown;
      assert.equal(accepts(changed), right, JSON.stringify(accepts.errors));
      const found = manifestFileSchema.safeParse(changed);
      const shape = found.error?.issues.filter(({ code }) => code !== "custom") ?? [];
      assert.equal(shape.length === 0, right, JSON.stringify(shape));
    });
  }
});

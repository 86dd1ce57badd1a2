import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { cacheRoot, findBuilt } from "../../../automation/toolchain/cache";
import { programsRoot, readProgram } from "../../../automation/toolchain/recipe";
import { schemaDifferences, type TypeMap } from "./schema/differences";
import type { PackageSpec } from "./schema/plugin-schema";
import { builtToolchain } from "./support";

describe("the built AWS plugin", () => {
  const root = path.dirname(require.resolve("@pulumi/aws/package.json"));
  let text: string;
  let types: TypeMap;

  before(async function () {
    await builtToolchain(this);
    const built = await findBuilt(await readProgram("pulumi-resource-aws"), cacheRoot());
    assert.ok(built);
    text = await readFile(path.join(built.bin, "schema.json"), "utf8");
    types = JSON.parse(
      await readFile(path.join(programsRoot, "pulumi-resource-aws", "type-map.json"), "utf8"),
    ) as TypeMap;
  });

  const schema = (): PackageSpec => JSON.parse(text) as PackageSpec;

  it("has the properties of @pulumi/aws, for every type that it offers", () => {
    assert.ok(Object.keys(types.resources).length > 80);
    assert.deepEqual(schemaDifferences(schema(), types, root), []);
  });

  it("has every type of @pulumi/aws that the project's programs name", async () => {
    const offered = new Set([...Object.values(types.resources), ...Object.values(types.dataSources)].map(className));
    const used = await namesInUse();
    assert.ok(used.size > 10, `only ${used.size} types found in the sources`);
    assert.deepEqual(
      [...used].filter((name) => !offered.has(name)),
      [],
      "add these to toolchain/pulumi-resource-aws/type-map.json",
    );
  });

  describe("when it differs", () => {
    const bucket = "aws:s3/bucket:Bucket";
    const differences = (change: (schema: PackageSpec) => void): string[] => {
      const changed = schema();
      change(changed);
      const only = {
        resources: { aws_s3_bucket: bucket },
        dataSources: { aws_region: "aws:index/getRegion:getRegion" },
      };
      return schemaDifferences(changed, only, root);
    };

    it("is told by a missing property", () => {
      const found = differences((changed) => delete changed.resources[bucket]?.inputProperties?.forceDestroy);
      assert.deepEqual(found, [`${bucket} arguments.forceDestroy: @pulumi/aws has it, the plugin does not`]);
    });

    it("is told by an additional one, and by another type, deep inside", () => {
      const found = differences((changed) => {
        const rule = changed.types["aws:s3/BucketLifecycleRule:BucketLifecycleRule"]?.properties ?? {};
        rule.surprise = { type: "string" };
        rule.enabled = { type: "string" };
      });
      const where = `${bucket} arguments.lifecycleRules[]`;
      assert.ok(found.includes(`${where}.surprise: the plugin has it, @pulumi/aws does not`), found.join("\n"));
      assert.ok(found.includes(`${where}.enabled: string in the plugin, boolean in @pulumi/aws`), found.join("\n"));
    });

    it("is told by a property that becomes required", () => {
      const found = differences((changed) => {
        (changed.resources[bucket] ?? {}).requiredInputs = ["bucket"];
      });
      assert.deepEqual(found, [`${bucket} arguments.bucket: the plugin demands it, @pulumi/aws does not demand it`]);
    });

    it("is told by a list that should be one value", () => {
      const found = differences((changed) => {
        (changed.resources[bucket]?.inputProperties ?? {}).bucket = { type: "array", items: { type: "string" } };
      });
      assert.deepEqual(found, [`${bucket} arguments.bucket: list of string in the plugin, string in @pulumi/aws`]);
    });

    it("is told by a type that is not there, in arguments, results and the provider's settings", () => {
      const found = differences((changed) => {
        delete changed.resources[bucket];
        delete changed.functions["aws:index/getRegion:getRegion"]?.outputs?.properties?.region;
        delete changed.provider.inputProperties?.s3UsePathStyle;
      });
      assert.deepEqual(found, [
        "provider arguments.s3UsePathStyle: @pulumi/aws has it, the plugin does not",
        `${bucket}: the plugin does not have it`,
        "aws:index/getRegion:getRegion result.region: @pulumi/aws has it, the plugin does not",
      ]);
    });
  });
});

/** "aws:s3/bucket:Bucket" as a program writes it: "s3.Bucket"; "aws:index/getRegion:getRegion": "getRegion". */
function className(token: string): string {
  const [, module = "", member = ""] = token.split(":");
  const namespace = module.split("/")[0];
  return namespace === "index" ? member : `${namespace}.${member}`;
}

/** What the project's Pulumi program constructs or calls of @pulumi/aws: `new aws.s3.Bucket(`, `aws.getRegionOutput(`. */
async function namesInUse(): Promise<Set<string>> {
  const checkout = path.dirname(programsRoot);
  const components = await readdir(path.join(checkout, "components"), { recursive: true });
  const sources = ["index.ts", ...components.map((file) => path.join("components", file))].filter((file) =>
    file.endsWith(".ts"),
  );
  const names = new Set<string>();
  for (const source of sources) {
    const content = await readFile(path.join(checkout, source), "utf8");
    for (const [, name = ""] of content.matchAll(/\bnew aws\.([a-z]\w*\.[A-Z]\w*)\(/g)) names.add(name);
    for (const [, name = ""] of content.matchAll(/\baws\.((?:[a-z]\w*\.)?get\w+?)(?:Output)?\(/g)) names.add(name);
  }
  return names;
}

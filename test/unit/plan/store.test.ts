import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { Ajv2020 } from "ajv/dist/2020";
import addFormats from "ajv-formats";
import type { TributaryError } from "../../../automation/errors";
import { environmentPlanSchema, planJsonSchema } from "../../../automation/plan/schema";
import { loadPlan, namedPlan, savePlan, unpackEngine } from "../../../automation/plan/store";
import { planId } from "../../../automation/plan/types";
import { planOf, queue, secret, stackPlan, table } from "./support";

const plan = planOf(
  stackPlan([
    { op: "update", type: queue, name: "q", old: { a: [1], s: secret }, new: { a: [2], s: secret }, diffs: ["s"] },
    { op: "replace", type: table, name: "t", old: { k: "a" }, new: { k: "b" }, keys: ["k"] },
    { op: "delete", type: table, name: "u", old: {} },
  ]),
);

describe("a plan in a file", () => {
  let root = "";
  beforeEach(() => (root = mkdtempSync(path.join(os.tmpdir(), "tributary-plan-"))));
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const refused = async (work: Promise<unknown>, code: string) =>
    assert.rejects(work, (error: TributaryError) => {
      assert.deepEqual([error.code, error.exitCode], [code, 2], error.message);
      return true;
    });

  it("comes back as it was, with what the engine wrote, readable by its owner only", async () => {
    const out = path.join(root, "out", "a.plan");
    const kept = await savePlan(root, plan, new Map([["dev", '{"engine":1}']]), out);
    for (const file of [kept, out]) {
      const { engine: _, ...loaded } = await loadPlan(file);
      assert.deepEqual(loaded, JSON.parse(JSON.stringify(plan)));
      assert.equal(statSync(file).mode & 0o077, 0);
    }
    const files = await unpackEngine(path.join(root, "engine"), await loadPlan(out));
    assert.equal(readFileSync(files.get("dev")!, "utf8"), '{"engine":1}');
  });

  it("is found by its id", async () => {
    await savePlan(root, plan, new Map());
    assert.equal((await namedPlan(root, "dev", planId(plan))).digest, plan.digest);
    await refused(namedPlan(root, "dev", "0123456789ab"), "PlanMissing");
    await refused(namedPlan(root, "dev", path.join(root, "none.plan")), "PlanMissing");
  });

  it("is refused when it is cut off, of another form, or changed", async () => {
    const file = await savePlan(root, plan, new Map());
    const text = readFileSync(file, "utf8");
    const others = [
      text.slice(0, 100),
      "[]",
      text.replace('"version":1', '"version":2'),
      text.replace('"name":"q"', '"name":"p", "x": 1'),
      text.replace('"update"', '"create"'),
    ];
    for (const other of others) {
      writeFileSync(file, other);
      await refused(loadPlan(file), "PlanInvalid");
    }
  });

  it("is what the published schema says, and the schema is what is published", () => {
    const published = readFileSync(path.resolve(__dirname, "../../../docs/plan.schema.json"), "utf8");
    assert.equal(published, planJsonSchema());
    const validate = addFormats.default(new Ajv2020({ strict: false })).compile(JSON.parse(published) as object);
    const document: unknown = JSON.parse(JSON.stringify(plan));
    assert.ok(validate(document), JSON.stringify(validate.errors));
    assert.ok(environmentPlanSchema.safeParse(document).success);
    assert.ok(!validate({ ...(document as object), digest: "x" }));
  });
});

import assert from "node:assert/strict";
import type { Manifest } from "../../../layer/manifest-schema";
import { lake, manifest } from "../components/support/lake";
import { type Registered, run } from "../components/support/mocks";
import { brokenLimits, limits } from "./limits";

/** Distinct datasets of three teams. */
function datasets(count: number): Manifest[] {
  return Array.from({ length: count }, (_, index) => ({
    ...manifest,
    team: `team-${index % 3}`,
    dataset: `dataset-${index}`,
    table: `dataset_${index}`,
  }));
}

async function resourcesOf(manifests: Manifest[]): Promise<Registered[]> {
  return (await run(() => lake("prod", {}, manifests).outputs, { stack: "prod" })).resources;
}

/** Shared resources that name every dataset: a team's item (of 400 KB) and the list of what is reconciled (of 256 KB). */
const naming = /TableItem lake-team-team-|Schedule lake-reconciling-/;

/** What belongs to no dataset. */
const shared = (resources: readonly Registered[]) =>
  new Map(
    resources
      .filter(({ name }) => !/^lake-team-\d-dataset-/.test(name))
      .map(({ type, name, inputs }) => [`${type} ${name}`, JSON.stringify(inputs)]),
  );

describe("a lake of many datasets", function () {
  // The first program loads all of Pulumi's AWS package.
  this.timeout(20_000);
  let few: Registered[];
  let more: Registered[];

  before(async () => {
    few = await resourcesOf(datasets(3));
    more = await resourcesOf(datasets(12));
  });

  it("stays below AWS's limits with 12 datasets", () => {
    assert.deepEqual(brokenLimits(more), []);
  });

  // With it, what holds for 12 datasets holds for 500: `npm run bench -- scale` looks at those, too.
  it("shares nothing between datasets that grows with them: policies, environments, definitions, rules", () => {
    const [before, after] = [shared(few), shared(more)];
    assert.deepEqual([...after.keys()].sort(), [...before.keys()].sort());
    for (const [resource, inputs] of after) {
      if (!naming.test(resource)) assert.equal(inputs, before.get(resource), resource);
      // At most twice the longest name, 61 characters, for each of nine datasets more.
      else assert.ok(inputs.length - before.get(resource)!.length < 9 * 122, resource);
    }
  });

  it("has the same resources for every dataset", () => {
    const own = (resources: Registered[]) => resources.filter(({ name }) => /^lake-team-\d-dataset-/.test(name)).length;
    assert.equal(own(more) / 12, own(few) / 3);
  });
});

describe("a manifest with its SQL", () => {
  it("that does not fit into an item of a control table is told before anything is made", async () => {
    const large = { ...manifest, sql: `SELECT '${"x".repeat(400_000)}' AS fall, id FROM input` };
    await assert.rejects(resourcesOf([large]), {
      code: "ManifestTooLarge",
      message: /^datasets\/engineering\/meteorites: manifest and SQL have 40\d+ bytes; the control table takes 399360$/,
    });
  });
});

describe("the table of limits", () => {
  const role = { type: "aws:iam/role:Role", name: "r", inputs: { assumeRolePolicy: "{}" } };
  const policy = (length: number) => ({
    type: "aws:iam/rolePolicy:RolePolicy",
    name: "p",
    inputs: { role: "r", policy: "x".repeat(length) },
  });

  it("finds what is above a limit, by its name and with AWS's page", () => {
    const [broken, ...others] = brokenLimits([role, policy(6_000), policy(5_000)]);
    assert.deepEqual(others, []);
    assert.match(broken ?? "", /^r: 11000 characters of all inline policies of a role; AWS takes 10240 \(https:/);
  });

  it("finds nothing at a limit", () => {
    assert.deepEqual(brokenLimits([role, policy(10_240)]), []);
  });

  it("names AWS's own page for each", () => {
    for (const { what, source } of limits) assert.match(source, /^https:\/\/docs\.aws\.amazon\.com\//, what);
  });
});

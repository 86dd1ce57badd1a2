import { strict as assert } from "node:assert";
import {
  broadenings,
  describeBroadenings,
  extractGrants,
  type PolicyDocument,
  type ResourceState,
  widePermissions,
} from "../../../automation/permissions";
import { lake, manifest } from "../components/support/lake";
import { run } from "../components/support/mocks";
import type { Manifest } from "../../../layer/manifest-schema";

/** The resources of a lake as a preview would give them. */
async function statesOfLake(manifests: Manifest[] = [manifest]): Promise<ResourceState[]> {
  const { resources } = await run(() => lake("prod", {}, manifests).outputs, { stack: "prod" });
  return resources.map(({ type, name, inputs }) => ({
    urn: `urn:pulumi:prod::tributary::${type}::${name}`,
    type,
    inputs,
  }));
}

const compared = (before: ResourceState[], after: ResourceState[]) =>
  broadenings(extractGrants(before), extractGrants(after));

describe("permission broadening of the whole lake", function () {
  // The first program loads all of Pulumi's AWS package.
  this.timeout(20_000);
  let recorded: ResourceState[];

  before(async () => (recorded = await statesOfLake()));

  it("reads every policy of it: of roles, their trust, buckets, queues and the key", () => {
    const { grants, barriers, runsAs } = extractGrants(recorded);
    const count = (kind: string) =>
      grants.filter(({ subject }) => subject.kind === kind && !subject.key.startsWith("workload ")).length;
    const made = (type: string) => recorded.filter((state) => state.type === type).length;
    const roles = made("aws:iam/role:Role");
    assert.ok(roles >= 17, "15 functions and 2 state machines at least");
    assert.equal(count("identity"), roles);
    assert.equal(count("trust"), roles);
    assert.equal(runsAs.size, made("aws:lambda/function:Function") + made("aws:sfn/stateMachine:StateMachine"));
    assert.equal(
      count("resource"),
      made("aws:s3/bucketPolicy:BucketPolicy") + made("aws:sqs/queue:Queue") + 1,
      "and the key",
    );
    assert.ok(
      grants.every(({ document }) => document),
      "a policy cannot be read",
    );
    assert.equal(barriers.filter(({ on }) => on).length, 4 * 4);
  });

  it("has no wildcard in an action, nothing on any resource that could be limited, and no way up", async () => {
    assert.deepEqual(await widePermissions(extractGrants(recorded)), []);
  });

  it("finds nothing between the lake and itself, without looking inside", async () => {
    const again = await statesOfLake();
    const started = process.cpuUsage();
    assert.deepEqual(await compared(recorded, again), []);
    const { user } = process.cpuUsage(started);
    assert.ok(user < 250_000, `${user} µs of processor time`);
  });

  it("finds nothing if every policy is written in another way", async () => {
    const rewritten = changed(
      recorded,
      () => true,
      (document) => ({
        ...document,
        Statement: [...list(document.Statement)]
          .reverse()
          .map((statement, at) => ({ ...statement, Sid: `Renamed${at}` })),
      }),
    );
    assert.deepEqual(await compared(recorded, rewritten), []);
    assert.deepEqual(await compared(rewritten, recorded), []);
  });

  it("finds exactly the one action that a role gets", async () => {
    const role = /^urn:[^]*::lake-([a-z-]+)-policy$/;
    const one = recorded.find(({ type, urn }) => type === "aws:iam/rolePolicy:RolePolicy" && role.test(urn));
    assert.ok(one, "no role has a policy");
    const grant = { Effect: "Allow", Action: "s3:DeleteObject", Resource: "arn:aws:s3:::somewhere/*" };
    const after = changed(
      recorded,
      (state) => state === one,
      (document) => ({
        ...document,
        Statement: [...list(document.Statement), grant],
      }),
    );
    const found = await compared(recorded, after);
    assert.equal(found.length, 1, describeBroadenings(found));
    assert.deepEqual(found[0]?.actions, ["s3:DeleteObject"]);
    assert.deepEqual(found[0]?.resources, ["arn:aws:s3:::somewhere/*"]);
    assert.equal(found[0]?.via.urn, one.urn);
    assert.deepEqual(await compared(after, recorded), []);
  });

  it("finds nothing that a further dataset broadens: its queues and its table are covered by tag and database", async () => {
    const more = await statesOfLake([manifest, { ...manifest, team: "finance", dataset: "rates", table: "rates" }]);
    const found = await compared(recorded, more);
    assert.deepEqual(
      found.filter((each) => !each.fresh),
      [],
      describeBroadenings(found),
    );
    const lost = await compared(more, recorded);
    assert.deepEqual(lost, [], describeBroadenings(lost));
  });

  it("finds a queue that a role may use beyond the family of its stage", async () => {
    const after = changed(
      recorded,
      ({ urn }) => urn.endsWith("::lake-routing-policy"),
      (document) =>
        JSON.parse(
          JSON.stringify(document).replace(
            '"tributary/prod/stage-a"',
            '["tributary/prod/stage-a","tributary/prod/stage-b"]',
          ),
        ) as PolicyDocument,
    );
    const found = await compared(recorded, after);
    assert.ok(found.length > 0 && found.every(({ actions }) => actions.join() === "sqs:SendMessage"));
    assert.deepEqual(await compared(after, recorded), []);
  });
});

function list<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

/** The resources with some of their policies changed. */
function changed(
  states: readonly ResourceState[],
  which: (state: ResourceState) => boolean,
  edit: (document: PolicyDocument) => PolicyDocument,
): ResourceState[] {
  return states.map((state) => {
    const { policy } = state.inputs;
    if (!which(state) || typeof policy !== "string" || !policy.includes("Statement")) return state;
    const document = edit(JSON.parse(policy) as PolicyDocument);
    return { ...state, inputs: { ...state.inputs, policy: JSON.stringify(document) } };
  });
}

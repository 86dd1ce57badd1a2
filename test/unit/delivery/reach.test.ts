import assert from "node:assert/strict";
import type { Registered } from "../components/support/mocks";
import { build, everything } from "./support/delivery";

interface Statement {
  Action: string | string[];
  Resource: string | string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}

const list = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);

/** IAM's patterns: `*` stands for anything, slashes too. */
const matches = (pattern: string, text: string) =>
  new RegExp(
    `^${pattern
      .split("*")
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
      .join(".*")}$`,
  ).test(text);

const states = "arn:aws:s3:::states/tributary/";

/** Where a stack's deployments write, by the layout of Pulumi's engine and of docs/guard.md. */
const stateKeys = (stack: string) => [
  `.pulumi/stacks/tributary/${stack}.json`,
  `.pulumi/stacks/tributary/${stack}.json.bak`,
  `.pulumi/stacks/tributary/${stack}.pulumi-tags`,
  `.pulumi/history/tributary/${stack}/${stack}-1.history.json`,
  `.pulumi/backups/tributary/${stack}/${stack}.1.json`,
  `.pulumi/locks/organization/tributary/${stack}/1.json`,
  `.tributary/guards/tributary/${stack}.json`,
  `.tributary/lost/tributary/${stack}/1.json`,
  `.tributary/migrations/tributary/${stack}/lake-own/events/0001_events.sql.json`,
  `.tributary/records/tributary/${stack}/1.begin.json`,
];

const approvalKeys = (env: string) => [
  `.tributary/approvals/tributary/${env}/${"a".repeat(64)}/1.json`,
  `.tributary/requests/tributary/${env}/${"a".repeat(64)}.json`,
];

/** Stacks of each environment of the example; those of branches begin with `b-`. */
const stacks: Record<string, string[]> = {
  dev: ["dev"],
  staging: ["staging"],
  prod: ["prod", "prod.us-east-1"],
  branch: ["b-feature-orders", "b-x.us-east-1"],
  delivery: ["delivery"],
  images: ["images"],
  "images.branches": ["images.branches"],
};

describe("what roles of pipelines reach of states and artifacts", function () {
  this.timeout(60_000);
  let resources: Registered[];

  before(async () => ({ resources } = await build(everything)));

  const ofType = (type: string) => resources.filter((each) => each.type === type).map(({ inputs }) => inputs);
  const roles = () => ofType("aws:iam/role:Role").map(({ name }) => String(name));

  /** Inline policies, and those that are attached. */
  function statementsOf(role: string): Statement[] {
    const inline = ofType("aws:iam/rolePolicy:RolePolicy").filter((each) => each.role === role);
    const attached = ofType("aws:iam/rolePolicyAttachment:RolePolicyAttachment").filter((each) => each.role === role);
    const managed = attached.map(({ policyArn }) =>
      ofType("aws:iam/policy:Policy").find(({ name }) => String(policyArn).endsWith(String(name))),
    );
    assert.ok(managed.every((each) => each !== undefined));
    return [...inline, ...managed].flatMap(
      (each) => (JSON.parse(String(each!.policy)) as { Statement: Statement[] }).Statement,
    );
  }

  /** Whether a role may do something to an object; `onlyNew`: only where there is none yet. */
  function may(role: string, action: string, object: string): boolean | "onlyNew" {
    const found = statementsOf(role).filter(
      ({ Action, Resource }) =>
        list(Action).includes(action) && list(Resource).some((pattern) => matches(pattern, object)),
    );
    if (found.length === 0) return false;
    return found.every(({ Condition }) => Condition?.Null?.["s3:if-none-match"] === "false") ? "onlyNew" : true;
  }

  const deployRole = (env: string) => `tributary-delivery-deploy-${env}-eu-west-1`;

  /** Whose states a role may write, of all. */
  const writes = (role: string) =>
    Object.entries(stacks).flatMap(([env, names]) => {
      const keys = names.flatMap(stateKeys);
      const written = keys.filter((key) => may(role, "s3:PutObject", states + key));
      assert.ok(written.length === 0 || written.length === keys.length, `${role}: ${env}: ${written.join()}`);
      return written.length > 0 ? [env] : [];
    });

  it("a deploy role writes the states of its environment and of no other", () => {
    for (const env of ["dev", "staging", "prod", "branch", "delivery"])
      assert.deepEqual(writes(deployRole(env)), [env], env);
  });

  it("builds write the states of images only: merged code's and that of branches apart", () => {
    const found = roles().flatMap((role) => (/-deploy-/.test(role) ? [] : writes(role).map((env) => [role, env])));
    assert.deepEqual(found.sort(), [
      ["tributary-delivery-drop-build-images-eu-west-1", "images"],
      ["tributary-delivery-lake-branches-build-images-eu-west-1", "images.branches"],
      ["tributary-delivery-lake-build-images-eu-west-1", "images"],
      ["tributary-delivery-tools-build-images-eu-west-1", "images"],
    ]);
  });

  it("nothing is read or deleted in the state of another environment", () => {
    for (const role of roles()) {
      for (const [env, names] of Object.entries(stacks)) {
        if (writes(role).includes(env)) continue;
        for (const key of names.flatMap(stateKeys)) {
          assert.equal(may(role, "s3:DeleteObject", states + key), false, `${role} ${key}`);
          // Which images there are is everybody's to see who deploys.
          if (env !== "images") assert.equal(may(role, "s3:GetObject", states + key), false, `${role} ${key}`);
        }
      }
    }
  });

  it("approvals are written by the builds of their environment only, once, and by no deploy role", () => {
    for (const role of roles()) {
      const own = /-build-env-([a-z]+)-/.exec(role)?.[1] ?? (/-build-update-/.test(role) ? "delivery" : undefined);
      for (const [env, names] of Object.entries(stacks)) {
        for (const key of approvalKeys(names[0]!)) {
          assert.equal(may(role, "s3:PutObject", states + key), env === own ? "onlyNew" : false, `${role} ${key}`);
          assert.equal(may(role, "s3:DeleteObject", states + key), false, `${role} ${key}`);
        }
      }
      const forged = `${states}.tributary/approvals/tributary/prod/${"a".repeat(64)}/tributary/dev.json`;
      assert.equal(may(role, "s3:PutObject", forged), own === "prod" ? "onlyNew" : false, role);
    }
  });

  it("builds of branches reach no artifact of merged code, and no build publishes a digest", () => {
    const [bucket, ofBranches] = ["lake", "lake-b"].map(
      (team) => `arn:aws:s3:::tributary-delivery-${team}-artifacts-123456789012-eu-west-1`,
    );
    const artifact = "/tributary-delivery-l/repository/1";
    for (const role of roles()) {
      for (const action of ["s3:GetObject", "s3:PutObject"]) {
        const reached = [bucket, ofBranches].map((each) => may(role, action, each + artifact));
        if (/-lake-branches-build-/.test(role)) assert.deepEqual(reached, [false, true], `${role} ${action}`);
        if (/-lake-build-/.test(role)) assert.deepEqual(reached, [true, false], `${role} ${action}`);
      }
      const publishes = may(role, "s3:PutObject", `${bucket}/published/lake-layer.zip`);
      assert.equal(publishes, role === "tributary-delivery-lake-layer-eu-west-1", role);
    }
  });

  it("pipelines of branches take no role of merged code's builds, and push to repositories of their own", () => {
    const projects = ofType("aws:codebuild/project:Project").filter(({ name }) => /-lake-b-/.test(String(name)));
    assert.ok(projects.length >= 8);
    for (const { serviceRole, name } of projects)
      assert.match(String(serviceRole), /-lake-branches-build-/, String(name));
    const pushed = (role: string) =>
      statementsOf(role)
        .filter(({ Action }) => list(Action).includes("ecr:PutImage"))
        .flatMap(({ Resource }) => list(Resource));
    const repository = (name: string) => `arn:aws:ecr:eu-west-1:123456789012:repository/${name}`;
    const patterns = pushed("tributary-delivery-lake-branches-build-images-eu-west-1");
    assert.ok(patterns.some((each) => matches(each, repository("tributary-images-branches-images"))));
    assert.ok(!patterns.some((each) => matches(each, repository("tributary-images-images"))));
  });

  it("policies with states fit what IAM allows a managed policy", () => {
    const policies = ofType("aws:iam/policy:Policy").filter(({ name }) => /-state-/.test(String(name)));
    assert.equal(policies.length, 5);
    for (const { policy, name } of policies) assert.ok(String(policy).length <= 6_144, String(name));
  });
});

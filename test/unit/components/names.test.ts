import assert from "node:assert/strict";
import fc from "fast-check";
import { type NameKind, nameRules, nameStart, physicalName, type Scope } from "../../../components/scope";
import { scopeOf } from "./support/lake";

const kinds = Object.keys(nameRules) as NameKind[];

/** What each service accepts, from its API reference; the tests must not use the rules under test. */
const accepted: Record<NameKind, RegExp> = {
  s3Bucket: /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/,
  dynamodbTable: /^[A-Za-z0-9_.-]{3,255}$/,
  sqsQueue: /^[A-Za-z0-9_-]{1,75}(\.fifo)?$/,
  lambdaFunction: /^[A-Za-z0-9_-]{1,64}$/,
  lambdaLayer: /^[A-Za-z0-9_-]{1,140}$/,
  iamRole: /^[A-Za-z0-9_+=,.@-]{1,64}$/,
  logGroup: /^[A-Za-z0-9_./#-]{1,512}$/,
  stateMachine: /^[A-Za-z0-9_-]{1,80}$/,
  eventRule: /^[A-Za-z0-9_.-]{1,64}$/,
  schedule: /^[0-9a-zA-Z-_.]{1,64}$/,
  httpApi: /^[A-Za-z0-9_-]{1,128}$/,
  athenaWorkgroup: /^[A-Za-z0-9_.-]{1,128}$/,
  glueDatabase: /^[a-z0-9_]{1,255}$/,
  glueJob: /^[A-Za-z0-9_-]{1,255}$/,
  glueCrawler: /^[A-Za-z0-9_-]{1,255}$/,
  glueSecurityConfiguration: /^[A-Za-z0-9_-]{1,255}$/,
  ecrRepository: /^(?=.{2,256}$)[a-z0-9]+(?:(?:-+)[a-z0-9]+)*$/,
  kmsAlias: /^[A-Za-z0-9/_-]{1,250}$/,
  iamPolicy: /^[A-Za-z0-9_+=,.@-]{1,128}$/,
  codepipeline: /^[A-Za-z0-9.@_-]{1,100}$/,
  codebuildProject: /^[A-Za-z0-9][A-Za-z0-9_-]{1,149}$/,
  snsTopic: /^[A-Za-z0-9_-]{1,256}$/,
  dashboard: /^[A-Za-z0-9_-]{1,255}$/,
  chatConfiguration: /^[A-Za-z0-9_-]{1,128}$/,
  securityGroup: /^[a-zA-Z0-9 ._:/()#,@[\]+=&;{}!$*-]{1,255}$/,
};

const slug = fc.stringMatching(/^[a-z][a-z0-9-]{0,29}[a-z0-9]$/);
const scopes = fc
  .record({ project: slug, env: slug, region: fc.constantFrom("eu-west-1", "ap-southeast-2", "us-gov-west-1") })
  .map((given): Scope => ({ ...scopeOf(), ...given, stack: given.env }));
const whats = fc.oneof(
  fc.stringMatching(/^[a-z][a-z0-9-]{0,80}[a-z0-9]$/),
  fc.string({ minLength: 1, maxLength: 60, unit: "grapheme" }),
);

describe("physical names", () => {
  it("are <project>-<env>-<what> when they fit", () => {
    assert.equal(physicalName("dynamodbTable", scopeOf("dev"), "datasets"), "tributary-dev-datasets");
    assert.equal(physicalName("sqsQueue", scopeOf("dev"), "t-d-a", ".fifo"), "tributary-dev-t-d-a.fifo");
    assert.equal(physicalName("s3Bucket", scopeOf("dev"), "raw"), "tributary-dev-raw-123456789012-eu-west-1");
    assert.equal(physicalName("iamRole", scopeOf("dev"), "routing"), "tributary-dev-routing-eu-west-1");
    assert.equal(physicalName("glueDatabase", scopeOf("dev"), "lake"), "tributary_dev_lake");
  });

  it("never end with a separator, which ECR refuses", () => {
    for (const what of ["-", "layer-", "--"]) {
      assert.match(physicalName("ecrRepository", scopeOf("dev"), what), accepted.ecrRepository);
    }
  });

  it("keep what tells resources apart when they are cut", () => {
    const scope = { ...scopeOf("dev"), project: "an-extraordinarily-long-projects" };
    const name = physicalName("lambdaFunction", scope, "stage-a-postupdate-metadata-x");
    assert.match(name, /^an-extraordinarily-long-stage-a-postupdate-metadata-x-[0-9a-f]{10}$/);
    assert.equal(name.length, 64);
  });

  for (const kind of kinds) {
    it(`are accepted by the service: ${kind}`, () => {
      fc.assert(
        fc.property(scopes, whats, (scope, what) => {
          const suffix = kind === "sqsQueue" ? ".fifo" : "";
          const name = physicalName(kind, scope, what, suffix);
          assert.match(name, accepted[kind]);
          assert.ok(name.endsWith(suffix) && name.length <= nameRules[kind].max);
        }),
      );
    });

    it(`begin as policies expect: ${kind}`, () => {
      fc.assert(
        fc.property(scopes, whats, (scope, what) => {
          const suffix = kind === "sqsQueue" ? ".fifo" : "";
          const start = nameStart(kind, scope);
          assert.ok(start.length >= 4 && physicalName(kind, scope, what, suffix).startsWith(start));
        }),
      );
    });

    it(`differ when what they name differs: ${kind}`, () => {
      fc.assert(
        fc.property(scopes, whats, whats, (scope, one, other) => {
          fc.pre(one !== other);
          assert.notEqual(physicalName(kind, scope, one), physicalName(kind, scope, other));
        }),
      );
    });
  }

  it("of roles and buckets differ between regions", () => {
    for (const kind of ["iamRole", "s3Bucket"] as const) {
      const there = { ...scopeOf("dev"), region: "us-east-1" };
      assert.notEqual(physicalName(kind, scopeOf("dev"), "x"), physicalName(kind, there, "x"));
    }
  });
});

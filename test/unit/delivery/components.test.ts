import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { taggable } from "../../../components/tags";
import { messageOf, patternOf } from "../../../components/delivery/Notifications";
import { triggersOf } from "../../../components/delivery/pipelineArgs";
import { scheduleExpression } from "../../../components/delivery/EventStart";
import type { TributaryError } from "../../../automation/errors";
import type { Registered } from "../components/support/mocks";
import { build, connection, everything, modelsOf } from "./support/delivery";

/* eslint-disable @typescript-eslint/no-explicit-any -- inputs of any resource type */

describe("components of the stack delivery", function () {
  this.timeout(30_000);
  let resources: Registered[];
  let outputs: Record<string, unknown>;

  before(async () => ({ resources, outputs } = await build(everything)));

  const ofType = (type: string) => resources.filter((each) => each.type === type);
  const pipeline = (name: string): any =>
    ofType("aws:codepipeline/pipeline:Pipeline").find(({ inputs }) => inputs.name === `tributary-delivery-${name}`)!
      .inputs;
  const project = (name: string): any =>
    ofType("aws:codebuild/project:Project").find(({ inputs }) => inputs.name === `tributary-delivery-${name}`)!.inputs;

  it("pipelines are V2, encrypt their artifacts with our key, and run as the settings say", () => {
    for (const { inputs } of ofType("aws:codepipeline/pipeline:Pipeline")) {
      assert.equal(inputs.pipelineType, "V2");
      assert.equal(inputs.artifactStores[0].encryptionKey.type, "KMS");
    }
    assert.equal(pipeline("lake").executionMode, "QUEUED");
    assert.equal(pipeline("lake-layer").executionMode, "SUPERSEDED");
    assert.equal(pipeline("tools").executionMode, "SUPERSEDED");
  });

  it("triggers: branches and paths, tags, pull requests", () => {
    const git = (name: string) => pipeline(name).triggers.map((each: any) => each.gitConfiguration);
    assert.deepEqual(git("lake-layer"), [
      {
        sourceActionName: "Repository",
        pushes: [{ branches: { includes: ["main"] }, filePaths: { includes: ["layer/**", "package-lock.json"] } }],
      },
    ]);
    assert.deepEqual(git("lake-release-prod"), [
      { sourceActionName: "Repository", pushes: [{ tags: { includes: ["prod_*/lake/*"] } }] },
    ]);
    assert.deepEqual(git("lake-branches"), [
      {
        sourceActionName: "Repository",
        pushes: [{ branches: { includes: ["feature/**"] } }],
        pullRequests: [{ events: ["CLOSED"], branches: { includes: ["main"] } }],
      },
    ]);
    assert.deepEqual(pipeline("tools").triggers, []);
  });

  it("triggers are what CodePipeline takes: one of each source, with 1 to 3 filters of 1 to 8 patterns", () => {
    const branches = Array.from({ length: 50 }, (_, index) => `feature/branch-${index}`);
    const models = modelsOf(everything.replace("[feature/orders, feature/UPPER]", JSON.stringify(branches)));
    assert.ok(Object.keys(models).length > 50);
    for (const model of Object.values(models)) {
      const git: any[] = triggersOf(model).map((each: any) => each.gitConfiguration);
      assert.equal(new Set(git.map((each) => each.sourceActionName)).size, git.length, model.name);
      for (const { pushes, pullRequests } of git) {
        for (const filters of [pushes, pullRequests])
          assert.ok(filters === undefined || within(filters.length, 3), model.name);
        for (const { branches: of, tags, filePaths } of [...(pushes ?? []), ...(pullRequests ?? [])])
          for (const list of [of, tags, filePaths].flatMap((each) => [each?.includes, each?.excludes]))
            assert.ok(list === undefined || within(list.length, 8), `${model.name}: ${JSON.stringify(list)}`);
      }
    }
  });

  const within = (length: number, most: number) => length >= 1 && length <= most;

  it("what has no trigger of CodePipeline is started by a rule: digests, CodeCommit, S3, schedules", () => {
    const rules = ofType("aws:cloudwatch/eventRule:EventRule").map(({ inputs }) => inputs);
    const named = (name: string) => rules.find((each) => each.name === `tributary-delivery-${name}`)!;
    assert.deepEqual(JSON.parse(named("lake-published").eventPattern).detail.object, {
      key: ["published/lake-layer.zip"],
    });
    assert.deepEqual(JSON.parse(named("tools-push").eventPattern).detail.referenceName, ["trunk"]);
    assert.deepEqual(JSON.parse(named("drop-push").eventPattern).detail.bucket, { name: ["drop-bucket"] });
    assert.equal(named("lake-branches-schedule").scheduleExpression, "rate(1 day)");
    assert.deepEqual(
      ["90 minutes", "2 hours", "30 seconds"].map((every) => scheduleExpression(every as "2 hours")),
      [...["rate(90 minutes)", "rate(2 hours)", "rate(1 minute)"]],
    );
  });

  it("stages: sources first, a condition on the approval, rollback, retry", () => {
    const { stages } = pipeline("lake");
    assert.deepEqual(
      stages[0].actions.map(({ provider }: any) => provider),
      ["S3", "CodeStarSourceConnection"],
    );
    assert.equal(stages[0].actions[1].configuration.ConnectionArn, connection);
    const stage = (name: string) => stages.find((each: any) => each.name === name);
    const [rule] = stage("dev-approve").beforeEntry.condition.rules;
    assert.equal(stage("dev-approve").beforeEntry.condition.result, "SKIP");
    assert.deepEqual(rule.configuration, { Variable: "#{plan_dev.APPROVAL}", Operator: "EQ", Value: "true" });
    assert.deepEqual(stage("dev-deploy").onFailure, { result: "ROLLBACK" });
    assert.deepEqual(stage("dev-plan").onFailure, {
      result: "RETRY",
      retryConfiguration: { retryMode: "FAILED_ACTIONS" },
    });
    const [approval] = stage("prod-approve").actions;
    assert.equal(approval.configuration.CustomData, "#{plan_prod.SUMMARY}");
    assert.match(approval.configuration.NotificationArn, /notifications/);
    const deploy = stage("dev-deploy").actions[0];
    assert.equal(deploy.configuration.PrimarySource, "repository");
    assert.deepEqual(JSON.parse(deploy.configuration.EnvironmentVariables)[0], {
      name: "APPROVAL",
      value: "#{plan_dev.APPROVAL}",
      type: "PLAINTEXT",
    });
  });

  it("builds run on ARM with the buildspec of the model, local caches, a time limit and an encrypted log", () => {
    const images = project("lake-images");
    assert.equal(images.environment.type, "ARM_CONTAINER");
    assert.equal(images.environment.privilegedMode, true);
    assert.deepEqual(images.cache, { type: "LOCAL", modes: ["LOCAL_CUSTOM_CACHE", "LOCAL_DOCKER_LAYER_CACHE"] });
    assert.equal(images.buildTimeout, 60);
    assert.match(images.source.buildspec, /images build \$IMAGES_FLAGS/);
    assert.equal(project("lake-test").environment.privilegedMode, false);
    assert.equal(project("lake-test").buildTimeout, 30);
    for (const { inputs } of ofType("aws:cloudwatch/logGroup:LogGroup"))
      assert.ok(inputs.kmsKeyId && inputs.retentionInDays === 90);
  });

  it("no digest and nothing of an image is in the definition", () => {
    const text = JSON.stringify(resources.map(({ inputs }) => inputs));
    assert.doesNotMatch(text, /sha256:[0-9a-f]{8}/);
  });

  it("the environment in another account gets its role there, by the bootstrap role", () => {
    const [provider, ...others] = ofType("pulumi:providers:aws");
    assert.equal(others.length, 0);
    assert.match(JSON.stringify(provider!.inputs), /arn:aws:iam::210987654321:role\/bootstrap/);
    const environments = outputs.environments as Record<string, { role: string; permissionsBoundary: string }>;
    assert.equal(environments.prod?.role, "arn:aws:iam::210987654321:role/tributary-delivery-deploy-prod-eu-west-1");
    assert.match(
      environments.dev!.permissionsBoundary,
      /123456789012:policy\/tributary-delivery-boundary-dev-runtime-eu-west-1$/,
    );
  });

  it("another account without a bootstrap role stops the program before anything is made", async () => {
    const text = everything.replace(/ +bootstrapRole: .*\n/, "");
    await assert.rejects(
      build(text),
      (error: TributaryError) => error.code === "BootstrapRoleMissing" && error.exitCode === 2,
    );
  });

  it("notifications say what, where, why, with a link; chat gets them in its own form", () => {
    const { inputPaths, inputTemplate } = messageOf("failure", { region: "eu-west-1" }, false);
    for (const [, name] of inputTemplate.matchAll(/<(\w+)>/g)) assert.ok(name! in inputPaths, name);
    assert.match(inputTemplate, /failed: <reason>.*console\.aws\.amazon\.com/);
    const chat = JSON.parse(messageOf("approval", { region: "eu-west-1" }, true).inputTemplate);
    assert.deepEqual([chat.version, chat.source], ["1.0", "custom"]);
    assert.deepEqual(patternOf("success", "x-"), {
      source: ["aws.codepipeline"],
      "detail-type": ["CodePipeline Pipeline Execution State Change"],
      detail: { pipeline: [{ prefix: "x-" }], state: ["SUCCEEDED"] },
    });
    assert.equal(ofType("aws:chatbot/slackChannelConfiguration:SlackChannelConfiguration").length, 1);
    assert.deepEqual(
      ofType("aws:sns/topicSubscription:TopicSubscription").map(({ inputs }) => inputs.endpoint),
      ["team@example.com"],
    );
  });

  it("the dashboard shows four figures for each environment", () => {
    const [dashboard] = ofType("aws:cloudwatch/dashboard:Dashboard");
    const { widgets } = JSON.parse(dashboard!.inputs.dashboardBody);
    assert.equal(widgets.length, 4);
    for (const { properties } of widgets) assert.equal(properties.metrics.length, 4);
  });

  it("a network of its own is made only when it is asked for, and then every build is in it", async () => {
    assert.equal(ofType("awsx:ec2:Vpc").length, 0);
    const made = await build(`${everything}  tributary:build: { vpc: create }\n`);
    const of = (type: string) => made.resources.filter((each) => each.type === type);
    assert.equal(of("awsx:ec2:Vpc").length, 1);
    const [group] = of("aws:ec2/securityGroup:SecurityGroup");
    assert.deepEqual(
      group!.inputs.egress.map(({ fromPort, toPort }: any) => [fromPort, toPort]),
      [[443, 443]],
    );
    assert.equal(group!.inputs.ingress, undefined);
    for (const { inputs, name } of of("aws:codebuild/project:Project")) assert.ok(inputs.vpcConfig, name);
  });

  it("everything that can be tagged is", () => {
    for (const { type, inputs, name } of resources) {
      if (taggable.has(type)) assert.equal(inputs.tags?.env, "delivery", name);
      if (!type.startsWith("aws:") || taggable.has(type)) continue;
      const [, module = "", kind = ""] = /^aws:(.+):([^:]+)$/.exec(type) ?? [];
      const file = path.join(path.dirname(require.resolve("@pulumi/aws/package.json")), `${module}.d.ts`);
      const args = readFileSync(file, "utf8").split(`export interface ${kind}Args`)[1] ?? "";
      const expected = type === "aws:s3/bucket:Bucket";
      assert.equal(/^ {4}tags\?:/m.test(args), expected, type);
    }
  });
});

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { execa } from "execa";
import { run as pipelineRun } from "../../../automation/commands/pipeline-run";
import { libraryContext } from "../../../automation/library";
import { readDelivery, type BuildAction, type PipelineModel } from "../../../automation/pipeline/model";
import { drawPipeline } from "../../../automation/pipeline/show/text";
import type { TributaryError } from "../../../automation/errors";
import { triggersOf } from "../../../components/delivery/pipelineArgs";
import type { Registered } from "../components/support/mocks";
import { build, everything, modelsOf } from "./support/delivery";

const asked = (setting: string) => everything.replace("tags: true\n", `tags: true\n      pullRequests: ${setting}\n`);
const checksOf = (text: string) => modelsOf(text)["lake-checks"];
const builds = (model: PipelineModel) =>
  model.stages.flatMap(({ actions }) => actions.filter((each): each is BuildAction => each.kind === "build"));

function problem(text: string): string {
  try {
    readDelivery(text);
  } catch (error) {
    return (error as TributaryError).message;
  }
  return assert.fail("the settings were taken");
}

describe("checks of pull requests", () => {
  it("are a pipeline that open and updated ones start, and only where the settings ask for it", () => {
    assert.equal(checksOf(everything), undefined);
    assert.equal(checksOf(asked("false")), undefined);
    const git = (text: string) => triggersOf(checksOf(text)!).map(({ gitConfiguration }) => gitConfiguration);
    const filter = (includes: string[]) => ({ events: ["OPEN", "UPDATED"], branches: { includes } });
    const trigger = (pullRequest: object) => [{ sourceActionName: "Repository", pullRequests: [pullRequest] }];
    assert.deepEqual(git(asked("true")), trigger(filter(["main"])));
    assert.deepEqual(git(asked("{ targets: [main, release/*] }")), trigger(filter(["main", "release/*"])));
    const paths = asked('true\n      paths: ["src/**"]');
    assert.deepEqual(git(paths), trigger({ ...filter(["main"]), filePaths: { includes: ["src/**"] } }));
  });

  it("test, lint and build; deploy, push and publish nothing, and take nobody's role", () => {
    const model = checksOf(asked("true"))!;
    assert.deepEqual(
      model.stages.map(({ name, actions }) => [name, actions.map((each) => each.name)]),
      [["Build", ["test", "lint", "images"]]],
    );
    for (const action of builds(model)) {
      assert.deepEqual(action.role, { kind: "test" }, action.name);
      assert.deepEqual([action.outputs, action.buildspec.env?.["git-credential-helper"]], [[], undefined], action.name);
    }
    const [test, lint, images] = builds(model);
    assert.deepEqual(
      [test!.reports, lint!.reports],
      [
        ["tests", "coverage"],
        ["lint", "datasets"],
      ],
    );
    assert.deepEqual(images!.buildspec.phases.build?.commands, ["node bin/tributary.js images build"]);
    assert.equal(images!.buildspec.env?.variables, undefined, "no variable makes it push");
    assert.match(drawPipeline(model), /starts on a pull request \(open, updated\) to main\n {2}runs go side by side/);
  });

  it("are refused where CodePipeline has no such trigger, with more patterns than a filter has, and with a taken name", () => {
    const tools = everything.replace("tools: { repository: tools,", "tools: { pullRequests: true, repository: tools,");
    assert.match(
      problem(tools),
      /pipelines\.tools\.pullRequests.*allowed: false: codecommit has no triggers of that kind/,
    );
    const nine = JSON.stringify(Array.from({ length: 9 }, (_, index) => `release/${index}`));
    for (const wrong of [`{ targets: ${nine} }`, "{ targets: [] }", "yes please"])
      assert.match(problem(asked(wrong)), /pipelines\.lake\.pullRequests.*1 to 8 different patterns/);
    const taken = asked("true").replace("drop: { repository: drop, layer", "lake-checks: { repository: drop, layer");
    assert.throws(
      () => modelsOf(taken),
      (error: TributaryError) => error.code === "PipelineNameTaken",
    );
  });
});

/* eslint-disable @typescript-eslint/no-explicit-any -- inputs of any resource type */
describe("what unreviewed code may do on AWS", function () {
  this.timeout(30_000);
  let resources: Registered[];
  const named = (type: string, name: string): any =>
    resources.find((each) => each.type === type && each.inputs.name === name)!.inputs;
  const statements = (role: string): { Action: string | string[]; Resource: string | string[] }[] => {
    const of = resources.find(({ type, inputs }) => /RolePolicy$/.test(type) && inputs.role === role)!;
    const { policy } = of.inputs;
    return (typeof policy === "string" ? JSON.parse(policy) : policy).Statement;
  };
  const list = (value: string | string[]) => [value].flat();
  const role = "tributary-delivery-lake-checks-build-test-eu-west-1";

  before(async () => ({ resources } = await build(asked("true"))));

  it("nothing but log, reports and the artifacts of its own pipeline", () => {
    const all = statements(role);
    const services = new Set(all.flatMap(({ Action }) => list(Action)).map((action) => action.split(":")[0]));
    assert.deepEqual([...services].sort(), ["codebuild", "kms", "logs", "s3"]);
    const buckets = all.filter(({ Action }) => list(Action).some((action) => action.startsWith("s3:")));
    assert.ok(buckets.length > 0);
    for (const arn of buckets.flatMap(({ Resource }) => list(Resource))) assert.match(arn, /lake-checks-artifacts/);
    for (const { Action, Resource } of all)
      if (list(Action).some((action) => action.startsWith("codebuild:")))
        for (const arn of list(Resource)) assert.match(arn, /report-group\/tributary-delivery-lake-checks-/);
  });

  it("every build of the pipeline has that role, and no deploy role trusts it", () => {
    const projects = resources.filter(
      ({ type, inputs }) =>
        type.endsWith(":Project") && String(inputs.name).startsWith("tributary-delivery-lake-checks-"),
    );
    assert.equal(projects.length, 3);
    for (const { inputs } of projects) assert.match(String(inputs.serviceRole), new RegExp(`role/${role}$`));
    for (const { type, inputs } of resources)
      if (type.endsWith(":Role")) assert.doesNotMatch(JSON.stringify(inputs.assumeRolePolicy), /lake-checks/);
  });

  it("its source is files without a login; what is delivered still has git's history", () => {
    const source = (name: string) =>
      named("aws:codepipeline/pipeline:Pipeline", `tributary-delivery-${name}`)
        .stages[0].actions.map(({ configuration }: any) => configuration.OutputArtifactFormat)
        .at(-1);
    assert.deepEqual([source("lake-checks"), source("lake")], ["CODE_ZIP", "CODEBUILD_CLONE_REF"]);
    assert.equal(
      named("aws:codepipeline/pipeline:Pipeline", "tributary-delivery-lake-checks").executionMode,
      "PARALLEL",
    );
  });
});

describe("checks of pull requests on this machine", function () {
  this.timeout(60_000);
  let root: string;
  before(async () => (root = await mkdtemp(path.join(tmpdir(), "tributary-checks-"))));
  after(() => rm(root, { recursive: true, force: true }));

  it("run as any other pipeline, with their reports", async () => {
    const write = async (name: string, text: string) => {
      await mkdir(path.dirname(path.join(root, name)), { recursive: true });
      await writeFile(path.join(root, name), text);
    };
    // A driver that notes how it is called, and reports one test.
    const driver = `const { mkdirSync, writeFileSync } = require("node:fs");
console.log("called with", process.argv.slice(2).join(" "));
mkdirSync("reports", { recursive: true });
const at = process.argv.indexOf("--junit");
if (at > 0) writeFileSync(process.argv[at + 1], '<testsuite tests="1"><testcase classname="a" name="b"/></testsuite>');
`;
    await write("bin/tributary.js", driver);
    await write("bin/bootstrap.js", "");
    await write("Pulumi.yaml", "name: lake\n");
    await write("Pulumi.delivery.yaml", asked("true"));
    const git = (...args: string[]) =>
      execa("git", ["-C", root, "-c", "user.name=t", "-c", "user.email=t@example.com", ...args]);
    await git("init", "-q");
    await git("add", "-A");
    await git("commit", "-q", "-m", "one");
    const { document, exitCode = 0 } = await pipelineRun(libraryContext(root), {
      name: "lake-checks",
      local: true,
      variable: ["TEST_COMMAND=node bin/tributary.js --junit reports/unit.xml"],
    });
    assert.equal(exitCode, 0, JSON.stringify(document));
    const [{ stages }] = (
      document as { runs: [{ stages: { actions: { name: string; status: string; reports?: unknown[] }[] }[] }] }
    ).runs;
    assert.deepEqual(
      stages.flatMap(({ actions }) => actions.map(({ name, status }) => [name, status])),
      [
        ["test", "SUCCEEDED"],
        ["lint", "SUCCEEDED"],
        ["images", "SUCCEEDED"],
      ],
    );
    assert.ok(JSON.stringify(stages).includes('"lint"'));
  });
});

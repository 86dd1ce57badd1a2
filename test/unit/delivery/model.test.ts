import assert from "node:assert/strict";
import { parse } from "yaml";
import { buildspecText, type BuildAction, type PipelineModel } from "../../../automation/pipeline/model";
import type { TributaryError } from "../../../automation/errors";
import { everything, modelsOf } from "./support/delivery";

const stagesOf = (model: PipelineModel | undefined) => model!.stages.map(({ name }) => name);
const builds = (model: PipelineModel) =>
  model.stages.flatMap(({ actions }) => actions.filter((each): each is BuildAction => each.kind === "build"));
const builtBy = (model: PipelineModel | undefined, name: string) => builds(model!).find((each) => each.name === name)!;
const commandsOf = ({ buildspec }: BuildAction) => Object.values(buildspec.phases).flatMap(({ commands }) => commands);

describe("pipelines of a settings file", () => {
  const models = modelsOf(everything);

  it("are the application's, its layer's, its tags' and its branches'", () => {
    assert.deepEqual(Object.keys(models), [
      ...["lake-layer", "lake", "lake-release-dev", "lake-release-staging", "lake-release-prod", "lake-branches"],
      ...["lake-b-feature-UPPER", "lake-b-feature-orders", "tools", "drop"].map((name) =>
        name.startsWith("lake-b-")
          ? Object.keys(models).find((each) => each.toLowerCase().startsWith(name.toLowerCase()))!
          : name,
      ),
    ]);
  });

  it("a layer's digest starts the application, and the layer's paths do not start it a second time", () => {
    const { lake, "lake-layer": layer } = models;
    const publish = layer!.stages.at(-1)!.actions[0]!;
    assert.equal(publish.kind, "publish");
    const source = lake!.sources.find(({ kind }) => kind === "published")!;
    assert.equal(
      source.kind === "published" && publish.kind === "publish" && source.key,
      publish.kind === "publish" && publish.key,
    );
    assert.ok(lake!.triggers.some(({ on }) => on === "published"));
    const paths = (model: PipelineModel) =>
      model.triggers.map((each) => (each.on === "push" ? each.paths : undefined))[0];
    assert.deepEqual(paths(layer!)?.includes, ["layer/**", "package-lock.json"]);
    assert.deepEqual(paths(lake!)?.excludes, ["layer/**", "package-lock.json"]);
  });

  it("update themselves before anything is built, and then test, lint and build side by side", () => {
    assert.deepEqual(stagesOf(models.lake), [
      ...["Update", "Build", "dev-plan", "dev-approve", "dev-deploy"],
      ...["wave2-plan", "staging-approve", "prod-approve", "wave2-deploy"],
    ]);
    const [, build] = models.lake!.stages;
    assert.deepEqual(
      build!.actions.map(({ name, runOrder }) => [name, runOrder]),
      [
        ["test", 1],
        ["lint", 1],
        ["images", 1],
      ],
    );
  });

  it("the samples of datasets are tested beside the images, and reported", () => {
    const lint = builtBy(models.lake, "lint");
    const [first, second] = lint.buildspec.phases.build!.commands;
    assert.match(first ?? "", / lint --junit reports\/lint\.xml$/);
    assert.match(second ?? "", / dataset test --junit reports\/datasets\.xml$/);
    assert.deepEqual(lint.reports, ["lint", "datasets"]);
    assert.deepEqual(lint.buildspec.reports?.datasets?.files, ["datasets.xml"]);
  });

  it("the update reads no image and no result of a build", () => {
    const update = builtBy(models.lake, "update");
    assert.deepEqual(update.inputs, ["repository"]);
    const text = commandsOf(update).join("\n");
    for (const word of ["images", "layer", "test", "docker"]) assert.ok(!text.includes(word), word);
  });

  it("an approval is skipped unless the plan's gates ask for one, or the settings always do", () => {
    const stage = (name: string) => models.lake!.stages.find((each) => each.name === name)!;
    assert.deepEqual(stage("dev-approve").condition, {
      variable: "plan_dev.APPROVAL",
      equals: "true",
      otherwise: "skip",
    });
    assert.equal(stage("prod-approve").condition, undefined);
    assert.equal(stage("dev-deploy").rollback, true);
    assert.deepEqual(models.tools!.stages.find(({ name }) => name === "dev-deploy")?.retry, { mode: "FAILED_ACTIONS" });
  });

  it("publish figures after each deployment, also after one that failed, and of releases too", () => {
    for (const name of ["lake", "lake-release-dev"]) {
      const { phases } = builtBy(models[name], "deploy-dev").buildspec;
      // CodeBuild runs post_build also when the phase build failed.
      const [publish, ...others] = phases.post_build!.commands;
      assert.match(publish!, /^node bin\/tributary\.js dora dev --publish \|\| echo /, "figures fail no deployment");
      assert.equal(others.length, 0);
    }
  });

  it("what is delivered beside the lake comes before its deployment or after it, in order; what looks at it last", () => {
    const { actions } = models.lake!.stages.find(({ name }) => name === "wave2-deploy")!;
    const order = actions.filter(({ name }) => name.includes("staging")).map(({ name, runOrder }) => [runOrder, name]);
    assert.deepEqual(order, [
      [1, "migrate-staging-warehouse"],
      [2, "migrate-staging-figures"],
      [3, "layers-staging-extras"],
      [4, "deploy-staging"],
      [5, "glue-staging-nightly"],
      [6, "verify-staging"],
    ]);
    assert.ok(actions.some(({ name, runOrder }) => name === "resilience-prod" && runOrder === 2));
  });

  it("every build of an environment has that environment's role and no other", () => {
    for (const model of Object.values(models)) {
      for (const action of builds(model)) {
        const env = /^(?:plan|deploy|verify|dora|resilience|migrate|glue|layers)-([a-z]+)/.exec(action.name)?.[1];
        if (env === undefined)
          assert.ok(model.kind.startsWith("branch") || action.role.kind !== "environment", action.name);
        else assert.deepEqual(action.role, { kind: "environment", environment: env }, action.name);
      }
    }
  });

  it("names, artifacts and namespaces are such as CodePipeline takes, and everything that is used is made before", () => {
    for (const model of Object.values(models)) {
      const made = new Set(model.sources.map(({ artifact }) => artifact));
      const namespaces = new Set(["variables", "codepipeline", ...model.sources.map(({ namespace }) => namespace)]);
      for (const stage of model.stages) {
        assert.match(stage.name, /^[A-Za-z0-9.@_-]{1,100}$/);
        for (const action of [...stage.actions].sort((a, b) => a.runOrder - b.runOrder)) {
          assert.match(action.name, /^[A-Za-z0-9.@_-]{1,100}$/);
          const text = JSON.stringify(action);
          for (const [, space] of text.matchAll(/#\{([^.}]+)\./g))
            assert.ok(namespaces.has(space!), `${action.name}: ${space}`);
          if (action.kind === "publish") assert.ok(made.has(action.input));
          if (action.kind !== "build") continue;
          for (const input of action.inputs) assert.ok(made.has(input), `${model.name} ${action.name}: ${input}`);
          for (const output of action.outputs) {
            assert.match(output, /^[A-Za-z_][A-Za-z0-9_]*$/);
            assert.ok(!made.has(output), output);
            made.add(output);
          }
          if (action.namespace) namespaces.add(action.namespace);
        }
        if (stage.condition) assert.ok(namespaces.has(stage.condition.variable.split(".")[0]!));
      }
      const projects = builds(model).map(({ project }) => project);
      assert.equal(new Set(projects).size, projects.length, model.name);
    }
  });

  it("buildspecs are what CodeBuild reads, call the driver, and never change by themselves", () => {
    for (const model of Object.values(models)) {
      for (const action of builds(model)) {
        const text = buildspecText(action.buildspec);
        assert.deepEqual(parse(text), action.buildspec, action.name);
        assert.equal(text, buildspecText(JSON.parse(JSON.stringify(action.buildspec))));
        const own =
          /^(?:if .*; then )?node bin\/(?:tributary|bootstrap)\.js |^mkdir -p out$|^\. \.\/[a-z]+\.env$|^bash -c "\$TEST_COMMAND"$/;
        for (const command of commandsOf(action)) assert.match(command, own);
      }
    }
  });

  it("a branch's environment runs the images of its pipeline and is verified by the build that made it: no other clone knows it", () => {
    const model = Object.values(models).find(({ kind }) => kind === "branch")!;
    const deploy = model.stages.find(({ name }) => name === "Deploy")!;
    assert.deepEqual(
      deploy.actions.map(({ name }) => name),
      ["up"],
    );
    const up = builtBy(model, "up");
    assert.deepEqual(up.inputs, ["repository", "images"]);
    const [, start, verify] = commandsOf(up);
    assert.match(start!, /branch up "\$BRANCH" .*--images "\$CODEBUILD_SRC_DIR_images\/images\.json"$/);
    assert.match(verify!, /verify b-feature-[a-z0-9-]+ --junit reports\/verify\.xml$/);
    assert.deepEqual(up.reports, ["verify"]);
  });

  it("a branch with a name that would mean something in a pattern gets no pipeline", () => {
    const names = ["feature/a*b", "feature/{x,y}", "feature/#{variables.X}", "feature/$(id)", "feature/ok"];
    const some = modelsOf(everything.replace("[feature/orders, feature/UPPER]", JSON.stringify(names)));
    const branches = Object.values(some).filter(({ kind }) => kind === "branch");
    assert.deepEqual(
      branches.map(({ sources: [source] }) => source?.kind === "repository" && source.branch),
      ["feature/ok"],
    );
  });

  it("two of the same name are refused", () => {
    const text = everything.replace("drop: { repository: drop, layer", "lake-layer: { repository: drop, layer");
    assert.throws(
      () => modelsOf(text),
      (error: TributaryError) => error.code === "PipelineNameTaken",
    );
  });
});

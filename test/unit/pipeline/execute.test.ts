import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import * as path from "node:path";
import type { BuildAction, PipelineModel, StageModel } from "../../../automation/pipeline/model";
import { libraryContext } from "../../../automation/library";
import {
  beginRun,
  findSource,
  loadRun,
  resumeRun,
  runLocally,
  type PipelineRun,
} from "../../../automation/pipeline/run";
import { fails } from "../support/fails";
import { pipeline, spec, temporaryFolder } from "./support";

describe("a pipeline on this machine", () => {
  let root: string;
  let remove: () => Promise<void>;

  before(async () => {
    ({ folder: root, remove } = await temporaryFolder());
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", root, "-c", "user.name=a", "-c", "user.email=a@example.com", ...args]);
    git("init", "-q", "-b", "main");
    await writeFile(path.join(root, "Pulumi.yaml"), "name: lake\n");
    await writeFile(
      path.join(root, "Pulumi.local.yaml"),
      'config: { "aws:region": us-east-1, "tributary:lanes": 1 }\n',
    );
    await writeFile(
      path.join(root, "Pulumi.prod.yaml"),
      'config: { "aws:region": eu-west-1, "tributary:role": "arn:aws:iam::123456789012:role/r" }\n',
    );
    await writeFile(path.join(root, "committed"), "yes");
    git("add", "-A");
    git("commit", "-q", "-m", "first");
    await writeFile(path.join(root, "only-here"), "no");
  });
  after(() => remove());

  const build = (
    name: string,
    commands: string[],
    more: Partial<BuildAction> & { env?: string[] } = {},
  ): BuildAction => ({
    kind: "build",
    name,
    runOrder: 1,
    project: name,
    buildspec: spec(
      { build: commands },
      {
        env: { shell: "bash", "exported-variables": more.env ?? [] },
        ...(more.outputs ? { artifacts: { files: ["out/**/*"] } } : {}),
      },
    ),
    inputs: ["repository"],
    outputs: [],
    variables: {},
    role: { kind: "test" },
    compute: "small",
    privileged: false,
    timeout: "5 minutes",
    reports: [],
    ...more,
  });

  const approval = (environment: string) =>
    ({
      kind: "approval",
      name: `approve-${environment}`,
      runOrder: 1,
      message: "allow #{plan.WHAT}?",
      environment,
    }) as const;

  const run = async (
    model: PipelineModel,
    given: {
      approve?: string[];
      ask?: () => Promise<boolean>;
      signal?: AbortSignal;
      run?: PipelineRun;
      models?: PipelineModel[];
    } = {},
  ): Promise<PipelineRun[]> => {
    const source = await findSource(root, "HEAD");
    const first = given.run ?? (await beginRun(root, { model, source, variables: {} }));
    const context = libraryContext(root, given.signal ? { signal: given.signal } : {});
    return runLocally(context, first, given.models ?? [model], source, {
      approve: given.approve ?? [],
      ...(given.ask ? { ask: given.ask } : {}),
      who: "git:a@example.com",
      variables: {},
      alone: false,
      patience: 500,
    });
  };

  const stages = ({ stages: all }: PipelineRun) => all.map(({ name, status }) => `${name} ${status}`);
  const action = ({ stages: all }: PipelineRun, stage: string, name: string) =>
    all.find((each) => each.name === stage)!.actions.find((each) => each.name === name)!;

  it("builds the commit, hands variables and artifacts on, and runs orders one after the other", async () => {
    const model = pipeline([
      {
        name: "Build",
        actions: [
          build(
            "make",
            ["test -f committed", "test ! -e only-here", "mkdir -p out && echo made > out/file", "WHAT='a b'"],
            {
              env: ["WHAT"],
              namespace: "plan",
              outputs: ["made"],
            },
          ),
        ],
      },
      {
        name: "Use",
        actions: [
          build(
            "first",
            [
              'test "$(cat $CODEBUILD_SRC_DIR_made/out/file)" = made',
              'test "$GIVEN" = "a b at #"'.replace("#", "$COMMIT"),
            ],
            {
              inputs: ["repository", "made"],
              variables: { GIVEN: "#{plan.WHAT} at #{source.CommitId}", COMMIT: "#{source.CommitId}" },
            },
          ),
          build("second", ["test -f out/file"], { inputs: ["made"], runOrder: 2 }),
        ],
      },
    ]);
    const [ran] = await run(model);
    assert.deepEqual(stages(ran!), ["Build SUCCEEDED", "Use SUCCEEDED"], JSON.stringify(ran!.stages, null, 1));
    assert.equal(ran!.status, "SUCCEEDED");
    assert.deepEqual((await loadRun(root, "lake")).stages, ran!.stages, "what is written down is what happened");
  });

  it("skips a stage whose condition does not hold, and fails where it is to fail", async () => {
    const of = (otherwise: "skip" | "fail"): StageModel => ({
      name: "Maybe",
      condition: { variable: "plan.APPROVAL", equals: "true", otherwise },
      actions: [approval("prod")],
    });
    const plan: StageModel = {
      name: "Plan",
      actions: [build("plan", ["APPROVAL=false"], { env: ["APPROVAL"], namespace: "plan" })],
    };
    const last: StageModel = { name: "Last", actions: [build("last", ["true"])] };
    const [skipped] = await run(pipeline([plan, of("skip"), last]));
    assert.deepEqual(stages(skipped!), ["Plan SUCCEEDED", "Maybe SKIPPED", "Last SUCCEEDED"]);
    const [failed] = await run(pipeline([plan, of("fail"), last]));
    assert.deepEqual(stages(failed!), ["Plan SUCCEEDED", "Maybe FAILED", "Last PENDING"]);
    assert.match(failed!.stages[1]!.why ?? "", /plan\.APPROVAL is "false", not "true"/);
  });

  it("waits for an approval, and goes on with it without doing anything twice", async () => {
    const model = pipeline([
      { name: "Plan", actions: [build("plan", ["WHAT=s3:GetObject"], { env: ["WHAT"], namespace: "plan" })] },
      { name: "Approve", actions: [approval("prod")] },
      { name: "Deploy", actions: [build("deploy", ["true"])] },
    ]);
    const [waiting] = await run(model);
    assert.equal(waiting!.status, "WAITING");
    assert.equal(action(waiting!, "Approve", "approve-prod").why, "allow s3:GetObject?");
    const planned = action(waiting!, "Plan", "plan").build?.id;
    const taken = await resumeRun(root, "lake", { id: waiting!.id });
    const [done] = await run(model, { run: taken, approve: ["prod"] });
    assert.equal(done!.status, "SUCCEEDED");
    assert.equal(action(done!, "Plan", "plan").build?.id, planned);
    assert.equal(action(done!, "Approve", "approve-prod").approvedBy, "git:a@example.com");
    await fails(resumeRun(root, "lake", { id: waiting!.id }), "PipelineRunOver");
  });

  it("asks at a terminal: a no leaves it waiting", async () => {
    const model = pipeline([
      { name: "Plan", actions: [build("plan", ["WHAT=x"], { env: ["WHAT"], namespace: "plan" })] },
      { name: "Approve", actions: [approval("prod")] },
    ]);
    assert.equal((await run(model, { ask: () => Promise.resolve(false) }))[0]!.status, "WAITING");
    assert.equal((await run(model, { ask: () => Promise.resolve(true) }))[0]!.status, "SUCCEEDED");
  });

  it("lets neighbours end, tries what failed once more, and goes on from a stage", async () => {
    const marker = path.join(root, ".tributary", "marker");
    await mkdir(path.dirname(marker), { recursive: true });
    const flaky = build("flaky", [`test -f ${marker} || { touch ${marker}; exit 1; }`]);
    const steady = build("steady", [`echo ran >> ${marker}.steady`]);
    const [again] = await run(
      pipeline([{ name: "Build", actions: [flaky, steady], retry: { mode: "FAILED_ACTIONS" } }]),
    );
    assert.deepEqual(stages(again!), ["Build SUCCEEDED"]);
    assert.equal(again!.stages[0]!.tries, 2);
    const model = pipeline([
      { name: "Build", actions: [build("ok", ["true"])] },
      { name: "Deploy", actions: [build("bad", ["exit 4"]), build("good", ["true"])] },
      { name: "After", actions: [build("after", ["true"])] },
    ]);
    const [failed] = await run(model);
    assert.deepEqual(stages(failed!), ["Build SUCCEEDED", "Deploy FAILED", "After PENDING"]);
    assert.equal(action(failed!, "Deploy", "good").status, "SUCCEEDED");
    assert.match(action(failed!, "Deploy", "bad").why ?? "", /BUILD: COMMAND_EXECUTION_ERROR/);
    await fails(resumeRun(root, "lake", { from: "After" }), "PipelineStageEarly");
    await fails(resumeRun(root, "lake", { from: "Nowhere" }), "PipelineStageUnknown");
    const from = await resumeRun(root, "lake", { from: "Build" });
    assert.ok(from.stages.every(({ status }) => status === "PENDING"));
  });

  it("turns an environment of AWS into one of the local AWS, without a change that git sees", async () => {
    const look = build(
      "look",
      [
        "cat Pulumi.prod.yaml",
        'test -z "$(git status --porcelain -- Pulumi.prod.yaml)"',
        "! grep -q iam Pulumi.prod.yaml",
        "grep -q 'target: local' Pulumi.prod.yaml",
      ],
      {
        role: { kind: "environment", environment: "prod" },
      },
    );
    const [ran] = await run(pipeline([{ name: "Look", actions: [look] }]));
    assert.equal(ran!.status, "SUCCEEDED", action(ran!, "Look", "look").why);
  });

  it("starts the pipelines that wait for what it publishes", async () => {
    const source = {
      kind: "published",
      name: "Layer",
      artifact: "layer",
      namespace: "published",
      pipeline: "lake-layer",
      key: "k",
    } as const;
    const application = pipeline(
      [
        {
          name: "Use",
          actions: [build("use", ["cat $CODEBUILD_SRC_DIR_layer/out/digest"], { inputs: ["repository", "layer"] })],
        },
      ],
      {
        sources: [source, ...pipeline([]).sources],
        triggers: [{ on: "published", source: "Layer" }],
      },
    );
    const of = await findSource(root, "HEAD");
    await fails(beginRun(root, { model: application, source: of, variables: {} }), "NothingPublished");
    const layer = pipeline(
      [
        { name: "Build", actions: [build("layer", ["mkdir out && echo sha256 > out/digest"], { outputs: ["layer"] })] },
        { name: "Publish", actions: [{ kind: "publish", name: "publish", runOrder: 1, input: "layer", key: "k" }] },
      ],
      { name: "lake-layer" },
    );
    const runs = await run(layer, { models: [layer, application] });
    assert.deepEqual(
      runs.map(({ pipeline: name, status }) => `${name} ${status}`),
      ["lake-layer SUCCEEDED", "lake SUCCEEDED"],
    );
  });

  it("stops in good order, and can be gone on with", async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 300);
    const model = pipeline([{ name: "Build", actions: [build("long", ["sleep 60"])] }]);
    const [stopped] = await run(model, { signal: stop.signal });
    assert.equal(stopped!.status, "STOPPED");
    assert.equal(action(stopped!, "Build", "long").status, "STOPPED");
    assert.equal((await resumeRun(root, "lake", {})).stages[0]!.status, "PENDING");
  });

  it("refuses what is no commit", async () => {
    await fails(findSource(root, "--upload-pack=x"), "PipelineSourceUnknown");
    await fails(findSource(root, "nowhere"), "PipelineSourceUnknown");
  });
});

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { execa } from "execa";
import { openBackend } from "../../../automation/backend";
import type { TributaryError } from "../../../automation/errors";
import { environmentsBeside, readDelivery, type BuildAction } from "../../../automation/pipeline/model";
import { remoteHeads, remotesOf, writeOpenBranches } from "../../../automation/pipeline/update";
import { keptBranches } from "../../../automation/pipeline/update/kept";
import { findSource, pipelinesAt } from "../../../automation/pipeline/run";
import { beginRecord, endRecord, newRun, type RecordKind } from "../../../automation/records";
import type { Environment } from "../../../automation/stacks/environments";
import { settingsOf, type StackOptions } from "../../../automation/stacks/session";
import { triggersOf } from "../../../components/delivery/pipelineArgs";
import { build, connection, modelsOf } from "./support/delivery";

const other = connection
  .replace(/-000000000000$/, "-000000000001")
  .replace("codeconnections:", "codestar-connections:");

/** Two teams, each with a repository of its own. */
const teams = `
config:
  aws:region: eu-west-1
  tributary:definition: platform
  tributary:repositories:
    platform: { provider: codeconnections, connection: "${connection}", repository: acme/platform }
    orders: { provider: codeconnections, connection: "${other}", repository: acme/orders, branch: trunk }
  tributary:environments:
    dev: {}
    shop: {}
    branch: { resources: b }
  tributary:pipelines:
    lake: { repository: platform, layer: false, waves: [[dev]], branches: { environment: branch } }
    orders: { repository: orders, layer: false, waves: [[shop]], branches: { include: [fix/*], environment: branch } }
`;

const alone = teams.replace("  tributary:definition: platform\n", "");

function problems(text: string): string {
  try {
    readDelivery(text);
  } catch (error) {
    return (error as TributaryError).message;
  }
  return assert.fail("the settings were taken");
}

describe("teams with repositories of their own", () => {
  let root: string;
  beforeEach(async () => (root = await mkdtemp(path.join(tmpdir(), "tributary-teams-"))));
  afterEach(() => rm(root, { recursive: true, force: true }));

  it("name the one that says what pipelines there are; with one repository nobody has to", () => {
    assert.match(
      problems(alone),
      /tributary:definition in Pulumi\.delivery\.yaml: found nothing; allowed: one of platform, orders: only one of several/,
    );
    const nobodys = teams.replace("repository: platform,", "repository: orders,");
    assert.match(
      problems(nobodys),
      /tributary:definition.*found "platform"; allowed: one of orders: a pipeline of that/,
    );
    readDelivery(alone.replace("repository: platform,", "repository: orders,"));
  });

  it("have one definition: only pipelines of its repository deploy it", () => {
    const { lake, orders } = modelsOf(teams);
    assert.equal(lake!.stages[0]!.name, "Update");
    assert.equal(orders!.stages[0]!.name, "Build");
    const variables = (model: typeof lake) => model!.variables.map(({ name }) => name);
    assert.deepEqual(variables(lake), ["TEST_COMMAND", "RESTARTED_FROM"]);
    assert.deepEqual(variables(orders), ["TEST_COMMAND"]);
    const moved = modelsOf(teams.replace("definition: platform", "definition: orders"));
    assert.deepEqual([moved.lake!.stages[0]!.name, moved.orders!.stages[0]!.name], ["Build", "Update"]);
  });

  it("a push to another repository's branches starts an update from the definition's, and cleans up in its own", () => {
    const watcher = modelsOf(teams)["orders-branches"]!;
    assert.deepEqual(
      watcher.sources.map((each) => each.kind === "repository" && [each.name, each.repository, each.branch]),
      [
        ["Repository", "acme/platform", "main"],
        ["Watched", "acme/orders", "trunk"],
      ],
    );
    assert.deepEqual(
      triggersOf(watcher).map(({ gitConfiguration }) => gitConfiguration),
      [
        {
          sourceActionName: "Watched",
          pushes: [{ branches: { includes: ["fix/*"] } }],
          pullRequests: [{ events: ["CLOSED"], branches: { includes: ["trunk"] } }],
        },
      ],
    );
    const [update, prune] = watcher.stages.map(({ actions }) => actions[0] as BuildAction);
    assert.deepEqual([update!.inputs, update!.variables.COMMIT], [["repository"], "#{source.CommitId}"]);
    assert.deepEqual(prune!.inputs, ["watched"]);
    assert.equal(modelsOf(teams)["lake-branches"]!.sources.length, 1);
  });

  it("only builds that update may take the role that deploys pipelines, and they read every watched repository", async () => {
    const { resources } = await build(teams.replace(", branches: { include: [fix/*], environment: branch }", ""));
    const trusted = (all: typeof resources) =>
      all.find(({ inputs }) => inputs.name === "tributary-delivery-deploy-delivery-eu-west-1")!.inputs.assumeRolePolicy;
    assert.match(JSON.stringify(trusted(resources)), /lake-build-update/);
    assert.doesNotMatch(JSON.stringify(trusted(resources)), /orders-build-update/);
    const watched = (await build(teams)).resources;
    assert.match(JSON.stringify(trusted(watched)), /orders-build-update/);
    const connectionsOf = (name: string) => {
      const role = `tributary-delivery-${name}-eu-west-1`;
      const { inputs } = watched.find(({ type, inputs: { role: of } }) => /RolePolicy$/.test(type) && of === role)!;
      return [connection, other].filter((each) => JSON.stringify(inputs.policy).includes(each));
    };
    assert.deepEqual(connectionsOf("lake-build-update"), [connection, other]);
    assert.deepEqual(connectionsOf("orders-build-update"), [connection, other]);
    assert.deepEqual(connectionsOf("orders-build-test"), [other]);
  }).timeout(30_000);

  it("branches are looked for in each pipeline's own repository", async () => {
    assert.deepEqual(remotesOf(readDelivery(teams)), {
      lake: "origin",
      orders:
        "https://codestar-connections.eu-west-1.amazonaws.com/git-http/123456789012/eu-west-1/00000000-0000-4000-8000-000000000001/acme/orders.git",
    });
    const git = (folder: string, ...args: string[]) =>
      execa("git", ["-C", folder, "-c", "user.name=t", "-c", "user.email=t@example.com", ...args]);
    for (const [name, branch] of [
      ["own", "feature/a"],
      ["theirs", "fix/b"],
    ] as const) {
      await execa("git", ["init", "-q", path.join(root, name)]);
      await git(path.join(root, name), "checkout", "-q", "-b", branch);
      await git(path.join(root, name), "commit", "-q", "--allow-empty", "-m", "one");
    }
    await execa("git", ["clone", "-q", path.join(root, "own"), path.join(root, "clone")]);
    assert.deepEqual(await remoteHeads(path.join(root, "clone")), ["feature/a"]);
    assert.deepEqual(await remoteHeads(path.join(root, "clone"), path.join(root, "theirs")), ["fix/b"]);
  });

  it("a run on this machine takes another repository's commit with the checkout's definition", async () => {
    const theirs = path.join(root, "theirs");
    await execa("git", ["init", "-q", theirs]);
    const commit = [
      "-c",
      "user.name=t",
      "-c",
      "user.email=t@example.com",
      "commit",
      "-q",
      "--allow-empty",
      "-m",
      "one",
    ];
    await execa("git", ["-C", theirs, ...commit]);
    const source = await findSource(theirs, "HEAD");
    const missing = (error: TributaryError) => error.code === "DeliveryMissing";
    await assert.rejects(pipelinesAt(root, source), missing);
    await writeFile(path.join(root, "Pulumi.delivery.yaml"), teams);
    assert.ok((await pipelinesAt(root, source)).some(({ name }) => name === "orders"));
    await writeFile(path.join(theirs, "Pulumi.delivery.yaml"), teams);
    await assert.rejects(pipelinesAt(theirs, source), missing, "what no commit holds takes no part");
  });

  it("the settings of an environment stand in the repository of the pipeline that deploys it", () => {
    assert.deepEqual(environmentsBeside(readDelivery(teams)), ["branch", "dev"]);
  });
});

describe("branches that a person's deployment does not know", () => {
  let root: string;
  const stack = { project: "tributary", name: "delivery", backend: "file://./state" } as Environment;
  const settingsFile = (text: string) => writeFile(path.join(root, "Pulumi.delivery.yaml"), text);
  const kept = () => keptBranches(root, stack, {});
  const files = () => openBackend(root, stack).files;

  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), "tributary-kept-"));
    await settingsFile(teams);
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  async function record(
    kind: RecordKind,
    open?: Record<string, string[]>,
    result: "succeeded" | "failed" = "succeeded",
  ) {
    const begun = await beginRecord(files(), {
      kind,
      project: stack.project,
      target: { env: "delivery", region: "eu-west-1", stack: stack.name, wave: 0 },
      run: newRun(),
      revision: { dirty: false, program: "sha256:1" },
      settings: { values: open === undefined ? {} : { "tributary:openBranches": open }, secret: [] },
    });
    const changes = { create: 0, update: 0, delete: 0, same: 1 };
    await endRecord(files(), begun, { result, changes, seconds: 1 });
  }

  it("stay as the last deployment had them, also where that failed or something was mended since", async () => {
    assert.deepEqual(await kept(), {});
    await record("deploy", { lake: ["feature/old"] });
    await record("deploy", { lake: ["feature/a"], orders: ["fix/b"] }, "failed");
    await record("mend");
    assert.deepEqual(await kept(), { "tributary:openBranches": { lake: ["feature/a"], orders: ["fix/b"] } });
  });

  it("are gone when the stack was destroyed, or when settings have no pipelines for them any more", async () => {
    await record("deploy", { lake: ["feature/a", "hotfix"], orders: ["fix/b"], gone: ["x"] });
    await settingsFile(teams.replace(", branches: { include: [fix/*], environment: branch }", ""));
    assert.deepEqual(await kept(), { "tributary:openBranches": { lake: ["feature/a"] } });
    await record("destroy", {}, "failed");
    assert.deepEqual(await kept(), { "tributary:openBranches": { lake: ["feature/a"] } });
    await record("destroy");
    assert.deepEqual(await kept(), {});
  });

  it("reach the runs of this stack's program; a rollback has the settings of its record, and no other stack is asked", async () => {
    await record("deploy", { lake: ["feature/a"] });
    const program = () => Promise.resolve({});
    const of = (environment: object, options: StackOptions) =>
      settingsOf(root, { ...stack, ...environment }, { aws: undefined }, options);
    const pipelines = { pipelines: true };
    assert.deepEqual(await of(pipelines, { program }), { "tributary:openBranches": { lake: ["feature/a"] } });
    const settings = { "tributary:openBranches": { lake: ["feature/then"] } };
    assert.equal(await of(pipelines, { program, settings }), settings);
    assert.equal(await of(pipelines, {}), undefined);
    assert.equal(await of({}, { program }), undefined);
  });

  it("an update that looked and found none removes the last one", async () => {
    await record("deploy", { lake: ["feature/a"], orders: ["fix/b"] });
    await writeOpenBranches(root, { lake: [], orders: ["fix/c"] });
    assert.deepEqual(await kept(), {});
    await settingsFile(`${teams}  tributary:openBranches: { lake: [] }\n`);
    assert.deepEqual(await kept(), { "tributary:openBranches": { orders: ["fix/b"] } });
  });
});

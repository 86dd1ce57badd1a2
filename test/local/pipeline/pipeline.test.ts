import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { containersLack } from "../../../automation/containers";
import { lacksForImages } from "../images/support";
import type { QueryResult, StatusResult } from "../support/lake";
import type { Workspace } from "../support/workspace";
import { marker } from "./program";
import { actionOf, commit, deliveryWorkspace, revert, runPipeline, stagesOf, testFile, writeDelivery } from "./support";

describe("both pipelines on this machine", () => {
  let workspace: Workspace;

  before(async function () {
    const lacking = await containersLack();
    const images = await lacksForImages();
    if (lacking.length > 0 || images !== undefined) {
      const why = [...lacking.map(({ what, next }) => `${what} (${next})`), ...(images ? [images] : [])];
      process.stdout.write(`    skipped: ${why.join(", ")}\n`);
      this.skip();
    }
    workspace = await deliveryWorkspace();
  });

  after(() => workspace?.remove());

  const imagesOf = async (env: string): Promise<Record<string, string>> => {
    const { environments } = await workspace.json<StatusResult>(["status", env]);
    return environments[0]!.outputs.images as Record<string, string>;
  };

  it("stop at a broken test, with the report that names it", async () => {
    await fs.appendFile(
      path.join(workspace.root, testFile),
      `\ndescribe("a broken suite", () => it("fails", () => { throw new TypeError("one is not two"); }));\n`,
    );
    await commit(workspace, "breaks a test");
    // Without the layer's pipeline there is no digest to begin with.
    const nothing = await workspace.json<{ error: { code: string } }>(["pipeline", "run", "lake", "--local"], 2);
    assert.equal(nothing.error.code, "NothingPublished");
    const { runs } = await runPipeline(workspace, ["lake-layer"], 1);
    assert.deepEqual(
      runs.map(({ pipeline, status }) => `${pipeline} ${status}`),
      ["lake-layer SUCCEEDED", "lake FAILED"],
    );
    const test = actionOf(runs[1], "Build", "test");
    assert.equal(test.status, "FAILED");
    const [report] = test.reports ?? [];
    assert.equal(report?.tests?.failed, 1);
    assert.match(report?.tests?.failures[0]?.name ?? "", /a broken suite.*fails/);
    assert.match(report?.tests?.failures[0]?.message ?? "", /one is not two/);
    assert.equal(actionOf(runs[1], "one-plan", "plan-one").status, "PENDING");
    await revert(workspace);
  });

  it("stop at a broken Dockerfile, where it is looked at and where it is built", async () => {
    const folder = path.join(workspace.root, "functions", "broken");
    await fs.mkdir(folder);
    await fs.writeFile(path.join(folder, "Dockerfile"), "FROM python:3.13\nCOPY lib /lib\n");
    await commit(workspace, "breaks a Dockerfile");
    const { runs } = await runPipeline(workspace, ["lake"], 1);
    const lint = actionOf(runs[0], "Build", "lint");
    assert.equal(lint.status, "FAILED");
    assert.match(lint.reports?.[0]?.tests?.failures[0]?.message ?? "", /FROM python:3\.13 can change under its name/);
    assert.equal(actionOf(runs[0], "Build", "images").status, "FAILED");
    assert.equal(actionOf(runs[0], "Build", "test").status, "SUCCEEDED");
    assert.equal(actionOf(runs[0], "one-plan", "plan-one").status, "PENDING");
    await revert(workspace);
  });

  it("deliver a commit to the layer: image, tests, images, plan, gates, two environments in waves, a query", async () => {
    await fs.appendFile(
      path.join(workspace.root, "layer", "index.ts"),
      '\nexport const delivered = "by the pipeline";\n',
    );
    await commit(workspace, "changes the layer");
    // A new environment allows much that was not allowed before.
    const first = await runPipeline(workspace, ["lake-layer"], 3);
    assert.equal(first.error?.code, "PipelineWaits");
    const [layer, waiting] = first.runs;
    assert.deepEqual(stagesOf(layer), ["Build SUCCEEDED", "Publish SUCCEEDED"]);
    assert.deepEqual(stagesOf(waiting).slice(0, 4), [
      "Update SKIPPED",
      "Build SUCCEEDED",
      "one-plan SUCCEEDED",
      "one-approve WAITING",
    ]);
    const planned = actionOf(waiting, "one-plan", "plan-one").exported;
    assert.equal(planned?.BROADENS, "true");
    assert.equal(actionOf(waiting, "one-approve", "approve-one").why, planned?.SUMMARY);
    assert.match(planned?.SUMMARY ?? "", /newly allowed: .*sts:AssumeRole/);

    const on = ["lake", "--run", waiting!.id, "--approve"];
    const second = await runPipeline(workspace, [...on, "one"], 3);
    assert.equal(actionOf(second.runs[0], "one-approve", "approve-one").approvedBy?.length !== 0, true);
    const [verified] = actionOf(second.runs[0], "one-deploy", "verify-one").reports ?? [];
    assert.equal(verified?.tests?.passed, 1);
    assert.equal(actionOf(second.runs[0], "two-deploy", "deploy-two").status, "PENDING");

    const third = await runPipeline(workspace, [...on, "two"]);
    assert.equal(third.runs[0]?.status, "SUCCEEDED", JSON.stringify(stagesOf(third.runs[0])));
    assert.equal(actionOf(third.runs[0], "two-deploy", "verify-two").reports?.[0]?.tests?.passed, 1);
    const [one, two] = await Promise.all(["one", "two"].map(imagesOf));
    assert.deepEqual(Object.keys(one!).sort(), ["redrive", "routing"]);
    assert.deepEqual(one, two, "both environments run the images that were built once");
    const { rows } = await workspace.json<QueryResult>(["query", "two", "select sum(grams) as grams from stones"]);
    assert.equal(Number(rows[0]?.grams), 741);
  });

  it("stop at a verification that fails, before the next environment", async () => {
    await writeDelivery(workspace.root, [{ query: "select count(*) as n from stones", expect: "> 2" }]);
    await commit(workspace, "expects what is not there");
    const { runs, error } = await runPipeline(workspace, ["lake"], 1);
    assert.equal(error?.code, "PipelineFailed");
    assert.equal(actionOf(runs[0], "one-deploy", "deploy-one").status, "SUCCEEDED");
    const verify = actionOf(runs[0], "one-deploy", "verify-one");
    assert.equal(verify.status, "FAILED");
    assert.match(verify.reports?.[0]?.tests?.failures[0]?.message ?? "", /found .*2.*, expected "> 2"/);
    // The same plan as before: nobody was asked.
    assert.equal(runs[0]?.stages.find(({ name }) => name === "one-approve")?.status, "SKIPPED");
    assert.equal(actionOf(runs[0], "two-plan", "plan-two").status, "PENDING");
    await revert(workspace);
  });

  it("wait at a permission that is new, and say which", async () => {
    const file = path.join(workspace.root, "index.ts");
    const text = await fs.readFile(file, "utf8");
    const allow = `{ Effect: "Allow", Action: "sqs:PurgeQueue", Resource: "arn:aws:sqs:*:*:elsewhere" }`;
    const policy = `{ Version: "2012-10-17", Statement: [${allow}] }`;
    const wider = `new aws.iam.RolePolicy("wider", { role: role.name, policy: ${policy} });`;
    await fs.writeFile(file, text.replace(marker, wider));
    await commit(workspace, "allows more");
    const { runs, error } = await runPipeline(workspace, ["lake"], 3);
    assert.equal(error?.code, "PipelineWaits");
    assert.match(actionOf(runs[0], "one-approve", "approve-one").why ?? "", /sqs:PurgeQueue/);
    assert.equal(actionOf(runs[0], "one-deploy", "deploy-one").status, "PENDING");
  });
});

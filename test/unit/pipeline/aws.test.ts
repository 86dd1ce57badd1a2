import { strict as assert } from "node:assert";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { libraryContext } from "../../../automation/library";
import { runOnAws, type AwsAction, type PipelineClient, type StartRequest } from "../../../automation/pipeline/aws";
import { fails } from "../support/fails";

const settings = `config:
  aws:region: eu-west-1
  tributary:repositories: { lake: { provider: codecommit, repository: lake } }
  tributary:environments: { dev: {} }
  tributary:pipelines: { lake: { repository: lake, waves: [[dev]] } }
`;

/** CodePipeline whose execution goes through some states, one at each look. */
class FakePipelines implements PipelineClient {
  started: StartRequest[] = [];
  closed = false;
  private look = 0;

  constructor(private readonly looks: { status: string; actions: AwsAction[] }[]) {}

  start(request: StartRequest): Promise<string> {
    this.started.push(request);
    return Promise.resolve("execution-1");
  }

  status(): Promise<{ status: string }> {
    return Promise.resolve({ status: this.looks[this.look]!.status });
  }

  actions(): Promise<AwsAction[]> {
    const { actions } = this.looks[this.look]!;
    this.look = Math.min(this.look + 1, this.looks.length - 1);
    return Promise.resolve(actions);
  }

  close(): void {
    this.closed = true;
  }
}

const done: AwsAction = { stage: "Build", action: "test", status: "Succeeded", seconds: 61 };

describe("a pipeline on AWS", () => {
  let root: string;

  before(async () => {
    root = await mkdtemp(path.join(os.tmpdir(), "tributary-aws-pipeline-"));
    await writeFile(path.join(root, "Pulumi.yaml"), "name: lake\n");
    await writeFile(path.join(root, "Pulumi.delivery.yaml"), settings);
  });
  after(() => rm(root, { recursive: true, force: true }));

  const run = (client: PipelineClient, options: { variables?: Record<string, string>; revision?: string } = {}) =>
    runOnAws(libraryContext(root), "lake", { variables: {}, revision: undefined, ...options }, () => client);

  it("is started for a commit with variables, and followed to its end", async () => {
    const client = new FakePipelines([{ status: "Succeeded", actions: [done] }]);
    const outcome = await run(client, { variables: { TEST_COMMAND: "true" }, revision: "a".repeat(40) });
    assert.equal(outcome.exitCode, undefined);
    const [request] = client.started;
    assert.deepEqual(request?.variables, { TEST_COMMAND: "true" });
    assert.deepEqual(request?.revision, { action: "Repository", commit: "a".repeat(40) });
    assert.match(outcome.text, /Build .* test .* Succeeded .* 1 min 01 s/);
    assert.ok(client.closed);
  });

  it("ends with 3 at an approval, and with 1 at a failure, with the link", async () => {
    const waits = { stage: "dev-approve", action: "approve-dev", status: "InProgress" };
    const waiting = await run(new FakePipelines([{ status: "InProgress", actions: [done, waits] }]));
    assert.equal(waiting.exitCode, 3);
    const broken = { stage: "Build", action: "images", status: "Failed", summary: "no space", link: "https://logs" };
    const failed = await run(new FakePipelines([{ status: "Failed", actions: [broken] }]));
    assert.equal(failed.exitCode, 1);
    assert.match(failed.text, /no space/);
    assert.match(failed.text, /next: https:\/\/logs/);
  });

  it("refuses variables and revisions that CodePipeline would not know", async () => {
    const client = new FakePipelines([]);
    await fails(run(client, { variables: { NONE: "1" } }), "PipelineVariableUnknown");
    await fails(run(client, { revision: "main" }), "PipelineRevisionInvalid");
    await fails(
      runOnAws(libraryContext(root), "none", { variables: {}, revision: undefined }, () => client),
      "PipelineUnknown",
    );
    assert.deepEqual(client.started, []);
  });
});

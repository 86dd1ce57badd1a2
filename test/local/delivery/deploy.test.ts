import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { request } from "node:https";
import * as path from "node:path";
import { CodePipelineClient, GetPipelineCommand, ListPipelinesCommand } from "@aws-sdk/client-codepipeline";
import { GetRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { ensureFront } from "../../../automation/local/front";
import {
  findLocalAws,
  localAwsAs,
  localClientSettings,
  localHttpsAgent,
  type LocalAws,
} from "../../../automation/local";
import { silent } from "../../../automation/events";
import { Workspace } from "../support/workspace";

interface Deployed {
  changes: { create: number; update: number; delete: number; same: number };
  seconds: number;
}

/** A team with everything but what only AWS has: a connection is named, never made. The other account is one of the local AWS. */
const settings = `config:
  aws:region: eu-west-1
  tributary:repositories:
    app: { provider: codecommit, repository: app }
  tributary:environments:
    dev: {}
    prod: { account: "111111111111", approval: always }
  tributary:pipelines:
    lake: { repository: app, waves: [[dev], [prod]], onFailure: rollback }
  tributary:notifications: { emails: [team@example.com] }
`;

const target = "delivery.local";

describe("the stack delivery on the local AWS", function () {
  this.timeout(150_000);
  let workspace: Workspace;
  let aws: LocalAws;

  before(async () => {
    workspace = await Workspace.create("delivery");
    await writeFile(path.join(workspace.root, "Pulumi.delivery.yaml"), settings);
  });
  after(() => workspace.remove());

  const clientOf = async <T>(
    work: (given: ReturnType<typeof localClientSettings>, front: string) => Promise<T>,
    account?: string,
  ) => {
    const agent = await localHttpsAgent(aws);
    const { AWS_ENDPOINT_URL_CODEPIPELINE: front = "" } = await ensureFront(workspace.root, aws, silent);
    try {
      return await work({ ...localClientSettings(localAwsAs(aws, account), agent), region: "eu-west-1" }, front);
    } finally {
      agent.destroy();
    }
  };

  const pipelines = () =>
    clientOf(async (given, endpoint) => {
      const client = new CodePipelineClient({ ...given, endpoint });
      const { pipelines: found = [] } = await client.send(new ListPipelinesCommand({}));
      const [name] = found.map((each) => each.name!).filter((each) => each.endsWith("-lake"));
      const one = name && (await client.send(new GetPipelineCommand({ name })));
      client.destroy();
      return { names: found.map((each) => each.name), one: one || undefined };
    });

  it("is deployed with the engine and the provider, and CodePipeline has what the settings say", async () => {
    const { changes } = await workspace.json<Deployed>(["deploy", target]);
    assert.ok(changes.create > 100 && changes.update + changes.delete === 0, JSON.stringify(changes));
    aws = (await findLocalAws(workspace.root))!;
    const { names, one } = await pipelines();
    assert.deepEqual(names, ["tributary-delivery-lake", "tributary-delivery-lake-layer"]);
    assert.deepEqual(
      one?.pipeline?.stages?.map(({ name }) => name),
      [
        ...[
          "Source",
          "Update",
          "Build",
          "dev-plan",
          "dev-approve",
          "dev-deploy",
          "prod-plan",
          "prod-approve",
          "prod-deploy",
        ],
      ],
    );
    assert.equal(one?.pipeline?.pipelineType, "V2");
    assert.ok(one?.metadata?.created instanceof Date && Number.isFinite(one.metadata.created.getTime()), "a time");
  });

  it("has the deploy role of the other account there, with its boundary", async () => {
    const role = await clientOf(async (given) => {
      const client = new IAMClient(given);
      const { Role } = await client.send(new GetRoleCommand({ RoleName: "tributary-delivery-deploy-prod-eu-west-1" }));
      client.destroy();
      return Role;
    }, "111111111111");
    assert.match(role?.Arn ?? "", /^arn:aws:iam::111111111111:role\//);
    const trust = decodeURIComponent(role?.AssumeRolePolicyDocument ?? "");
    assert.match(trust, /arn:aws:iam::000000000000:role\/tributary-delivery-lake-build-env-prod-eu-west-1/);
  });

  it("a second time changes nothing, also after CodePipeline was killed and started again", async () => {
    const front = path.join(workspace.root, ".tributary", "local", "front", "instance.json");
    const { pid } = JSON.parse(await readFile(front, "utf8")) as { pid: number };
    process.kill(pid, "SIGKILL");
    const { changes } = await workspace.json<Deployed>(["deploy", target]);
    assert.deepEqual({ ...changes, same: 0 }, { create: 0, update: 0, delete: 0, same: 0 });
    // Looked up in CodePipeline itself, not in the record.
    const { names } = await pipelines();
    assert.equal(names.length, 2);
  });

  it("one change of the settings changes that pipeline alone", async () => {
    const file = path.join(workspace.root, "Pulumi.delivery.yaml");
    await writeFile(file, settings.replace("onFailure: rollback", "onFailure: retry"));
    const { resources } = await workspace.json<{ resources: { name: string; operation: string }[] }>(["plan", target]);
    assert.deepEqual(
      resources.map(({ name, operation }) => `${operation} ${name}`),
      ["update delivery-lake-pipeline"],
    );
  });

  describe("the front of CodePipeline", () => {
    /** A call as it is, beside the SDK. */
    const call = (action: string, body: object, credential = "000000000000") =>
      clientOf(
        ({ requestHandler }, front) =>
          new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
            const headers = {
              "x-amz-target": action,
              "content-type": "application/x-amz-json-1.1",
              authorization: `AWS4-HMAC-SHA256 Credential=${credential}/20260101/eu-west-1/codepipeline/aws4_request, SignedHeaders=host, Signature=0`,
            };
            const sent = request(front, { method: "POST", headers, agent: requestHandler.httpsAgent }, (response) => {
              const parts: Buffer[] = [];
              response.on("data", (part: Buffer) => parts.push(part));
              response.on("end", () => resolve({ status: response.statusCode, text: Buffer.concat(parts).toString() }));
            });
            sent.on("error", reject);
            sent.end(JSON.stringify(body));
          }),
      );
    const stage = (name: string) => ({
      name,
      actions: [{ name, actionTypeId: { category: "Approval", owner: "AWS", provider: "Manual", version: "1" } }],
    });
    const pipelineWith = (roleArn: string) => ({
      pipeline: {
        name: "by-hand",
        roleArn,
        version: 1,
        artifactStore: { type: "S3", location: "x" },
        stages: [stage("a"), stage("b")],
      },
    });

    it("service: refuses what is not CodePipeline", async () => {
      const { status, text } = await call("CodeBuild_20161006.ListProjects", {});
      assert.equal(status, 400);
      assert.match(text, /UnknownOperationException.*only signed calls of CodePipeline/);
    });

    it("account: pipelines of one account are not seen by another", async () => {
      const { text } = await call("CodePipeline_20150709.ListPipelines", {}, "111111111111");
      assert.deepEqual(JSON.parse(text), { pipelines: [] });
    });

    it("role: one that the local AWS does not have is refused, as on AWS", async () => {
      const { status, text } = await call(
        "CodePipeline_20150709.CreatePipeline",
        pipelineWith("arn:aws:iam::000000000000:role/nobody"),
      );
      assert.equal(status, 400);
      assert.match(text, /not authorized to perform AssumeRole/);
    });

    it("role: one that does not trust CodePipeline is refused, too", async () => {
      const role = "arn:aws:iam::000000000000:role/tributary-delivery-lake-build-test-eu-west-1";
      const { status, text } = await call("CodePipeline_20150709.CreatePipeline", pipelineWith(role));
      assert.equal(status, 400);
      assert.match(text, /not authorized to perform AssumeRole/);
    });

    it("times: numbers of seconds", async () => {
      const { text } = await call("CodePipeline_20150709.GetPipeline", { name: "tributary-delivery-lake" });
      const { metadata } = JSON.parse(text) as { metadata: Record<string, unknown> };
      for (const key of ["created", "updated"]) assert.equal(typeof metadata[key], "number", key);
    });
  });

  describe("at the end", () => {
    it("is destroyed, and CodePipeline has none of it any more", async () => {
      await workspace.json(["destroy", target, "--yes", target]);
      const { names } = await pipelines();
      assert.deepEqual(names, []);
    });
  });
});

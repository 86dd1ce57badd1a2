import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { gateEnvironment, gateSettings } from "../../../automation/gates/run";
import { libraryContext } from "../../../automation/library";
import { environmentStacks } from "../../../automation/stacks/environments";
import { planOf, queue, stackPlan } from "../plan/support";

const assumed = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role</SecretAccessKey><SessionToken>token</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`;

describe("the gate of AWS Health", () => {
  const before = { ...process.env };
  let server: Server;
  let root: string;
  let askedAs: string[];

  beforeEach(async () => {
    root = mkdtempSync(path.join(os.tmpdir(), "health-"));
    writeFileSync(path.join(root, "Pulumi.yaml"), "name: tributary\n");
    askedAs = [];
    server = createServer((request, response) => {
      const asks = String(request.headers["x-amz-target"] ?? "").includes("DescribeEvents");
      if (asks) askedAs.push(/Credential=([A-Z]+)\//.exec(request.headers.authorization ?? "")?.[1] ?? "nobody");
      request.resume().on("end", () => {
        response.setHeader("content-type", asks ? "application/x-amz-json-1.1" : "text/xml");
        response.end(asks ? '{"events":[]}' : assumed);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_STS: endpoint,
      AWS_ENDPOINT_URL_HEALTH: endpoint,
      AWS_ACCESS_KEY_ID: "AKIABUILD",
      AWS_SECRET_ACCESS_KEY: "build",
      AWS_REGION: "eu-west-1",
    });
  });
  afterEach(() => {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
    server.close();
    rmSync(root, { recursive: true });
  });

  async function asksAs(more: string): Promise<string[]> {
    const gates = "  tributary:gates: { health: approve, stateful: off, policy: off }\n  tributary:approval: never\n";
    const backend = `  tributary:backend: file://${root}/states\n`;
    const text = `config:\n  aws:region: eu-west-1\n${backend}${gates}${more}`;
    writeFileSync(path.join(root, "Pulumi.dev.yaml"), text);
    const environment = environmentStacks(root, "dev");
    const plan = planOf(stackPlan([{ op: "update", type: queue, name: "q", old: { x: 1 }, new: { x: 2 } }]));
    const found = await gateEnvironment(libraryContext(root), environment, plan, gateSettings(environment));
    assert.deepEqual(
      found.map(({ gate, state, why }) => [gate, state, why]),
      [["health", "open", []]],
    );
    return askedAs;
  }

  it("asks as the environment's role, which may: a build's own role may not", async () => {
    assert.deepEqual(await asksAs("  tributary:role: arn:aws:iam::123456789012:role/deploy-dev\n"), ["ASIAROLE"]);
  });

  it("asks as whoever runs the command, where the environment has no role", async () => {
    assert.deepEqual(await asksAs(""), ["AKIABUILD"]);
  });
});

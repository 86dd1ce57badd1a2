import assert from "node:assert/strict";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { GetRolePolicyCommand, IAMClient } from "@aws-sdk/client-iam";
import type { GateResult } from "../../../automation/gates/types";
import { findLocalAws, localClientSettings, localHttpsAgent } from "../../../automation/local";
import type { EnvironmentPlan } from "../../../automation/plan/types";
import { Workspace } from "../support/workspace";
import { writeSettings } from "../waves/support";

/** A program that takes seconds; what it makes is said by settings `fixture:…`. */
const program = `
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

async function program() {
  const fixture = new pulumi.Config("fixture");
  const region = pulumi.runtime.allConfig()["aws:region"];
  const actions = ["dynamodb:GetItem", ...(fixture.get("write") ? ["dynamodb:PutItem"] : [])];
  const statement = fixture.get("admin")
    ? { Effect: "Allow", Action: "*", Resource: "*" }
    : { Sid: "Items", Effect: "Allow", Action: actions, Resource: \`arn:aws:dynamodb:\${region}:000000000000:table/shop\` };
  const trust = { Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" };
  const role = new aws.iam.Role("role", {
    name: \`shop-\${region}\`,
    assumeRolePolicy: JSON.stringify({ Version: "2012-10-17", Statement: [trust] }),
  });
  new aws.iam.RolePolicy("policy", {
    name: "items",
    role: role.name,
    policy: JSON.stringify({ Version: "2012-10-17", Statement: [statement] }),
  });
  const key = fixture.get("key") ?? "id";
  new aws.dynamodb.Table("table", {
    name: "shop",
    attributes: [{ name: key, type: "S" }],
    hashKey: key,
    billingMode: "PAY_PER_REQUEST",
    tags: { colour: fixture.get("colour") ?? "red" },
  });
  new aws.ssm.Parameter("password", {
    name: "password",
    type: "SecureString",
    value: pulumi.secret(\`hunter-\${fixture.get("word") ?? "one"}\`),
  });
  return { region };
}

export = program;
`;

interface PlanDocument {
  plan: EnvironmentPlan;
  gates: GateResult[];
  file: string;
}

interface DeployDocument {
  ok: boolean;
  error?: { code: string; message: string; next?: string };
  gates?: GateResult[];
  plan?: EnvironmentPlan;
  changes?: { create: number; update: number; delete: number; same: number };
}

describe("the plan of an environment, its gates, and a deployment of exactly that", () => {
  let checkout: Workspace;
  /** Everything that a command printed. */
  let printed = "";

  before(async () => {
    checkout = await Workspace.create("plan");
    await fs.writeFile(path.join(checkout.root, "index.ts"), program);
    await settings({});
    const { plan: first } = await tributary<DeployDocument>(3, "deploy", "shop");
    await approve(first!);
    await tributary(0, "deploy", "shop");
  });

  after(() => checkout.remove());

  const settings = (fixture: Record<string, string>, more: Record<string, unknown> = {}) =>
    writeSettings(checkout, "shop", {
      "tributary:target": "local",
      "tributary:waves": [["eu-west-1"], ["us-east-1"]],
      "tributary:approval": "broadening",
      "tributary:gates": { stateful: "approve" },
      ...Object.fromEntries(Object.entries(fixture).map(([name, value]) => [`fixture:${name}`, value])),
      ...more,
    });

  async function tributary<T>(code: number, ...args: string[]): Promise<T> {
    const result = await checkout.tributary(...args, "--json");
    printed += result.stdout + result.stderr;
    assert.equal(result.code, code, `${args.join(" ")}: ${result.stdout.slice(-3000)}\n${result.stderr.slice(-3000)}`);
    return JSON.parse(result.stdout) as T;
  }

  const plan = (...flags: string[]) => tributary<PlanDocument>(0, "plan", "shop", ...flags);

  const approve = ({ digest }: EnvironmentPlan) =>
    tributary<{ gates: string[]; plan: string }>(0, "approve", "shop", digest.slice(0, 12), "--reason", "looked at it");

  /** The policy that the local AWS really has. */
  async function allowed(region: string): Promise<string> {
    const aws = (await findLocalAws(checkout.root))!;
    const agent = await localHttpsAgent(aws);
    const client = new IAMClient(localClientSettings(aws, agent));
    try {
      const names = { RoleName: `shop-${region}`, PolicyName: "items" };
      return decodeURIComponent((await client.send(new GetRolePolicyCommand(names))).PolicyDocument ?? "");
    } finally {
      client.destroy();
      agent.destroy();
    }
  }

  it("shows exactly the change, the same in all regions once, and lets a harmless one pass", async () => {
    await settings({ colour: "blue" });
    const files = ["md", "html"].map((kind) => path.join(checkout.root, ".tributary", `plan.${kind}`));
    const { plan: planned, gates } = await plan("--markdown", files[0]!, "--html", files[1]!);
    assert.deepEqual(
      planned.stacks.map(({ target }) => target.stack),
      ["shop", "shop.us-east-1"],
    );
    for (const { resources, broadenings } of planned.stacks) {
      assert.deepEqual(
        resources.map(({ name, operation, properties }) => ({ name, operation, properties })),
        [
          {
            name: "table",
            operation: "update",
            properties: [{ path: "tags.colour", kind: "change", before: "red", after: "blue" }],
          },
        ],
      );
      assert.deepEqual(broadenings, []);
    }
    assert.ok(gates.every(({ state }) => state === "open"));
    for (const file of files) {
      const text = await fs.readFile(file, "utf8");
      assert.match(text, /1 change in all 2 stacks/);
      assert.match(text, /tags\.colour: (&quot;|")red\1 -(&gt;|>) \1blue\1/);
    }
    const deployed = await tributary<DeployDocument>(0, "deploy", "shop");
    assert.equal(deployed.changes?.update, 2);
  });

  it("stops where permissions broaden, changes nothing, and goes on with exactly the plan that was approved", async () => {
    await settings({ colour: "blue", write: "yes" });
    const stopped = await tributary<DeployDocument>(3, "deploy", "shop");
    assert.equal(stopped.error?.code, "GateClosed");
    assert.match(stopped.error!.next!, /tributary approve shop [0-9a-f]{12}/);
    assert.deepEqual(
      stopped.gates!.filter(({ state }) => state === "closed").map(({ gate }) => gate),
      ["broadening"],
    );
    const [found] = stopped.plan!.stacks[0]!.broadenings;
    assert.deepEqual(
      [found?.actions, found?.resources],
      [["dynamodb:PutItem"], ["arn:aws:dynamodb:eu-west-1:000000000000:table/shop"]],
    );
    assert.equal(stopped.plan!.stacks.flatMap(({ broadenings }) => broadenings).length, 2);
    assert.ok(!(await allowed("eu-west-1")).includes("PutItem"), "nothing may be changed before the approval");

    const approval = await approve(stopped.plan!);
    assert.deepEqual([approval.gates, approval.plan], [["broadening"], stopped.plan!.digest]);
    const deployed = await tributary<DeployDocument>(0, "deploy", "shop", "--plan", stopped.plan!.digest.slice(0, 12));
    assert.equal(deployed.changes?.update, 2);
    for (const region of ["eu-west-1", "us-east-1"]) assert.ok((await allowed(region)).includes("PutItem"));
    assert.deepEqual(
      (await plan()).plan.stacks.flatMap(({ resources }) => resources),
      [],
    );
  });

  it("does not deploy a plan when the program has changed since, and says what differs", async () => {
    const file = path.join(checkout.root, ".tributary", "saved.plan");
    await settings({ colour: "green", write: "yes" });
    await plan("--out", file);
    await settings({ colour: "yellow", write: "yes" });
    const { error } = await tributary<DeployDocument>(2, "deploy", "shop", "--plan", file);
    assert.equal(error?.code, "PlanOutdated");
    assert.match(
      error!.message,
      /shop: table \(aws:dynamodb\/table:Table\): tags\.colour: planned "blue" -> "green", now "blue" -> "yellow"/,
    );
    await settings({ colour: "green", write: "yes" });
    assert.equal((await tributary<DeployDocument>(0, "deploy", "shop", "--plan", file)).changes?.update, 2);
  });

  it("holds the engine to the plan where the plan itself cannot tell: another secret than the planned one", async () => {
    const file = path.join(checkout.root, ".tributary", "secret.plan");
    await settings({ colour: "green", write: "yes", word: "two" });
    await plan("--out", file);
    await settings({ colour: "green", write: "yes", word: "three" });
    const { error } = await tributary<DeployDocument>(1, "deploy", "shop", "--plan", file);
    assert.match(error!.message, /violates plan/);
    await settings({ colour: "green", write: "yes", word: "two" });
    assert.equal((await tributary<DeployDocument>(0, "deploy", "shop", "--plan", file)).changes?.update, 2);
  });

  it("stops before data is lost", async () => {
    await settings({ colour: "green", write: "yes", word: "two", key: "other" });
    const { gates, plan: planned } = await tributary<DeployDocument>(3, "deploy", "shop");
    assert.deepEqual(
      gates!.filter(({ state }) => state === "closed").map(({ gate }) => gate),
      ["stateful"],
    );
    const [table] = planned!.stacks[0]!.resources;
    assert.deepEqual([table?.operation, table?.replacedBy, table?.stateful?.holds], ["replace", ["hashKey"], "items"]);
  });

  it("stops for a mandatory policy, which no approval opens", async () => {
    await settings(
      { colour: "green", write: "yes", word: "two", admin: "yes" },
      { "tributary:approval": "never", "tributary:gates": { policy: "stop" } },
    );
    const { plan: planned, gates } = await tributary<DeployDocument>(3, "deploy", "shop");
    assert.deepEqual(
      gates!.map(({ gate, state, approvable }) => [gate, state, approvable]),
      [["policy", "closed", false]],
    );
    const found = planned!.stacks.flatMap(({ violations }) => violations.filter(({ level }) => level === "mandatory"));
    assert.deepEqual(
      [...new Set(found.map(({ policy, resource }) => `${policy} ${resource}`))],
      ["no-administrator policy (aws:iam/rolePolicy:RolePolicy)"],
    );
  });

  it("never prints or keeps a secret, not even where it is not the planned one", async () => {
    const at = printed.indexOf("hunter-");
    assert.equal(at, -1, printed.slice(Math.max(0, at - 300), at + 20));
    const folders = [".tributary/plans", ".tributary/logs", ".tributary/state/.tributary"];
    const entries = await Promise.all(
      folders.map((folder) => fs.readdir(path.join(checkout.root, folder), { recursive: true, withFileTypes: true })),
    );
    const files = entries.flat().filter((entry) => entry.isFile());
    assert.ok(files.some(({ name }) => name.endsWith("-up.log")));
    for (const { parentPath, name } of files)
      assert.ok(!(await fs.readFile(path.join(parentPath, name), "utf8")).includes("hunter-"), name);
  });
});

import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { DeleteTableCommand, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { GetFunctionConfigurationCommand, UpdateFunctionConfigurationCommand } from "@aws-sdk/client-lambda";
import { GetBucketVersioningCommand, PutBucketVersioningCommand } from "@aws-sdk/client-s3";
import type { Workspace } from "../support/workspace";
import { clientsOf, smallWorkspace } from "./support";

interface DriftDocument {
  ok: boolean;
  drifted: number;
  mended: boolean;
  stacks: {
    stack: string;
    looked: number;
    resources: { name: string; kind: string; properties: { path: string; recorded: unknown; found: unknown }[] }[];
  }[];
}

const bucket = "tributary-local-files";
const lambda = "tributary-local-function";
const table = "tributary-local-table";

describe("drift on the local AWS", () => {
  let workspace: Workspace;
  before(async () => {
    workspace = await smallWorkspace("drift");
  });
  after(() => workspace.remove());

  const stateOf = () =>
    fs.readFile(path.join(workspace.root, ".tributary/state/.pulumi/stacks/tributary/local.json"), "utf8");

  async function byHand(): Promise<void> {
    const clients = await clientsOf(workspace);
    const suspended = { Bucket: bucket, VersioningConfiguration: { Status: "Suspended" as const } };
    await clients.s3.send(new PutBucketVersioningCommand(suspended));
    await clients.lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName: lambda, MemorySize: 512 }));
    await clients.dynamodb.send(new DeleteTableCommand({ TableName: table }));
    clients.close();
  }

  async function found() {
    const clients = await clientsOf(workspace);
    const versioning = await clients.s3.send(new GetBucketVersioningCommand({ Bucket: bucket }));
    const { MemorySize } = await clients.lambda.send(new GetFunctionConfigurationCommand({ FunctionName: lambda }));
    const { TableNames } = await clients.dynamodb.send(new ListTablesCommand({}));
    clients.close();
    return { versioning: versioning.Status, memory: MemorySize, tables: TableNames };
  }

  it("says that nothing is deployed, and that nothing changed after a deployment", async () => {
    const missing = await workspace.json<{ error: { code: string } }>(["drift", "local"], 1);
    assert.equal(missing.error.code, "NotDeployed");
    await workspace.json(["deploy", "local"]);
    const none = await workspace.json<DriftDocument>(["drift", "local"]);
    assert.deepEqual([none.ok, none.drifted, none.stacks[0]?.looked], [true, 0, 5]);
  });

  it("names exactly what was changed and deleted by hand, and changes nothing itself", async () => {
    await byHand();
    const [cloud, state] = [await found(), await stateOf()];
    const drift = await workspace.json<DriftDocument>(["drift", "local"], 1);
    assert.deepEqual(
      drift.stacks[0]?.resources.map(({ name, kind, properties }) => ({ name, kind, properties })),
      [
        { name: "table", kind: "deleted", properties: [] },
        { name: "function", kind: "changed", properties: [{ path: "memorySize", recorded: 128, found: 512 }] },
        {
          name: "versions",
          kind: "changed",
          properties: [{ path: "versioningConfiguration.status", recorded: "Enabled", found: "Suspended" }],
        },
      ],
    );
    assert.deepEqual([await found(), await stateOf()], [cloud, state]);
  });

  it("refuses to mend from a checkout that is not what is deployed", async () => {
    const program = path.join(workspace.root, "index.ts");
    const text = await fs.readFile(program, "utf8");
    await fs.writeFile(program, text.replace("memorySize: 128", "memorySize: 256"));
    const before = await found();
    const refused = await workspace.json<{ error: { code: string; message: string } }>(["drift", "local", "--mend"], 2);
    assert.equal(refused.error.code, "MendDeploysMore");
    assert.match(refused.error.message, /\n {2}local: update function$/);
    assert.deepEqual(await found(), before);
    await fs.writeFile(program, text);
  });

  it("brings back what it found, and nothing is left of it", async () => {
    const mended = await workspace.json<DriftDocument>(["drift", "local", "--mend"]);
    assert.deepEqual([mended.ok, mended.drifted, mended.mended], [true, 3, true]);
    assert.deepEqual(await found(), { versioning: "Enabled", memory: 128, tables: [table] });
    const none = await workspace.tributary("drift", "local");
    assert.equal(none.stdout, "local is in the cloud as it was deployed: 5 resources in 1 stack(s)");
    assert.equal(none.code, 0);
  });
});

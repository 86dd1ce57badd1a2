import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { ListRolesCommand } from "@aws-sdk/client-iam";
import { GetFunctionCommand, ListFunctionsCommand } from "@aws-sdk/client-lambda";
import { ListBucketsCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { branchEnvironmentName } from "../../../automation/branches/name";
import { clientsOf, smallWorkspace } from "../drift/support";
import type { Workspace } from "../support/workspace";

interface Listed {
  environments: {
    env: string;
    branch: string;
    owner: string;
    expired: boolean;
    gone: boolean | null;
    deployed: boolean;
  }[];
  unknown: string[];
}

describe("branch environments on the local AWS", () => {
  let workspace: Workspace;
  before(async () => {
    workspace = await smallWorkspace("branches");
    const git = "git config user.email someone@example.com && git config user.name Someone";
    await workspace.shell(`${git} && git commit -q --allow-empty -m start && git checkout -q -b feature/work`);
  });
  after(() => workspace.remove());

  /** Everything with a name of ours that the local AWS has. */
  async function everything(): Promise<(string | undefined)[]> {
    const { s3, lambda, dynamodb, iam, close } = await clientsOf(workspace);
    const { Roles = [] } = await iam.send(new ListRolesCommand({}));
    const { Buckets = [] } = await s3.send(new ListBucketsCommand({}));
    const { TableNames = [] } = await dynamodb.send(new ListTablesCommand({}));
    const { Functions = [] } = await lambda.send(new ListFunctionsCommand({}));
    close();
    const others = [...Buckets.map(({ Name }) => Name), ...Functions.map((each) => each.FunctionName), ...TableNames];
    const names = [...others, ...Roles.map(({ RoleName }) => RoleName)];
    return names.filter((name) => name?.startsWith("tributary-")).sort();
  }

  const namesOf = (env: string) => ["files", "function", "role", "table"].map((what) => `tributary-${env}-${what}`);
  const local = ["--template", "local"];
  const list = () => workspace.json<Listed>(["branch", "list", ...local]);

  it("stand beside each other, tagged with branch, owner and expiry", async () => {
    await workspace.json(["branch", "up", "feature/work", "--ttl", "2 days", ...local]);
    await workspace.shell("git checkout -q -b other-work");
    // The branch that is checked out.
    const up = await workspace.json<{ env: string; created: boolean }>(["branch", "up", "--ttl", "1 hour", ...local]);
    assert.deepEqual([up.env, up.created], ["b-other-work", true]);
    const work = branchEnvironmentName("feature/work");
    assert.deepEqual(await everything(), [...namesOf(work), ...namesOf("b-other-work")].sort());
    const { lambda, close } = await clientsOf(workspace);
    const { Tags } = await lambda.send(new GetFunctionCommand({ FunctionName: `tributary-${work}-function` }));
    close();
    assert.deepEqual([Tags?.branch, Tags?.owner], ["feature/work", "someone@example.com"]);
    const days = (Date.parse(Tags!.expires!) - Date.now()) / 86_400_000;
    assert.ok(days > 0.9 && days < 2.1, Tags!.expires);
    const { stdout } = await workspace.shell("git status --porcelain");
    assert.ok(!/Pulumi\.b-/.test(stdout), stdout);
  });

  it("are listed, live on when they are brought up again, and are known to other commands", async () => {
    const again = await workspace.json<{ created: boolean; changes: { update: number; same: number } }>([
      "branch",
      "up",
      "--ttl",
      "1 hour",
      ...local,
    ]);
    assert.deepEqual([again.created, again.changes.update], [false, 0]);
    const { environments, unknown } = await list();
    assert.deepEqual(
      environments.map(({ branch, expired, gone, deployed }) => ({ branch, expired, gone, deployed })),
      ["feature/work", "other-work"].map((branch) => ({ branch, expired: false, gone: false, deployed: true })),
    );
    assert.deepEqual(unknown, []);
    const drift = await workspace.json<{ drifted: number }>(["drift", "b-other-work"]);
    assert.equal(drift.drifted, 0);
  });

  it("go with everything in them, and leave the other alone", async () => {
    const { s3, close } = await clientsOf(workspace);
    await s3.send(new PutObjectCommand({ Bucket: "tributary-b-other-work-files", Key: "a", Body: "data" }));
    close();
    await workspace.json(["branch", "down", ...local]);
    const work = branchEnvironmentName("feature/work");
    assert.deepEqual(await everything(), namesOf(work).sort());
    assert.deepEqual(
      (await list()).environments.map(({ branch }) => branch),
      ["feature/work"],
    );
    const states = await fs.readdir(path.join(workspace.root, ".tributary/state/.pulumi/stacks/tributary"));
    assert.deepEqual(
      states.filter((name) => /^b-.*\.json$/.test(name)),
      [`${work}.json`],
    );
  });

  it("are pruned when their branch is gone, and not before", async () => {
    const kept = await workspace.json<{ environments: unknown[] }>(["branch", "prune", ...local]);
    assert.deepEqual(kept.environments, []);
    await workspace.shell("git branch -q -D feature/work");
    const pruned = await workspace.json<{ environments: object[] }>(["branch", "prune", ...local]);
    const env = branchEnvironmentName("feature/work");
    assert.deepEqual(pruned.environments, [{ env, branch: "feature/work", why: "gone", status: "removed" }]);
    assert.deepEqual(await everything(), []);
    assert.deepEqual((await list()).environments, []);
  });
});

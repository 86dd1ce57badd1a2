import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import {
  dataset,
  ingest,
  lines,
  meteorite,
  rows,
  type DeployResult,
  type Execution,
  type StatusResult,
} from "../support/lake";
import { Workspace } from "../support/workspace";

/** Denies reading one object to everybody but the account's root, or takes the denial back. */
const denyScript = (action: "deny" | "allow") => `
const { S3Client, GetBucketPolicyCommand, PutBucketPolicyCommand } = require("@aws-sdk/client-s3");
const s3 = new S3Client({ forcePathStyle: true });
const [Bucket, key] = process.argv.slice(1);
(async () => {
  const policy = JSON.parse((await s3.send(new GetBucketPolicyCommand({ Bucket }))).Policy);
  policy.Statement = policy.Statement.filter((statement) => statement.Sid !== "TestDenial");
  if ("${action}" === "deny") policy.Statement.push({ Sid: "TestDenial", Effect: "Deny", Principal: "*",
    Action: ["s3:GetObject", "s3:GetObjectVersion"], Resource: "arn:aws:s3:::" + Bucket + "/" + key });
  await s3.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify(policy) }));
})().catch((error) => { console.error(error); process.exit(1); });
`;

describe("order within a group", () => {
  const count = 40;
  const poison = 7;
  let lake: Workspace;
  let bucket: string;

  before(async () => {
    lake = await Workspace.create("order");
    const manifest = path.join(lake.root, "datasets", dataset, "manifest.yaml");
    const text = await fs.readFile(manifest, "utf8");
    assert.match(text, /^group: /m);
    await fs.writeFile(manifest, text.replace(/^group: .*$/m, "group: dataset"));
    await lake.json<DeployResult>(["deploy", "local"]);
    const status = await lake.json<StatusResult>(["status", "local"]);
    bucket = String(status.environments[0]!.outputs.rawBucket);
  });

  after(() => lake.remove());

  const access = async (action: "deny" | "allow", key: string) => {
    const result = await lake.shell('eval "$(node bin/tributary.js env local)" && node -e "$SCRIPT" "$BUCKET" "$KEY"', {
      SCRIPT: denyScript(action),
      BUCKET: bucket,
      KEY: key,
    });
    assert.equal(result.code, 0, result.stderr);
  };

  it("is kept while an object in the middle is refused, retried, and let through", async () => {
    const name = (index: number) => `o-${String(index).padStart(3, "0")}.ndjson`;
    const files = await Promise.all(
      Array.from({ length: count }, (_, index) => lake.input(`order/${name(index)}`, lines(meteorite(40_000 + index)))),
    );
    const refused = `${dataset}/${name(poison)}`;
    await access("deny", refused);
    const running = ingest(lake, ...files);
    await retried(lake, refused);
    await access("allow", refused);
    const result = await running;
    assert.deepEqual(
      [result.accepted, result.processed, result.failed],
      [count, count, 0],
      JSON.stringify(result.objects),
    );

    const stageA = (
      await lake.json<(Execution & { sequenceNumber?: string })[]>(["executions", "local", "--limit", "1000"])
    ).filter((execution) => execution.stage === "A");
    const succeeded = stageA.filter((execution) => execution.status === "SUCCEEDED");
    assert.equal(succeeded.length, count);
    assert.ok(
      stageA.some((e) => e.status === "RETRIED" && e.object === refused),
      "the refused object was retried",
    );
    // Objects that came in one message have its number; the one that was put back is what the others must not overtake.
    for (const former of succeeded) {
      const overtaking = succeeded.filter(
        (latter) => BigInt(latter.sequenceNumber!) > BigInt(former.sequenceNumber!) && latter.endedAt < former.endedAt,
      );
      assert.deepEqual(overtaking, [], `overtook ${former.object}`);
    }
    assert.deepEqual(
      await rows(lake, "select count(*) as n, count(distinct id) as ids from meteorites where id >= 40000"),
      [{ n: count, ids: count }],
    );
  });
});

/** Waits until the history shows a retried execution of the object. */
async function retried(lake: Workspace, key: string): Promise<void> {
  for (let turn = 0; turn < 60; turn++) {
    const executions = await lake.json<Execution[]>(["executions", "local", "--limit", "1000"]);
    if (executions.some((execution) => execution.object === key && execution.status === "RETRIED")) return;
  }
  assert.fail(`${key} was not retried`);
}

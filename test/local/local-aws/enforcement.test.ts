import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import {
  CreateAccessKeyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeleteRolePolicyCommand,
  PutRolePolicyCommand,
} from "@aws-sdk/client-iam";
import { CreateFunctionCommand, InvokeCommand } from "@aws-sdk/client-lambda";
import {
  CreateBucketCommand,
  ListBucketsCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { silent } from "../../../automation/events";
import type { LocalAws } from "../../../automation/local";
import { ensureLocalAws } from "../../../automation/local";
import { ASSUMABLE, clientsOf, functionArchive, Roots } from "./support";

const HANDLER = `
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { tmpdir } from "node:os";
const s3 = new S3Client({ forcePathStyle: true });
export async function handler(event: { bucket: string; key: string }) {
  const about = {
    node: process.version, execPath: process.execPath, tmp: tmpdir(), endpoint: process.env.AWS_ENDPOINT_URL,
    accessKey: process.env.AWS_ACCESS_KEY_ID, leaked: process.env.TRIBUTARY_TEST_LEAK ?? null,
    names: Object.keys(process.env),
  };
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: event.bucket, Key: event.key }));
    return { ...about, body: await Body!.transformToString() };
  } catch (error) {
    return { ...about, error: (error as Error).name, message: (error as Error).message };
  }
}`;

const ROLE = "reader";
describe("the local AWS enforces what AWS enforces", () => {
  const roots = new Roots();
  let aws: LocalAws;
  let clients: Awaited<ReturnType<typeof clientsOf>>;

  const invoke = async (key: string) => {
    const { Payload } = await clients.lambda.send(
      new InvokeCommand({ FunctionName: "reader", Payload: JSON.stringify({ bucket: "granted", key }) }),
    );
    return JSON.parse(Buffer.from(Payload!).toString()) as Record<string, unknown> & { names: string[] };
  };

  before(async () => {
    process.env["TRIBUTARY_TEST_LEAK"] = "must not be seen";
    aws = await ensureLocalAws(await roots.create(), silent);
    clients = await clientsOf(aws);
    await clients.s3.send(new CreateBucketCommand({ Bucket: "granted" }));
    await clients.s3.send(
      new PutBucketPolicyCommand({
        Bucket: "granted",
        Policy: JSON.stringify({
          Version: "2012-10-17",
          Statement: [
            {
              Effect: "Deny",
              Principal: "*",
              Action: "s3:*",
              Resource: ["arn:aws:s3:::granted", "arn:aws:s3:::granted/*"],
              Condition: { Bool: { "aws:SecureTransport": "false" } },
            },
          ],
        }),
      }),
    );
    for (const key of ["in/one", "out/two"]) {
      await clients.s3.send(new PutObjectCommand({ Bucket: "granted", Key: key, Body: `content of ${key}` }));
    }
    await clients.iam.send(new CreateRoleCommand({ RoleName: ROLE, AssumeRolePolicyDocument: ASSUMABLE }));
    await clients.iam.send(
      new PutRolePolicyCommand({
        RoleName: ROLE,
        PolicyName: "read",
        PolicyDocument: JSON.stringify({
          Version: "2012-10-17",
          Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::granted/in/*" }],
        }),
      }),
    );
    await clients.lambda.send(
      new CreateFunctionCommand({
        FunctionName: "reader",
        Runtime: "nodejs20.x",
        Handler: "index.handler",
        Role: `arn:aws:iam::${aws.account}:role/${ROLE}`,
        Timeout: 20,
        Code: { ZipFile: await functionArchive(HANDLER) },
      }),
    );
  });

  after(async () => {
    delete process.env["TRIBUTARY_TEST_LEAK"];
    await roots.removeAll();
  });

  it("lets a function read over TLS, from a TLS-only bucket, what its role grants", async () => {
    const answer = await invoke("in/one");
    assert.equal(answer["body"], "content of in/one", JSON.stringify(answer));
    assert.match(String(answer["endpoint"]), /^https:/);
  });

  it("refuses a function what its role does not grant", async () => {
    const answer = await invoke("out/two");
    assert.equal(answer["error"], "AccessDenied");
    assert.match(String(answer["message"]), /assumed-role\/reader/);
  });

  it("takes a grant away at once", async () => {
    const read = { RoleName: ROLE, PolicyName: "read" };
    await clients.iam.send(new DeleteRolePolicyCommand(read));
    assert.equal((await invoke("in/one"))["error"], "AccessDenied");
  });

  it("runs functions on this Node, with a temporary folder of this checkout and nothing of this process's environment", async () => {
    const answer = await invoke("in/one");
    assert.equal(answer["node"], process.version);
    assert.equal(await fs.realpath(String(answer["execPath"])), await fs.realpath(process.execPath));
    assert.ok(String(answer["tmp"]).includes("/.tributary/local/"), String(answer["tmp"]));
    assert.equal(answer["leaked"], null);
    assert.notEqual(answer["accessKey"], aws.account);
    assert.ok(!answer.names.includes("TRIBUTARY_TEST_LEAK"));
  });

  it("refuses an access key that it never gave out", async () => {
    const stranger = new S3Client({
      ...clients.options,
      forcePathStyle: true,
      credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "test" },
    });
    await assert.rejects(stranger.send(new ListBucketsCommand({})), { name: "InvalidAccessKeyId" });
  });

  it("checks signatures: a user's access key with another secret is refused", async () => {
    await clients.iam.send(new CreateUserCommand({ UserName: "person" }));
    const { AccessKey } = await clients.iam.send(new CreateAccessKeyCommand({ UserName: "person" }));
    const stranger = new S3Client({
      ...clients.options,
      forcePathStyle: true,
      credentials: { accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: "another" },
    });
    await assert.rejects(stranger.send(new ListBucketsCommand({})), { name: "SignatureDoesNotMatch" });
  });
});

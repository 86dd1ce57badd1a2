import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import { createServer, type Server } from "node:net";
import { request } from "node:http";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { CreateTableCommand, GetItemCommand, ListTablesCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { CreateRoleCommand } from "@aws-sdk/client-iam";
import { CreateFunctionCommand, InvokeCommand } from "@aws-sdk/client-lambda";
import { CreateBucketCommand, GetObjectCommand, ListBucketsCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { CreateQueueCommand, GetQueueUrlCommand, ReceiveMessageCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import { execa } from "execa";
import type { TributaryError } from "../../../automation/errors";
import type { DriverEvent } from "../../../automation/events";
import { silent } from "../../../automation/events";
import type { LocalAws } from "../../../automation/local";
import {
  acknowledgeStateLoss,
  ensureLocalAws,
  eraseLocalAws,
  findLocalAws,
  localAwsDied,
  stopLocalAws,
} from "../../../automation/local";
import { processStart } from "../../../automation/local/processes";
import { ASSUMABLE, clientsOf, functionArchive, processesNaming, Roots } from "./support";

const module_ = path.resolve(__dirname, "../../../automation/local");

/** Ends a local AWS as a crash or a power cut would. */
async function kill(aws: LocalAws): Promise<void> {
  process.kill(aws.pid, "SIGKILL");
  while (await processStart(aws.pid)) {
    await sleep(20);
  }
}

async function putSomething(aws: LocalAws): Promise<void> {
  const { s3, sqs, dynamodb } = await clientsOf(aws);
  await s3.send(new CreateBucketCommand({ Bucket: "kept" }));
  await s3.send(new PutObjectCommand({ Bucket: "kept", Key: "a b+%/ü..", Body: "bytes" }));
  await dynamodb.send(
    new CreateTableCommand({
      TableName: "kept",
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      BillingMode: "PAY_PER_REQUEST",
    }),
  );
  await dynamodb.send(new PutItemCommand({ TableName: "kept", Item: { id: { S: "one" }, n: { N: "7" } } }));
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "kept" }));
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "still here" }));
}

describe("the life of a local AWS", () => {
  const roots = new Roots();
  let before_: string[];
  const ours = async () => (await fs.readdir(os.tmpdir())).filter((name) => name.startsWith("ministack"));

  before(async () => {
    before_ = await ours();
  });

  after(() => roots.removeAll());

  it("is found within 100 ms once it runs, and not before or after", async () => {
    const root = await roots.create();
    assert.equal(await findLocalAws(root), undefined);
    const aws = await ensureLocalAws(root, silent);
    assert.equal(aws.stateLost, false);
    const times: number[] = [];
    for (let count = 0; count < 5; count++) {
      const started = performance.now();
      assert.deepEqual(await findLocalAws(root), aws);
      times.push(performance.now() - started);
    }
    // The quickest, because other programs may keep this machine busy.
    assert.ok(Math.min(...times) < 100, `${times.join(", ")} ms`);
    await stopLocalAws(root, silent);
    assert.equal(await findLocalAws(root), undefined);
    await stopLocalAws(root, silent);
  });

  it("keeps objects, items and messages over a stop, on the same port", async () => {
    const root = await roots.create();
    const first = await ensureLocalAws(root, silent);
    await putSomething(first);
    await stopLocalAws(root, silent);
    const second = await ensureLocalAws(root, silent);
    assert.notEqual(second.pid, first.pid);
    assert.deepEqual([second.port, second.stateId, second.stateLost], [first.port, first.stateId, false]);
    const { s3, sqs, dynamodb } = await clientsOf(second);
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: "kept", Key: "a b+%/ü.." }));
    assert.equal(await Body!.transformToString(), "bytes");
    const { Item } = await dynamodb.send(new GetItemCommand({ TableName: "kept", Key: { id: { S: "one" } } }));
    assert.deepEqual(Item as Record<string, AttributeValue>, { id: { S: "one" }, n: { N: "7" } });
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: "kept" }));
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 2 }));
    assert.equal(Messages?.[0]?.Body, "still here");
  });

  it("starts from nothing after a hard end, and says so until that is acknowledged", async () => {
    const root = await roots.create();
    const first = await ensureLocalAws(root, silent);
    await putSomething(first);
    await stopLocalAws(root, silent);
    await kill(await ensureLocalAws(root, silent));
    const died = (await localAwsDied(root, new TypeError("fetch failed"))) as TributaryError;
    assert.equal(died.code, "LocalAwsDied");
    assert.match(died.next ?? "", /tributary deploy local/);
    const events: DriverEvent[] = [];
    const aws = await ensureLocalAws(root, (event) => events.push(event));
    assert.equal(aws.stateLost, true);
    assert.notEqual(aws.stateId, first.stateId);
    assert.ok(events.some((event) => event.type === "message" && /state was lost/.test(event.text)));
    const { s3, dynamodb } = await clientsOf(aws);
    assert.deepEqual((await s3.send(new ListBucketsCommand({}))).Buckets ?? [], []);
    assert.deepEqual((await dynamodb.send(new ListTablesCommand({}))).TableNames, []);
    await stopLocalAws(root, silent);
    assert.equal((await ensureLocalAws(root, silent)).stateLost, true, "survives a stop");
    assert.equal((await findLocalAws(root))!.stateLost, true);
    await acknowledgeStateLoss(root);
    assert.equal((await findLocalAws(root))!.stateLost, false);
    assert.equal(await localAwsDied(root, new TypeError("another reason")), undefined);
  });

  it("starts from nothing, and says so, when a part of its state cannot be read", async () => {
    const root = await roots.create();
    await putSomething(await ensureLocalAws(root, silent));
    await stopLocalAws(root, silent);
    await fs.writeFile(path.join(root, ".tributary/local/state/services/dynamodb.json"), '{"half":');
    const aws = await ensureLocalAws(root, silent);
    assert.equal(aws.stateLost, true);
    assert.deepEqual((await (await clientsOf(aws)).s3.send(new ListBucketsCommand({}))).Buckets ?? [], []);
  });

  it("keeps to itself beside another one", async () => {
    const [one, two] = [await roots.create(), await roots.create()];
    const [a, b] = await Promise.all([ensureLocalAws(one, silent), ensureLocalAws(two, silent)]);
    assert.notEqual(a.port, b.port);
    const [ofA, ofB] = [await clientsOf(a), await clientsOf(b)];
    await ofA.s3.send(new CreateBucketCommand({ Bucket: "only-in-a" }));
    assert.deepEqual((await ofB.s3.send(new ListBucketsCommand({}))).Buckets ?? [], []);
    await assert.rejects(
      (await clientsOf({ ...a, caFile: b.caFile })).s3.send(new ListBucketsCommand({})),
      /certificate|signature/i,
    );
    await stopLocalAws(one, silent);
    assert.ok(await findLocalAws(two));
  });

  it("is one, however many commands ask for it at once", async () => {
    const root = await roots.create();
    const script = `require("ts-node/register/transpile-only"); const l = require(${JSON.stringify(module_)});
      l.ensureLocalAws(${JSON.stringify(root)}, () => undefined).then((aws) => console.log(aws.pid));`;
    const other = execa(process.execPath, ["-e", script]);
    const [a, b] = await Promise.all([ensureLocalAws(root, silent), ensureLocalAws(root, silent)]);
    assert.deepEqual([Number((await other).stdout), b.pid], [a.pid, a.pid]);
  });

  it("outlives the command that started it, even when that is killed in the middle of the start", async () => {
    const root = await roots.create();
    const script = `require("ts-node/register/transpile-only"); const l = require(${JSON.stringify(module_)});
      l.ensureLocalAws(${JSON.stringify(root)}, () => undefined);`;
    for (const delay of [400, 700, 1000, 1300]) {
      const command = execa(process.execPath, ["-e", script], { reject: false });
      await sleep(delay);
      command.kill("SIGKILL");
      await command;
      const aws = await ensureLocalAws(root, silent);
      assert.equal(aws.stateLost, false, `killed after ${delay} ms`);
      assert.equal((await processesNaming(`${root}/`)).filter((id) => id !== aws.pid).length, 0);
      await stopLocalAws(root, silent);
    }
  });

  it("takes another port, and says so, when its own is taken meanwhile; queues are still reached", async () => {
    const root = await roots.create();
    const first = await ensureLocalAws(root, silent);
    await putSomething(first);
    const old = (await (await clientsOf(first)).sqs.send(new GetQueueUrlCommand({ QueueName: "kept" }))).QueueUrl;
    await stopLocalAws(root, silent);
    const thief: Server = createServer();
    await new Promise<void>((done) => thief.listen(first.port, "127.0.0.1", done));
    try {
      const events: DriverEvent[] = [];
      const second = await ensureLocalAws(root, (event) => events.push(event));
      assert.notEqual(second.port, first.port);
      assert.equal(second.stateLost, false);
      assert.ok(events.some((event) => event.type === "message" && event.text.includes(String(first.port))));
      const { sqs } = await clientsOf(second);
      const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: old, WaitTimeSeconds: 2 }));
      assert.equal(Messages?.[0]?.Body, "still here");
    } finally {
      await new Promise((done) => thief.close(done));
    }
  });

  it("speaks TLS only", async () => {
    const aws = await ensureLocalAws(await roots.create(), silent);
    const plain = new Promise((resolve, reject) => {
      request({ host: "127.0.0.1", port: aws.port, path: "/_ministack/health" }, resolve).on("error", reject).end();
    });
    await assert.rejects(plain, /socket hang up|ECONNRESET/);
  });

  it("listens on one port, of loopback", async function () {
    const { stdout, failed } = await execa("ss", ["-ltnpH"], { reject: false });
    if (failed) {
      console.log("      skipped: there is no `ss` on this machine to list listening ports with");
      return this.skip();
    }
    const aws = await ensureLocalAws(await roots.create(), silent);
    const { stdout: now } = await execa("ss", ["-ltnpH"]);
    const listening = now.split("\n").filter((line) => line.includes(`pid=${aws.pid},`));
    assert.equal(listening.length, 1, `${listening.join("\n")} of ${stdout}`);
    assert.match(listening[0]!, new RegExp(` 127\\.0\\.0\\.1:${aws.port} `));
  });

  it("shows the end of its log when it does not start", async () => {
    const root = await roots.create();
    await ensureLocalAws(root, silent);
    await stopLocalAws(root, silent);
    await fs.rm(path.join(root, ".tributary/local/state/services"), { recursive: true });
    await fs.rm(path.join(root, ".tributary/local/server.lock"));
    await fs.mkdir(path.join(root, ".tributary/local/server.lock"));
    await assert.rejects(ensureLocalAws(root, silent), (error: TributaryError) => {
      assert.equal(error.code, "LocalAwsStartFailed");
      assert.match(error.message, /\| .*IsADirectoryError/);
      assert.match(error.next ?? "", /ministack\.log/);
      return true;
    });
    await fs.rmdir(path.join(root, ".tributary/local/server.lock"));
    assert.equal((await ensureLocalAws(root, silent)).stateLost, false, "a start that failed loses nothing");
  });

  for (const end of ["stopped", "killed"] as const) {
    it(`leaves no process behind when it is ${end} while functions run, and no file outside .tributary`, async function () {
      if (process.platform !== "linux") {
        console.log("      skipped: needs /proc to list processes with");
        return this.skip();
      }
      const root = await roots.create();
      const aws = await ensureLocalAws(root, silent);
      const { iam, lambda } = await clientsOf(aws);
      await iam.send(new CreateRoleCommand({ RoleName: "none", AssumeRolePolicyDocument: ASSUMABLE }));
      const source = `export const handler = async (event: { wait: number }) => { await new Promise((r) => setTimeout(r, event.wait)); };`;
      const code = {
        Runtime: "nodejs20.x" as const,
        Handler: "index.handler",
        Role: `arn:aws:iam::${aws.account}:role/none`,
        Timeout: 60,
        Code: { ZipFile: await functionArchive(source) },
      };
      await lambda.send(new CreateFunctionCommand({ FunctionName: "sleeper", ...code }));
      await lambda.send(new InvokeCommand({ FunctionName: "sleeper", Payload: '{"wait":1}' }));
      const running = lambda.send(new InvokeCommand({ FunctionName: "sleeper", Payload: '{"wait":30000}' }));
      running.catch(() => undefined);
      await sleep(500);
      assert.ok((await processesNaming(`${root}/`)).length >= 2, "a function is running");
      if (end === "killed") {
        await kill(aws);
      }
      const started = performance.now();
      await stopLocalAws(root, silent);
      assert.ok(performance.now() - started < 10_000, "does not wait for the function");
      for (let count = 0; count < 50 && (await processesNaming(`${root}/`)).length > 0; count++) {
        await sleep(100);
      }
      assert.deepEqual(await processesNaming(`${root}/`), []);
      assert.deepEqual(await fs.readdir(root), [".tributary"]);
      assert.deepEqual(await ours(), before_);
      assert.equal((await ensureLocalAws(root, silent)).stateLost, end === "killed");
      await eraseLocalAws(root);
      assert.deepEqual(await fs.readdir(path.join(root, ".tributary")), []);
    });
  }
});

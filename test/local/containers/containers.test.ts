import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import {
  CreateFunctionCommand,
  InvokeCommand,
  LambdaClient,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { build } from "esbuild";
import { execa } from "execa";
import {
  containersLack,
  ensureContainerHost,
  findContainerHost,
  invokeImage,
  stopContainerHost,
  type Answer,
  type ContainerHost,
} from "../../../automation/containers";
import { digestOf, Registry } from "../../../automation/containers/registry";
import { silent } from "../../../automation/events";
import { ensureLocalAws, findLocalAws, stopLocalAws, type LocalAws } from "../../../automation/local";
import { ASSUMABLE, Roots } from "../local-aws/support";
import { clientSettings, pushImage } from "./support";

/** Does what the event says, as a function of many sides. */
const HANDLER = `
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { readFileSync, writeFileSync } from "node:fs";
const s3 = new S3Client({ forcePathStyle: true });
let calls = 0;
const attempt = (work) => { try { return work() ?? "done"; } catch (error) { return error.code ?? String(error); } };
export async function handler(event, context) {
  calls++;
  if (event.do === "get") {
    try { return await (await s3.send(new GetObjectCommand(event.object))).Body.transformToString(); }
    catch (error) { return error.name + ": " + error.message; }
  }
  if (event.do === "throw") { const error = new Error(event.message); error.name = event.name; throw error; }
  if (event.do === "sleep") await new Promise((resolve) => setTimeout(resolve, event.ms));
  if (event.do === "allocate") { const all = []; for (;;) all.push(Buffer.alloc(10_000_000, 1)); }
  if (event.do === "fill") return attempt(() => { for (let n = 0; n < event.megabytes; n++) writeFileSync("/tmp/fill", Buffer.alloc(2 ** 20, 1), { flag: "a" }); });
  if (event.do === "look") return {
    uid: process.getuid(), version: VERSION, calls, context, env: process.env, node: process.version,
    capabilities: readFileSync("/proc/self/status", "utf8").match(/CapEff:\\s*(\\w+)/)[1],
    writes: Object.fromEntries(["/var/task/x", "/opt/x", "/x", "/tmp/x", "/proc/sys/kernel/hostname", "/sys/x"].map((file) => [file, attempt(() => writeFileSync(file, "x"))])),
    processes: readFileSync("/proc/1/cmdline", "utf8"),
  };
  return { calls, event, version: VERSION };
}`;

const ROLE = "container-reader";

describe("function images in containers", () => {
  const roots = new Roots();
  let root: string;
  let aws: LocalAws;
  let host: ContainerHost;
  let lambda: LambdaClient;
  let uri: string;

  const image = async (version: number, name = "functions") => {
    const { outputFiles } = await build({
      stdin: { contents: HANDLER, resolveDir: __dirname, loader: "ts" },
      define: { VERSION: String(version) },
      bundle: true,
      write: false,
      platform: "node",
      target: "node22",
      format: "cjs",
    });
    return pushImage(aws, name, { "var/task/handler.js": outputFiles[0]!.text }, { Cmd: ["handler.handler"] });
  };
  const ecr = (local: string) => local.replace(/^[^/]+/, `${aws.account}.dkr.ecr.${aws.region}.amazonaws.com`);
  const run = (event: object, call: object = {}) => invokeImage(host, uri, event, call);
  const valueOf = ({ payload, errorType, log }: Answer) => {
    assert.equal(errorType, undefined, `${payload}\n${log}`);
    return JSON.parse(payload);
  };
  const invoke = async (event: object) => {
    const command = new InvokeCommand({ FunctionName: "reader", Payload: JSON.stringify(event), LogType: "Tail" });
    const { Payload, FunctionError, LogResult } = await lambda.send(command);
    const log = Buffer.from(LogResult ?? "", "base64").toString();
    return { value: JSON.parse(Buffer.from(Payload!).toString()), error: FunctionError, log };
  };

  before(async function () {
    const lacks = await containersLack();
    if (lacks.length > 0) {
      console.log(`      skipped: this machine lacks ${lacks.map(({ what, next }) => `${what} (${next})`).join(", ")}`);
      return this.skip();
    }
    root = await roots.create();
    aws = await ensureLocalAws(root, silent);
    uri = await image(1);
    const settings = await clientSettings(aws);
    lambda = new LambdaClient(settings);
    const s3 = new S3Client({ ...settings, forcePathStyle: true });
    await s3.send(new CreateBucketCommand({ Bucket: "granted" }));
    for (const Key of ["open/a", "closed/b"])
      await s3.send(new PutObjectCommand({ Bucket: "granted", Key, Body: Key }));
    const iam = new IAMClient(settings);
    const role = await iam.send(new CreateRoleCommand({ RoleName: ROLE, AssumeRolePolicyDocument: ASSUMABLE }));
    const statement = { Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::granted/open/*" };
    const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
    await iam.send(new PutRolePolicyCommand({ RoleName: ROLE, PolicyName: "read", PolicyDocument }));
    await lambda.send(
      new CreateFunctionCommand({
        FunctionName: "reader",
        PackageType: "Image",
        Code: { ImageUri: ecr(uri) },
        Role: role.Role!.Arn,
        Timeout: 30,
        MemorySize: 256,
        Environment: { Variables: { MINE: "1" } },
      }),
    );
    const early = await invoke({});
    assert.equal(early.value.errorType, "ContainerHostMissing", "before a host runs");
    host = await ensureContainerHost(root, aws, silent);
  });

  after(() => roots.removeAll());

  it("two starts at once give the same host", async () => {
    const both = await Promise.all([1, 2].map(() => ensureContainerHost(root, aws, silent)));
    assert.deepEqual(both, [host, host]);
  });

  it("a function runs as Lambda's user, without rights, and writes to /tmp alone", async () => {
    const seen = valueOf(await run({ do: "look" }, { environment: { GIVEN: "yes" }, memory: 300, name: "looker" }));
    assert.equal(seen.uid, 993);
    assert.equal(seen.capabilities, "0000000000000000");
    assert.match(seen.node, /^v22\./);
    assert.match(seen.processes, /^\/var\/lang\/bin\/node/);
    const { "/tmp/x": tmp, ...others } = seen.writes;
    assert.equal(tmp, "done");
    for (const [file, result] of Object.entries(others)) assert.match(String(result), /EROFS|EACCES|EPERM/, file);
    assert.equal(seen.env.GIVEN, "yes");
    assert.equal(seen.env.AWS_LAMBDA_FUNCTION_NAME, "looker");
    assert.equal(seen.env.LAMBDA_TASK_ROOT, "/var/task");
    assert.equal(seen.context.memoryLimitInMB, "300");
    assert.deepEqual(
      Object.keys(seen.env).filter((name) => /TOKEN|SECRET|PASSPHRASE|TRIBUTARY/.test(name)),
      [],
      "nothing of this machine is seen",
    );
  });

  it("is answered through the local AWS's Lambda, with its own role and no other", async () => {
    const open = await invoke({ do: "get", object: { Bucket: "granted", Key: "open/a" } });
    assert.equal(open.value, "open/a", open.log);
    const closed = await invoke({ do: "get", object: { Bucket: "granted", Key: "closed/b" } });
    assert.match(String(closed.value), new RegExp(`^AccessDenied: .*assumed-role/${ROLE}/`));
    const seen = await invoke({ do: "look" });
    assert.equal(seen.value.env.MINE, "1");
    assert.equal(seen.value.context.functionName, "reader");
  });

  it("keeps the type of an error that the function names", async () => {
    const { value, error } = await invoke({ do: "throw", name: "SchemaMismatch", message: "no such column" });
    assert.equal(error, "Unhandled");
    assert.equal(value.errorType, "SchemaMismatch");
    assert.equal(value.errorMessage, "no such column");
  });

  it("a timeout, the memory's end and a full /tmp are what they are on Lambda", async () => {
    const late = await run({ do: "sleep", ms: 60_000 }, { timeout: 1 });
    assert.equal(late.errorType, "Sandbox.Timedout");
    assert.match(late.payload, /Task timed out after 1\.00 seconds/);
    const greedy = await run({ do: "allocate" }, { memory: 200, name: "greedy" });
    assert.equal(greedy.errorType, "Runtime.ExitError");
    assert.match(greedy.payload, /signal: killed/);
    const full = valueOf(await run({ do: "fill", megabytes: 600 }, { memory: 300, name: "filler" }));
    assert.equal(full, "ENOSPC");
    const enough = valueOf(await run({ do: "fill", megabytes: 400 }, { memory: 200, name: "other-filler" }));
    assert.equal(enough, "done", "more than its memory, but less than its /tmp");
  });

  it("an image that lacks, or a handler that lacks, is told", async () => {
    const missing = await invokeImage(host, uri.replace(/[0-9a-f]{64}$/, "0".repeat(64)), {});
    assert.equal(missing.errorType, "ImageMissing");
    const unknown = await run({}, { command: ["other.handler"] });
    assert.equal(unknown.errorType, "Runtime.ImportModuleError");
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [] }));
    const registry = new Registry({ host: `localhost:${aws.port}`, ca: await fs.readFile(aws.caFile, "utf8") });
    await registry.pushManifest("functions", index, "application/vnd.oci.image.index.v1+json");
    registry.close();
    const several = await invokeImage(host, uri.replace(/sha256:.*$/, digestOf(index)), {});
    assert.equal(several.errorType, "ImageInvalid");
    assert.match(several.payload, /index of several images/);
    const tagged = await invokeImage(host, `localhost:${aws.port}/functions:latest`, {});
    assert.equal(tagged.errorType, "ImageUriInvalid");
  });

  it("a function in Python runs on the stand-in for it", async () => {
    const source = `
import json, os, sys
def handler(event, context):
    if event.get("bad"):
        raise KeyError(event["bad"])
    return {"event": event, "python": sys.version_info[0], "name": context.function_name, "user": os.getuid()}`;
    const files = { "var/task/handler.py": source };
    const python = await pushImage(aws, "python", files, { Cmd: ["handler.handler"] }, "python");
    const answer = valueOf(await invokeImage(host, python, { a: "ü" }, { name: "snake" }));
    assert.deepEqual(answer, { event: { a: "ü" }, python: 3, name: "snake", user: 993 });
    const bad = await invokeImage(host, python, { bad: "key" }, { name: "snake" });
    assert.equal(bad.errorType, "KeyError");
  });

  it("calls that overlap have containers of their own, later ones use them again", async () => {
    const sleepers = [1, 2, 3, 4].map(() => run({ do: "sleep", ms: 3000 }, { name: "sleeper" }));
    const first = (await Promise.all(sleepers)).map((answer) => valueOf(answer).calls as number);
    assert.deepEqual(first, [1, 1, 1, 1]);
    assert.equal(valueOf(await run({}, { name: "sleeper" })).calls, 2);
  });

  it("new code and new settings take effect at once", async () => {
    assert.equal((await invoke({ a: 1 })).value.version, 1);
    const next = ecr(await image(2));
    await lambda.send(new UpdateFunctionCodeCommand({ FunctionName: "reader", ImageUri: next }));
    assert.equal((await invoke({ a: 1 })).value.version, 2);
    const Environment = { Variables: { MINE: "2" } };
    await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName: "reader", Environment }));
    assert.equal((await invoke({ do: "look" })).value.env.MINE, "2");
  });

  it("survives a kill of the host: nothing of it is left, and the next start works", async () => {
    valueOf(await run({}, { name: "before" }));
    assert.ok((await leftovers(root)).length > 0, "there are containers to lose");
    process.kill(host.pid, "SIGKILL");
    await untilNothingIsLeft(root);
    assert.equal(await findContainerHost(root), undefined);
    assert.equal((await invoke({})).value.errorType, "ContainerHostFailed");
    host = await ensureContainerHost(root, aws, silent);
    valueOf(await run({}, { name: "after" }));
  });

  it("ends with the local AWS, in the middle of calls too, and leaves nothing", async () => {
    const call = run({ do: "sleep", ms: 120_000 }, { timeout: 200, name: "long" }).catch((error: unknown) => error);
    await sleep(1500);
    const began = Date.now();
    await stopLocalAws(root, silent);
    assert.ok(Date.now() - began < 20_000, `the stop took ${Date.now() - began} ms`);
    await call;
    assert.equal(await findLocalAws(root), undefined);
    assert.equal(await findContainerHost(root), undefined);
    await untilNothingIsLeft(root);
    const files = await fs.readdir(path.join(root, ".tributary/local/containers"));
    assert.deepEqual(files.sort(), ["host.log", "layers", "logs"]);
    const groups = await fs.readdir("/sys/fs/cgroup");
    for (const folder of ["", ...groups]) {
      const names: string[] = await fs.readdir(path.join("/sys/fs/cgroup", folder)).catch(() => []);
      assert.ok(!names.includes(`tributary-${host.pid}`), `a control group is left in ${folder || "the root"}`);
    }
    await stopContainerHost(root);
  });
});

/** Processes, mounts and loop devices that belong to a checkout's host. */
async function leftovers(root: string): Promise<string[]> {
  const { stdout } = await execa("ps", ["-A", "-o", "pid=,args="]);
  const processes = stdout.split("\n").filter((line) => line.includes(root) && /runc|hostStart|unshare/.test(line));
  const mounts = (await fs.readFile("/proc/mounts", "utf8")).split("\n").filter((line) => line.includes(root));
  const loops = (await execa("losetup", ["--list", "--noheadings"], { reject: false })).stdout.split("\n");
  return [...processes, ...mounts, ...loops.filter((line) => line.includes(root))];
}

async function untilNothingIsLeft(root: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const left = await leftovers(root);
    if (left.length === 0) return;
    assert.ok(attempt < 50, `still there: ${left.join("\n")}`);
    await sleep(200);
  }
}

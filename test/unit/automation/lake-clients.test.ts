import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { planFiles } from "../../../automation/lake/files";
import { redrive } from "../../../automation/lake/redrive";
import { send } from "../../../automation/lake/send";
import { code, fakeLake } from "./fakes";

const signal = new AbortController().signal;
const quiet = () => undefined;

describe("redrive", () => {
  it("takes each failed object once, stage B first, even when it fails again at once", async () => {
    const depths: Record<string, number> = { "b-dlq": 2, "a-dlq": 12, "arrivals-dlq": 0 };
    const order: string[] = [];
    const { lake } = fakeLake((name, input) => {
      if (name === "GetQueueAttributesCommand")
        return { Attributes: { ApproximateNumberOfMessages: String(depths[String(input.QueueUrl)]) } };
      const { max } = JSON.parse(String(input.Payload)) as { max: number };
      order.push(String(input.FunctionName));
      return { Payload: Buffer.from(JSON.stringify({ redriven: Math.min(10, max), remaining: 99 })) };
    });
    const result = await redrive(lake, "engineering/meteorites", { max: 10_000 }, quiet, signal);
    assert.deepEqual(result, { redriven: { arrivals: 0, a: 12, b: 2 }, dropped: 0, failed: 0, remaining: 14 });
    assert.deepEqual(order, ["arn:b", "arn:a", "arn:a"]);
  });

  it("goes no further than it is told, and stops when nothing moves", async () => {
    const { lake } = fakeLake((name, input) => {
      if (name === "GetQueueAttributesCommand") return { Attributes: { ApproximateNumberOfMessages: "50" } };
      const redriven =
        input.FunctionName === "arn:a" ? 0 : Number((JSON.parse(String(input.Payload)) as { max: number }).max);
      return { Payload: Buffer.from(JSON.stringify({ redriven })) };
    });
    const { redriven } = await redrive(lake, "engineering/meteorites", { max: 3 }, quiet, signal);
    assert.deepEqual(redriven, { arrivals: 3, a: 0, b: 3 });
  });

  it("tells what its function failed with", async () => {
    const { lake } = fakeLake((name) =>
      name === "GetQueueAttributesCommand"
        ? { Attributes: { ApproximateNumberOfMessages: "1" } }
        : { FunctionError: "Unhandled", Payload: Buffer.from('{"errorType":"AccessDenied","errorMessage":"no"}') },
    );
    await assert.rejects(
      redrive(lake, "engineering/meteorites", { max: 1 }, quiet, signal),
      code("RedriveFailed", /stage-b-redrive.*AccessDenied: no/),
    );
  });
});

describe("sending", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), "send-"));
    await fs.writeFile(path.join(folder, "x.json"), "abc");
  });

  afterEach(() => fs.rm(folder, { recursive: true }));

  const sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  const files = () => planFiles([path.join(folder, "x.json")], "engineering/meteorites");

  /** A bucket that holds an object of the key, and control tables that hold these items of it. */
  const holding = (metadata: string, items: object[]) => {
    const puts: Record<string, unknown>[] = [];
    const { lake, asked } = fakeLake((name, input) => {
      if (name === "HeadObjectCommand")
        return { Metadata: { sha256: metadata }, ContentLength: 3, ETag: '"e"', VersionId: "v" };
      if (name === "QueryCommand") return { Items: items };
      if (input.IfNoneMatch) throw Object.assign(new Error("there is one"), { name: "PreconditionFailed" });
      puts.push(input);
      return { ETag: '"e2"', VersionId: "v2" };
    });
    lake.dynamodb = Object.assign(Object.create(DynamoDBDocumentClient.prototype), lake.dynamodb);
    return { lake, asked, puts };
  };

  it("puts a new file with its hash, in one request", async () => {
    let put: Record<string, unknown> = {};
    const { lake, asked } = fakeLake((_, input) => {
      put = input;
      return { ETag: '"e"', VersionId: "v" };
    });
    const [sent] = await send(lake, await files(), quiet, signal);
    assert.deepEqual([put.Bucket, put.Key, put.Metadata], ["raw", "engineering/meteorites/x.json", { sha256 }]);
    assert.deepEqual([sent!.sent, sent!.etag, sent!.versionId, sent!.outcome], [true, "e", "v", undefined]);
    assert.deepEqual(asked, ["PutObjectCommand"]);
  });

  it("does not send again what is there and known, and takes its outcome", async () => {
    const { lake, puts } = holding(sha256, [{ keyId: "k", version: "v", versionId: "v", status: "PROCESSED" }]);
    const [sent] = await send(lake, await files(), quiet, signal);
    assert.deepEqual([sent!.sent, sent!.outcome, sent!.versionId], [false, { status: "PROCESSED" }, "v"]);
    assert.deepEqual(puts, []);
  });

  it("waits for what is there and known, but has no outcome yet", async () => {
    const { lake, puts } = holding(sha256, [{ keyId: "k", version: "v", versionId: "v", status: "STAGE_A" }]);
    const [sent] = await send(lake, await files(), quiet, signal);
    assert.deepEqual([sent!.sent, sent!.outcome, puts.length], [false, undefined, 0]);
  });

  it("sends again what is there with another content, or what the lake never heard of", async () => {
    for (const metadata of ["other", sha256]) {
      const { lake, puts } = holding(metadata, []);
      const [sent] = await send(lake, await files(), quiet, signal);
      assert.deepEqual([sent!.sent, sent!.versionId, puts.length], [true, "v2", 1]);
    }
  });

  it("fails when S3 does, and does not take that for an absent object", async () => {
    const { lake } = fakeLake(() => {
      throw Object.assign(new Error("slow down"), { name: "SlowDown", $metadata: { httpStatusCode: 503 } });
    });
    await assert.rejects(send(lake, await files(), quiet, signal), /slow down/);
  });
});

import { strict as assert } from "node:assert";
import { GetItemCommand } from "@aws-sdk/client-dynamodb";
import { InvokeCommand } from "@aws-sdk/client-lambda";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { findLocalAws } from "../../../../automation/local";
import { keyIdOf } from "../../../../layer/identity";
import { clientsOf } from "../../local-aws/support";
import { dataset, ingest, lines, meteorite, type StatusResult } from "../../support/lake";
import type { Workspace } from "../../support/workspace";

type Json = Record<string, unknown>;

/** A deployed lake, called as AWS would call it: through the functions' aliases. */
export class Calls {
  private constructor(
    private readonly clients: Awaited<ReturnType<typeof clientsOf>>,
    readonly outputs: Record<string, unknown>,
  ) {}

  static async of(workspace: Workspace): Promise<Calls> {
    const aws = await findLocalAws(workspace.root);
    assert.ok(aws, "the local AWS runs");
    const { environments } = await workspace.json<StatusResult>(["status", "local"]);
    return new Calls(await clientsOf(aws), environments[0]?.outputs ?? {});
  }

  get functions(): Record<string, string> {
    return this.outputs.functions as Record<string, string>;
  }

  get lambda() {
    return this.clients.lambda;
  }

  get s3() {
    return this.clients.s3;
  }

  /** Calls a function; fails with what it said when it failed. */
  async invoke<T>(name: string, event: unknown): Promise<T> {
    const { Payload, FunctionError } = await this.clients.lambda.send(
      new InvokeCommand({ FunctionName: this.functions[name], Payload: JSON.stringify(event) }),
    );
    const text = Buffer.from(Payload ?? []).toString();
    assert.equal(FunctionError, undefined, `${name}: ${text}`);
    return JSON.parse(text) as T;
  }

  /** An item of the object metadata. */
  async object(keyId: string, version: string): Promise<Json | undefined> {
    const { Item } = await this.clients.dynamodb.send(
      new GetItemCommand({
        TableName: String(this.outputs.objectMetadataTable),
        Key: { keyId: { S: keyId }, version: { S: version } },
        ConsistentRead: true,
      }),
    );
    return Item && unmarshall(Item);
  }
}

const [team, name] = dataset.split("/") as [string, string];

/** A queue's event with one message. */
function queueEvent(body: unknown, group: string) {
  const attributes = { MessageGroupId: group, ApproximateReceiveCount: "1", SequenceNumber: "1", SentTimestamp: "0" };
  return {
    Records: [
      {
        messageId: "made-by-hand",
        receiptHandle: "none",
        body: JSON.stringify(body),
        attributes,
        messageAttributes: {},
        eventSource: "aws:sqs",
        eventSourceARN: "arn:aws:sqs:us-east-1:000000000000:by-hand.fifo",
        awsRegion: "us-east-1",
        md5OfBody: "",
      },
    ],
  };
}

/**
 * Sends a file through the lake, and then calls every function with an event of that object's flow; answers what each said, by
 * its name. Versions of the object that the flow does not know stand for its second life.
 */
export async function callEveryFunction(lake: Workspace, calls: Calls): Promise<Record<string, unknown>> {
  const file = await lake.input("every-function.json", lines(meteorite(9801), meteorite(9802)));
  const { objects } = await ingest(lake, file);
  const key = objects[0]?.key ?? "";
  const bucket = String(calls.outputs.rawBucket);
  const known = await currentVersion(calls, bucket, key);
  const ref = (version: string) => ({
    ...known,
    version,
    versionId: known.versionId,
    sequencer: version.padEnd(64, "0"),
  });
  const item = (version: string) => ({
    ref: ref(version),
    attempt: 0,
    lastAttempt: true,
    messageId: "made-by-hand",
    startedAt: new Date().toISOString(),
  });
  const answers: Record<string, unknown> = {};
  const call = async <T = Json>(name: string, event: unknown): Promise<T> => {
    const answer = await calls.invoke<T>(name, event);
    answers[name] = answer;
    return answer;
  };
  await call("routing", queueEvent(arrival(bucket, known), "none"));
  await call("stage-a-routing", queueEvent({ items: [known] }, "lane-0"));
  const before = await call("stage-a-preupdate-metadata", { items: [item("0A01")] });
  const processed = await call<Json & { processed: { preKey: string; rows: number }[] }>(
    "stage-a-process-object",
    before,
  );
  await call("stage-a-postupdate-metadata", processed);
  const doomed = await calls.invoke<{ items: unknown[] }>("stage-a-preupdate-metadata", { items: [item("0A02")] });
  const error = { code: "Refused", message: "by the test" };
  await call("stage-a-error", { ...doomed, failed: [{ item: doomed.items[0], error, final: true }], failedCount: 1 });
  await eventually(async () => (await calls.object(String(known.keyId), "0A01"))?.status === "PROCESSED");
  const { preKey, rows } = processed.processed[0]!;
  const handedOver = { ...ref("0A01"), preKey, rows };
  await call("stage-b-routing", queueEvent({ team, dataset: name, items: [handedOver] }, dataset));
  const batch = {
    team,
    dataset: name,
    batchId: "made-by-hand",
    startedAt: new Date().toISOString(),
    items: [handedOver],
  };
  const data = await call("stage-b-process-data", batch);
  // DuckDB's work is done by now; other engines' steps ask this function, here about a query that failed for the last time.
  await call("stage-b-check-job", {
    ...{ step: "athena", team, dataset: name, batchId: "made-by-hand", item: handedOver, phase: "check" },
    ...{ attempt: 3, finished: { error: "Athena.Failed", cause: "by the test" } },
  });
  const crawled = await call("stage-b-crawl-data", data);
  await call("stage-b-postupdate-metadata", crawled);
  await call("stage-b-error", { ...batch, failed: [{ item: handedOver, error, attempt: 1 }], failedCount: 1 });
  for (const redrive of ["redrive", "stage-a-redrive", "stage-b-redrive"]) {
    const { redriven, remaining } = await call(redrive, { team, dataset: name, max: 1 });
    assert.ok(Number(redriven) <= 1 && Number(remaining) >= 0, `${redrive}: ${redriven} redriven, ${remaining} remain`);
    // How many wait in a DLQ is what the lake's other tests left there.
    answers[redrive] = { redriven: typeof redriven, remaining: typeof remaining };
  }
  const request = { team, dataset: name, run: "made-by-hand", startedAt: "2026-01-01T00:00:00Z", origin: "command" };
  await call("backfill", { action: "finish", request: { ...request, again: false, dryRun: true }, results: [] });
  // What a lake holds is what its other tests left there.
  answers.reconcile = Object.keys(await call("reconcile", { team, dataset: name, rowsSince: null, limit: 0 })).sort();
  return withoutIdentity(answers, [
    bucket,
    key,
    String(known.keyId),
    String(known.versionId),
    String(known.version),
    String(known.sequencer),
  ]) as Record<string, unknown>;
}

async function currentVersion(calls: Calls, bucket: string, key: string): Promise<Json> {
  const keyId = keyIdOf(bucket, key);
  const current = await calls.object(keyId, "CURRENT");
  const known = await calls.object(keyId, String(current?.current));
  assert.ok(known, `${key} has a version`);
  const { team, dataset, version, versionId, sequencer, etag, size, group } = known;
  return {
    team,
    dataset,
    bucket,
    key,
    keyId,
    version,
    versionId,
    sequencer,
    etag,
    size,
    eventTime: known.receivedAt,
    group,
    redrives: 0,
  };
}

function arrival(bucket: string, { key, versionId, sequencer, etag, size }: Json) {
  return {
    version: "0",
    id: "by-hand",
    source: "aws.s3",
    account: "000000000000",
    region: "us-east-1",
    resources: [],
    "detail-type": "Object Created",
    time: new Date().toISOString(),
    detail: {
      version: "0",
      bucket: { name: bucket },
      object: { key, size, etag, "version-id": versionId, sequencer },
      "request-id": "by-hand",
      requester: "000000000000",
      reason: "PutObject",
    },
  };
}

async function eventually(check: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await check()); tries++) {
    assert.ok(tries < 120, "the lake never got there");
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** What two lakes answer alike: names of this lake's things and moments are taken out. */
function withoutIdentity(value: unknown, names: string[]): unknown {
  let text = JSON.stringify(value);
  names
    .filter((one) => one !== "undefined")
    .sort((a, b) => b.length - a.length)
    .forEach((one, index) => (text = text.replaceAll(one, `<${index}>`)));
  const timeless = text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>");
  return JSON.parse(timeless.replace(/"milliseconds":\d+/g, '"milliseconds":0'));
}

import { strict as assert } from "node:assert";
import { readFile, readdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { SendMessageBatchCommand } from "@aws-sdk/client-sqs";
import { BatchGetCommand, DynamoDBDocumentClient, paginateQuery } from "@aws-sdk/lib-dynamodb";
import type { LocalAws } from "../../../automation/local";
import type { LakeOutputs } from "../../../automation/lake/outputs";
import { dataset } from "../support/lake";
import { clientsOf } from "../local-aws/support";

/** What the tests read of an item. */
export interface Item {
  keyId: string;
  version: string;
  key: string;
  bucket: string;
  etag: string;
  size: number;
  sequencer: string;
  eventTime: string;
  status: string;
  redrives: number;
  /** ISO 8601, UTC. */
  updatedAt: string;
}

/** All items of the dataset's object versions. */
export async function itemsOf(aws: LocalAws, outputs: LakeOutputs): Promise<Item[]> {
  const { dynamodb } = await clientsOf(aws);
  const client = DynamoDBDocumentClient.from(dynamodb);
  const TableName = outputs.objectMetadataTable;
  const pages = paginateQuery(
    { client },
    {
      ...{ TableName, IndexName: "byDataset", KeyConditionExpression: "datasetId = :dataset" },
      ExpressionAttributeValues: { ":dataset": dataset },
    },
  );
  const keys: { keyId: string; version: string }[] = [];
  for await (const { Items = [] } of pages)
    keys.push(
      ...Items.map(({ keyId, version }) => ({ keyId, version }) as Item).filter((one) => one.version !== "CURRENT"),
    );
  const items: Item[] = [];
  for (let start = 0; start < keys.length; start += 100) {
    let Keys: object[] | undefined = keys.slice(start, start + 100);
    while (Keys && Keys.length > 0) {
      const answer: { Responses?: Record<string, unknown[]>; UnprocessedKeys?: Record<string, { Keys?: object[] }> } =
        await client.send(new BatchGetCommand({ RequestItems: { [TableName]: { Keys: Keys as never } } }));
      items.push(...((answer.Responses?.[TableName] ?? []) as Item[]));
      Keys = answer.UnprocessedKeys?.[TableName]?.Keys;
    }
  }
  return items;
}

/** Waits until so many objects have an item. */
export async function registered(aws: LocalAws, outputs: LakeOutputs, objects: number, seconds: number): Promise<void> {
  const until = Date.now() + seconds * 1_000;
  for (let known = 0; known < objects;) {
    known = new Set((await itemsOf(aws, outputs)).map(({ key }) => key)).size;
    if (Date.now() > until) assert.fail(`${known} of ${objects} objects are known after ${seconds} s`);
    await sleep(500);
  }
}

/** Items without an outcome. */
const withoutOutcome = (items: Item[]) => items.filter(({ status }) => status !== "PROCESSED" && status !== "FAILED");

/** Time after which nothing that a crashed function held is still hidden, and its next try has begun (ms). */
const STILL = 100_000;

/** Waits until every item has an outcome, or none of the others has moved for some time; answers the latter. */
export async function standingStill(aws: LocalAws, outputs: LakeOutputs, seconds: number): Promise<Item[]> {
  const until = Date.now() + seconds * 1_000;
  for (;;) {
    const open = withoutOutcome(await itemsOf(aws, outputs));
    if (open.every(({ updatedAt }) => Date.parse(updatedAt) < Date.now() - STILL)) return open;
    if (Date.now() > until) assert.fail(`${open.length} objects were still moving after ${seconds} s`);
    await sleep(1_500);
  }
}

/** Waits until so many objects have an item, and every item has an outcome. */
export async function settled(aws: LocalAws, outputs: LakeOutputs, objects: number, seconds: number): Promise<Item[]> {
  const until = Date.now() + seconds * 1_000;
  for (;;) {
    const items = await itemsOf(aws, outputs);
    const open = withoutOutcome(items);
    const keys = new Set(items.map(({ key }) => key)).size;
    if (keys >= objects && open.length === 0) return items;
    if (Date.now() > until) {
      const statuses = [...new Set(open.map(({ status }) => status))].join(", ");
      assert.fail(`${keys} of ${objects} objects are known, ${open.length} have no outcome (${statuses})`);
    }
    await sleep(1_500);
  }
}

/** Sends the events of objects once more, the newest first, each twice. */
export async function repeatEvents(aws: LocalAws, outputs: LakeOutputs, items: Item[]): Promise<number> {
  const { sqs } = await clientsOf(aws);
  const newestFirst = [...items].sort((a, b) => (a.sequencer < b.sequencer ? 1 : -1));
  const bodies = newestFirst.flatMap((item) => [eventOf(item), eventOf(item)]);
  for (let start = 0; start < bodies.length; start += 10) {
    const Entries = bodies.slice(start, start + 10).map((MessageBody, index) => ({ Id: String(index), MessageBody }));
    await sqs.send(new SendMessageBatchCommand({ QueueUrl: outputs.arrivalsQueueUrl, Entries }));
  }
  return bodies.length;
}

function eventOf({ bucket, key, size, etag, sequencer, eventTime }: Item): string {
  return JSON.stringify({
    ...{ version: "0", id: "00000000-0000-0000-0000-000000000000", "detail-type": "Object Created", source: "aws.s3" },
    ...{ account: "000000000000", time: eventTime, region: "us-east-1", resources: [`arn:aws:s3:::${bucket}`] },
    detail: { version: "0", bucket: { name: bucket }, object: { key, size, etag, sequencer } },
  });
}

/** Kills the process behind a function while it works; answers the function's name, if one was running. */
export async function killWorker(server: number, name: RegExp): Promise<string | undefined> {
  for (const pid of (await readdir("/proc")).filter((one) => /^\d+$/.test(one))) {
    const parent = /^PPid:\s+(\d+)$/m.exec(await read(`/proc/${pid}/status`))?.[1];
    if (Number(parent) !== server) continue;
    const fn = /AWS_LAMBDA_FUNCTION_NAME=([^\0]+)/.exec(await read(`/proc/${pid}/environ`))?.[1];
    if (fn === undefined || !name.test(fn)) continue;
    process.kill(Number(pid), "SIGKILL");
    return fn;
  }
  return undefined;
}

function read(file: string): Promise<string> {
  return readFile(file, "utf8").catch(() => "");
}

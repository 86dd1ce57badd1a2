import { HeadObjectCommand } from "@aws-sdk/client-s3";
import { GetCommand } from "@aws-sdk/lib-dynamodb";
import PQueue from "p-queue";
import { setTimeout as sleep } from "node:timers/promises";
import {
  noCounts,
  type BackfillCall,
  type BackfillCounts,
  type BackfillRequest,
  type BeginCall,
  type ListedObject,
} from "../backfill-messages";
import { client } from "../clients";
import { env } from "../config";
import { LayerError } from "../errors";
import { keyIdOf } from "../identity";
import { knownVersion, newestVersion } from "../known";
import { send } from "../queues";
import { createdEvent } from "../reconcile/createdEvent";
import { requireDataset } from "../store/datasets";
import type { ObjectItem } from "../store/metadata";
import { finish, watermarkId } from "./backfill-results";
import { itemsOfKey } from "./identified";

/** The parts of a backfill: what its state machine calls, state by state. */
export async function backfill(call: BackfillCall): Promise<unknown> {
  if (call.action === "begin") return begin(call);
  if (call.action === "named") return registerNamed(call.request, call.objects);
  if (call.action === "finish") return finish(call, call.request);
  const { Items } = call.input;
  const { request } = Items[0] as (typeof Items)[number];
  return registerAll(
    request,
    Items.map(({ object }) => object),
  );
}

/** How much earlier (ms) than the last run of a schedule the next one looks: clocks differ, uploads take long. */
const OVERLAP = 6 * 3_600_000;

async function begin({ run, startedAt, input }: BeginCall) {
  const { team, dataset, prefix, objects, origin, again, dryRun } = input;
  await requireDataset(team, dataset);
  const folder = `${team}/${dataset}/`;
  const since = input.since ?? (origin === "schedule" ? await sinceLastRun(team, dataset) : undefined);
  const request: BackfillRequest = { run, team, dataset, startedAt, origin, again, dryRun, ...(since && { since }) };
  return { request, prefix: folder + prefix, ...(objects && { objects: objects.map((key) => folder + key) }) };
}

async function sinceLastRun(team: string, dataset: string): Promise<string | undefined> {
  const request = {
    TableName: env("IDEMPOTENCY_TABLE"),
    Key: { id: watermarkId(team, dataset) },
    ConsistentRead: true,
  };
  const last = (await (await client("dynamodb")).send(new GetCommand(request))).Item?.startedAt as string | undefined;
  return last && new Date(Date.parse(last) - OVERLAP).toISOString();
}

/** How many objects are looked at at the same time. */
const CONCURRENCY = 16;

type Verdict = { event: string; size: number } | keyof Omit<BackfillCounts, "listed" | "sent" | "bytes">;

async function registerAll(request: BackfillRequest, objects: ListedObject[]): Promise<BackfillCounts> {
  const looks = new PQueue({ concurrency: CONCURRENCY });
  const verdicts = await looks.addAll(objects.map((object) => () => judge(request, object)));
  const counts = { ...noCounts(), listed: objects.length };
  const events: string[] = [];
  for (const verdict of verdicts) {
    if (typeof verdict === "string") {
      counts[verdict]++;
      continue;
    }
    events.push(verdict.event);
    counts.bytes += verdict.size;
  }
  if (!request.dryRun)
    await send(
      env("ARRIVALS_QUEUE_URL"),
      events.map((body) => ({ body })),
    );
  return { ...counts, sent: events.length };
}

async function registerNamed(request: BackfillRequest, keys: string[]): Promise<BackfillCounts> {
  // Without an entity tag nothing is known of it before it was looked at.
  const objects = [...new Set(keys)].map((Key) => ({ Key, Etag: "", LastModified: 0, Size: 1 }));
  const { since: _, ...rest } = request;
  return registerAll(rest, objects);
}

/** How long (ms) a version may stand registered without having been sent, before it counts as lost on the way. */
const STUCK = 15 * 60_000;

async function judge(request: BackfillRequest, listed: ListedObject): Promise<Verdict> {
  const { Key: key } = listed;
  if (!key.startsWith(`${request.team}/${request.dataset}/`)) {
    throw new LayerError("ForeignKey", `${key} does not belong to ${request.team}/${request.dataset}`);
  }
  // What consoles make to show an empty folder.
  if (key.endsWith("/") && listed.Size === 0) return "folders";
  const modified = toDate(listed.LastModified);
  if (request.since !== undefined && modified.getTime() < Date.parse(request.since)) return "older";
  const items = await itemsOfKey(keyIdOf(env("RAW_BUCKET"), key));
  const etag = listed.Etag.replaceAll('"', "");
  const known = etag === "" ? undefined : knownVersion({ etag }, items);
  if (known) return judgeKnown(request, known);
  const present = await look(key);
  if (present === undefined) return "gone";
  const same = knownVersion(present, items);
  if (same) return judgeKnown(request, same);
  const after = newestVersion(items)?.sequencer;
  const event = createdEvent({ bucket: env("RAW_BUCKET"), key, ...present, after }, requestOf(request));
  return { event, size: present.size };
}

function judgeKnown(request: BackfillRequest, known: ObjectItem): Verdict {
  const { status, updatedAt, bucket, key, size, etag, versionId, sequencer, eventTime } = known;
  const final = status === "PROCESSED" || status === "FAILED";
  const stuck = status === "RECEIVED" && Date.now() - Date.parse(updatedAt) > STUCK;
  if (!stuck && !(final && request.again)) return "known";
  const object = { bucket, key, size, etag, versionId, sequencer, lastModified: new Date(eventTime) };
  return { event: createdEvent(object, requestOf(request)), size };
}

function requestOf({ run, again }: BackfillRequest) {
  return { origin: "backfill", ...(again && { again: run }) } as const;
}

/** The version that lies in the bucket now; undefined when there is none any more. */
async function look(key: string) {
  const request = new HeadObjectCommand({ Bucket: env("RAW_BUCKET"), Key: key });
  try {
    const head = await (await client("s3")).send(request);
    const lastModified = head.LastModified ?? new Date(0);
    // A version that follows within the same second would be taken for an earlier one.
    const over = Math.floor(lastModified.getTime() / 1000) * 1000 + 1_000;
    if (over > Date.now()) await sleep(Math.min(over - Date.now(), 1_000));
    if (over > Date.now() + 1) return await look(key);
    const versionId = head.VersionId === "null" ? undefined : head.VersionId;
    const etag = (head.ETag ?? "").replaceAll('"', "");
    return { etag, versionId, size: head.ContentLength ?? 0, lastModified };
  } catch (error) {
    if ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 404) return undefined;
    throw error;
  }
}

function toDate(value: number | string): Date {
  return new Date(typeof value === "number" ? value * 1000 : value);
}

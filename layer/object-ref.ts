import { EventBridgeSchema } from "@aws-lambda-powertools/parser/schemas/eventbridge";
import { z } from "zod";
import type { ObjectRef } from "./messages";
import { groupId, keyIdOf, versionOf } from "./identity";
import { captured, type Group } from "./manifest/group";

/** What stands in an event that the lake itself made of an object it found in the bucket; S3's own have nothing of it. */
const requestSchema = z.object({
  /** Who asks for the object: only a dataset whose manifest allows it is triggered by events. */
  origin: z.enum(["backfill", "reconcile"]),
  /** Id of the run that wants a version processed once more that has its outcome. */
  again: z.string().min(1).max(100).optional(),
  /** ISO time. */
  lastModified: z.iso.datetime(),
});

/** What the lake's own events ask for. */
export type ArrivalRequest = z.infer<typeof requestSchema>;

/** S3's "Object Created" event as EventBridge delivers it: the key is plain there, not URL-encoded. */
const createdSchema = EventBridgeSchema.extend({
  source: z.literal("aws.s3"),
  "detail-type": z.literal("Object Created"),
  detail: z.object({
    bucket: z.object({ name: z.string().min(1) }),
    object: z.object({
      key: z.string().min(1).max(1024),
      size: z.number().int().min(0).default(0),
      etag: z.string().default(""),
      "version-id": z.string().min(1).max(1024).optional(),
      sequencer: z.string().regex(/^[0-9A-Fa-f]{1,64}$/),
    }),
    tributary: requestSchema.optional(),
  }),
});

/** An arrived object before its dataset is known; `group` and `redrives` are still missing. */
export type Arrival = Omit<ObjectRef, "group" | "redrives">;

/**
 * The object version that an event tells of. Team and dataset are what its key says; whether there is such a dataset is
 * for the caller to find out.
 *
 * @param body of an arrivals message
 * @returns the reason when it is no event about a new object
 */
export function parseArrival(body: string): { arrival: Arrival; request?: ArrivalRequest } | { problem: string } {
  let event: unknown;
  try {
    event = JSON.parse(body);
  } catch {
    return { problem: "the message is no JSON" };
  }
  const parsed = createdSchema.safeParse(event);
  if (!parsed.success) {
    return { problem: parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ") };
  }
  const { bucket, object, tributary: request } = parsed.data.detail;
  const versionId = object["version-id"];
  const identity = { versionId: versionId === "null" ? undefined : versionId, sequencer: object.sequencer };
  const { team, dataset } = owner(object.key);
  const keyId = keyIdOf(bucket.name, object.key);
  return {
    arrival: {
      ...{ team, dataset, bucket: bucket.name, key: object.key, keyId, version: versionOf(identity), ...identity },
      ...{ etag: object.etag.replaceAll('"', ""), size: object.size, eventTime: parsed.data.time },
    },
    ...(request && { request }),
  };
}

/** Team and dataset are the first two folders of a key; `unknown` where it has none. */
export function owner(key: string): { team: string; dataset: string } {
  const [team, dataset, rest] = key.split("/", 3);
  const known = rest !== undefined && team !== "" && dataset !== "";
  return known ? { team: team as string, dataset: dataset as string } : { team: "unknown", dataset: "unknown" };
}

/** Message group of an object: what the manifest's `group` says. */
export function groupOf(object: Arrival, group: Group): string {
  if (group === "object") return object.keyId;
  const dataset = `${object.team}/${object.dataset}`;
  if (group === "dataset") return groupId(dataset);
  if (group === "prefix") return groupId(`${object.bucket}\n${object.key.slice(0, object.key.lastIndexOf("/"))}`);
  const part = captured(group.key, object.key.slice(dataset.length + 1));
  // A folder's name never ends with a line feed and a text, so these groups meet no other kind.
  return part === undefined ? object.keyId : groupId(`${dataset}\n\n${part}`);
}

import { keyIdOf } from "../../layer/identity";
import { pagesOf } from "../../layer/store/query";
import type { Lake } from "./connect";
import { errorText } from "./executions";

/** What is known about one version of an object in the raw bucket. */
export interface SentObject {
  file: string;
  key: string;
  /** See `keyId`. */
  keyId: string;
  /** Without quotes. */
  etag: string;
  /** Of a bucket with versioning. */
  versionId: string | undefined;
}

/** An item of the object-metadata table, as far as the driver looks at it. */
export interface ObjectItem {
  keyId: string;
  version: string;
  versionId?: string;
  etag?: string;
  status?: string;
  error?: unknown;
  redrives?: number;
}

/** A final outcome. */
export interface ObjectOutcome {
  status: "PROCESSED" | "FAILED";
  error?: string;
}

/** Identity of a key in the control tables. */
export const keyId = keyIdOf;

/** An ETag without its quotes. */
export function plainEtag(etag: string | undefined): string {
  return (etag ?? "").replaceAll('"', "");
}

/**
 * The item of exactly this version of an object. Events carry the version id on AWS; where they do not, the newest item with
 * the object's ETag is its own (versions are sequencers there, which sort by age).
 */
export function matchItem(object: Pick<SentObject, "etag" | "versionId">, items: ObjectItem[]): ObjectItem | undefined {
  const versions = items.filter(({ version }) => version !== "CURRENT");
  const exact = versions.find(({ versionId }) => versionId !== undefined && versionId === object.versionId);
  if (exact) return exact;
  const alike = versions.filter(({ versionId, etag }) => versionId === undefined && plainEtag(etag) === object.etag);
  return alike.reduce<ObjectItem | undefined>(
    (newest, item) => (!newest || item.version > newest.version ? item : newest),
    undefined,
  );
}

/** The outcome that an item tells, if it is final. */
export function outcomeOf(item: ObjectItem | undefined): ObjectOutcome | undefined {
  if (item?.status === "PROCESSED") return { status: "PROCESSED" };
  if (item?.status !== "FAILED") return undefined;
  const error = errorText(item.error);
  return error === undefined ? { status: "FAILED" } : { status: "FAILED", error };
}

/** All items of a key, read consistently. */
export async function itemsOf(lake: Lake, id: string): Promise<ObjectItem[]> {
  const pages = pagesOf(
    {
      TableName: lake.outputs.objectMetadataTable,
      KeyConditionExpression: "#keyId = :id",
      ExpressionAttributeNames: { "#keyId": "keyId" },
      ExpressionAttributeValues: { ":id": id },
      ConsistentRead: true,
    },
    lake.dynamodb,
  );
  const items: ObjectItem[] = [];
  for await (const page of pages) items.push(...(page as unknown as ObjectItem[]));
  return items;
}

import {
  schemaDifference,
  type SchemaColumn,
  type SchemaDifference,
  type SchemaVersion,
} from "../../layer/store/schemas";
import { pagesOf } from "../../layer/store/query";
import type { Lake } from "./connect";
import { readItems } from "./history";

/** One version of what a dataset's objects look like, against the version before. */
export interface SchemaChange extends SchemaDifference {
  version: number;
  recordedAt: string;
  /** The object that looked so first; undefined where its item is gone. */
  object?: string;
  source: SchemaVersion["source"];
  columns: SchemaColumn[];
}

/** All versions of a dataset's schema as its objects had it, oldest first. */
export async function schemaHistory(lake: Lake, dataset: string): Promise<SchemaChange[]> {
  const versions = await versionsOf(lake, dataset);
  const objects = await objectsOf(lake, versions);
  return versions.map(({ version, recordedAt, source, columns }, index) => {
    const object = objects.get(nameOf(source));
    return {
      ...{ version, recordedAt, ...(object === undefined ? {} : { object }), source, columns },
      ...schemaDifference(versions[index - 1]?.columns ?? [], columns),
    };
  });
}

async function versionsOf(lake: Lake, dataset: string): Promise<SchemaVersion[]> {
  const pages = pagesOf(
    {
      TableName: lake.outputs.dataSchemasTable,
      KeyConditionExpression: "#datasetId = :datasetId",
      ExpressionAttributeNames: { "#datasetId": "datasetId" },
      ExpressionAttributeValues: { ":datasetId": dataset },
      ConsistentRead: true,
    },
    lake.dynamodb,
  );
  const versions: SchemaVersion[] = [];
  for await (const page of pages)
    for (const item of page as unknown as SchemaVersion[]) versions.push({ ...item, version: Number(item.version) });
  return versions;
}

/** Keys of the objects that versions came from. An object may be the source of several. */
async function objectsOf(lake: Lake, versions: SchemaVersion[]): Promise<Map<string, string>> {
  const sources = new Map(versions.map(({ source }) => [nameOf(source), source]));
  const items = await readItems(lake, [...sources.values()]);
  return new Map(
    items.flatMap((item) => {
      const { key } = item as { key?: unknown };
      return typeof key === "string" ? [[nameOf(item), key] as const] : [];
    }),
  );
}

function nameOf({ keyId, version }: SchemaVersion["source"]): string {
  return `${keyId}/${version}`;
}

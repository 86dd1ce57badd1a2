import { BatchGetCommand, paginateQuery } from "@aws-sdk/lib-dynamodb";
import type { Lake } from "./connect";
import type { ObjectItem } from "./objects";

/** Keys in one BatchGetItem; the service's limit. */
const batch = 100;
/** How far the functions' clocks may be behind ours, in milliseconds. */
const clockSkew = 5 * 60_000;
/** How much later than others an execution may be written down than it ended, in milliseconds. */
const lateness = 10_000;

/** An object version, as the control tables name it. */
export interface Version {
  keyId: string;
  version: string;
}

interface HistoryEntry extends Version {
  execution: string;
  stage: string;
  status: string;
}

/** Every version of a dataset whose execution failed at some time. */
export async function failedVersions(lake: Lake, dataset: string): Promise<Version[]> {
  const pages = paginateQuery(
    { client: lake.dynamodb },
    {
      TableName: lake.outputs.executionHistoryTable,
      KeyConditionExpression: "datasetId = :dataset",
      FilterExpression: "#status = :failed",
      ExpressionAttributeNames: { "#status": "status", "#version": "version" },
      ExpressionAttributeValues: { ":dataset": dataset, ":failed": "FAILED" },
      ProjectionExpression: "keyId, #version",
      ConsistentRead: true,
    },
  );
  const found = new Map<string, Version>();
  for await (const page of pages) {
    for (const { keyId, version } of (page.Items ?? []) as Version[])
      found.set(`${keyId} ${version}`, { keyId, version });
  }
  return [...found.values()];
}

/** Reads a dataset's execution history forward, from a little before now. */
export class HistoryReader {
  private cursor = new Date(Date.now() - clockSkew).toISOString();
  private readonly seen = new Set<string>();
  /** Versions that came to an end in the history, but whose item did not say so yet when it was read. */
  private readonly ended = new Map<string, Version>();

  constructor(
    private readonly lake: Lake,
    private readonly dataset: string,
  ) {}

  /** Versions whose item is worth reading now. */
  async news(): Promise<Version[]> {
    const found = new Map<string, Version>();
    for (const entry of await this.read()) {
      if (this.seen.has(entry.execution)) continue;
      this.seen.add(entry.execution);
      const { keyId, version } = entry;
      found.set(`${keyId} ${version}`, { keyId, version });
      if (entry.stage === "B" || entry.status === "FAILED") this.ended.set(`${keyId} ${version}`, { keyId, version });
    }
    return [...new Map([...this.ended, ...found]).values()];
  }

  /** Drops versions that nobody waits for. */
  forget(unwanted: (version: Version) => boolean): void {
    for (const [name, version] of this.ended) if (unwanted(version)) this.ended.delete(name);
  }

  private async read(): Promise<HistoryEntry[]> {
    const pages = paginateQuery(
      { client: this.lake.dynamodb },
      {
        TableName: this.lake.outputs.executionHistoryTable,
        KeyConditionExpression: "datasetId = :dataset AND #execution > :cursor",
        ExpressionAttributeNames: { "#execution": "execution", "#status": "status", "#version": "version" },
        ExpressionAttributeValues: { ":dataset": this.dataset, ":cursor": this.cursor },
        ProjectionExpression: "#execution, keyId, #version, stage, #status",
        ConsistentRead: true,
      },
    );
    const entries: HistoryEntry[] = [];
    for await (const page of pages) entries.push(...((page.Items ?? []) as HistoryEntry[]));
    this.cursor = advance(this.cursor, entries[entries.length - 1]?.execution);
    return entries;
  }
}

/** The place to read on from: a little before the newest entry, because an execution may be written down late. */
export function advance(cursor: string, newest: string | undefined): string {
  const endedAt = Date.parse(newest?.split("#")[0] ?? "");
  const next = Number.isNaN(endedAt) ? cursor : new Date(endedAt - lateness).toISOString();
  return next > cursor ? next : cursor;
}

/** Reads the items of versions, consistently, in batches. */
export async function readItems(lake: Lake, versions: Version[]): Promise<ObjectItem[]> {
  const items: ObjectItem[] = [];
  const table = lake.outputs.objectMetadataTable;
  for (let from = 0; from < versions.length; from += batch) {
    let keys: Record<string, unknown>[] | undefined = versions
      .slice(from, from + batch)
      .map(({ keyId, version }) => ({ keyId, version }));
    while (keys && keys.length > 0) {
      const answer: {
        Responses?: Record<string, Record<string, unknown>[]>;
        UnprocessedKeys?: Record<string, { Keys?: Record<string, unknown>[] }>;
      } = await lake.dynamodb.send(
        new BatchGetCommand({ RequestItems: { [table]: { Keys: keys, ConsistentRead: true } } }),
      );
      items.push(...((answer.Responses?.[table] ?? []) as unknown as ObjectItem[]));
      keys = answer.UnprocessedKeys?.[table]?.Keys;
    }
  }
  return items;
}

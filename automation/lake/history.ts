import { BatchGetCommand } from "@aws-sdk/lib-dynamodb";
import { pagesOf } from "../../layer/store/query";
import type { Lake } from "./connect";
import { entries, type Entry } from "./executions";
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

/** Every version of a dataset whose execution failed at some time. */
export async function failedVersions(lake: Lake, dataset: string): Promise<Version[]> {
  const found = new Map<string, Version>();
  for (const { keyId, version } of await entries(lake, { datasets: [dataset], status: "FAILED" }))
    found.set(`${String(keyId)} ${String(version)}`, { keyId: String(keyId), version: String(version) });
  return [...found.values()];
}

/** Reads what is added to a dataset's execution history, entry by entry, each once. */
export class HistoryCursor {
  private cursor: string;
  /** Entries behind the cursor's lateness, which the next reading gets again. */
  private seen = new Set<string>();

  /**
   * @param from entries that ended before are left out (ms since 1970)
   * @param only the attributes that are wanted; without it, all
   */
  constructor(
    private readonly lake: Lake,
    private readonly dataset: string,
    from: number,
    private readonly only?: readonly string[],
  ) {
    this.cursor = new Date(from).toISOString();
  }

  /** Entries that were added since the last reading, oldest first. */
  async read(): Promise<Entry[]> {
    const names = Object.fromEntries((this.only ?? []).map((name) => [`#${name}`, name]));
    const pages = pagesOf(
      {
        TableName: this.lake.outputs.executionHistoryTable,
        KeyConditionExpression: "#datasetId = :dataset AND #execution > :cursor",
        ExpressionAttributeNames: { ...names, "#datasetId": "datasetId", "#execution": "execution" },
        ExpressionAttributeValues: { ":dataset": this.dataset, ":cursor": this.cursor },
        ...(this.only ? { ProjectionExpression: Object.keys(names).join(", ") } : {}),
        ConsistentRead: true,
      },
      this.lake.dynamodb,
    );
    const entries: Entry[] = [];
    for await (const page of pages) entries.push(...(page as Entry[]));
    const news = entries.filter(({ execution }) => !this.seen.has(execution));
    this.cursor = advance(this.cursor, entries.at(-1)?.execution);
    this.seen = new Set(entries.map(({ execution }) => execution).filter((execution) => execution > this.cursor));
    return news;
  }
}

/** What a wait looks at. */
const attributes = ["execution", "keyId", "version", "stage", "status"] as const;

/** Tells from a dataset's execution history, from a little before now, which versions are worth looking at. */
export class HistoryReader {
  private readonly cursor: HistoryCursor;
  /** Versions that came to an end in the history, but whose item did not say so yet when it was read. */
  private readonly ended = new Map<string, Version>();

  constructor(lake: Lake, dataset: string) {
    this.cursor = new HistoryCursor(lake, dataset, Date.now() - clockSkew, attributes);
  }

  /** Versions whose item is worth reading now. */
  async news(): Promise<Version[]> {
    const found = new Map<string, Version>();
    for (const entry of await this.cursor.read()) {
      const { keyId, version } = entry as unknown as Version;
      found.set(`${keyId} ${version}`, { keyId, version });
      if (entry.stage === "B" || entry.status === "FAILED") this.ended.set(`${keyId} ${version}`, { keyId, version });
    }
    return [...new Map([...this.ended, ...found]).values()];
  }

  /** Drops versions that nobody waits for. */
  forget(unwanted: (version: Version) => boolean): void {
    for (const [name, version] of this.ended) if (unwanted(version)) this.ended.delete(name);
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

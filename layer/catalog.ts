import {
  BatchCreatePartitionCommand,
  GetTableCommand,
  StartCrawlerCommand,
  type StorageDescriptor,
} from "@aws-sdk/client-glue";
import { client } from "./clients";
import { env } from "./config";
import { LayerError } from "./errors";
import type { ProcessedB } from "./messages";
import { catalogueValues, partitionPath, type PartitionValues } from "./transform/partitions";

/** Most partitions of one request (Glue's limit). */
const BATCH = 100;

/** How long it is remembered that a partition is registered (ms): so long one that somebody removed stays missing. */
const REMEMBERED = 60_000;

const registered = new Map<string, number>();

/** Forgets what was registered; for tests. */
export function forgetPartitions(): void {
  registered.clear();
}

/**
 * Registers the partitions of the files in the catalogue; those that are there already stay as they are.
 *
 * @throws LayerError `CatalogFailed` when the catalogue refused one
 */
export async function registerPartitions(table: string, columns: string[], processed: ProcessedB[]): Promise<void> {
  if (columns.length === 0) return;
  const now = Date.now();
  const wanted = new Map<string, PartitionValues>();
  for (const values of processed.flatMap(({ partitions }) => partitions)) {
    const name = `${table}/${partitionPath(columns, values)}`;
    if ((registered.get(name) ?? 0) < now) wanted.set(name, values);
  }
  if (wanted.size === 0) return;
  const storage = await tableStorage(table);
  const all = [...wanted];
  for (let start = 0; start < all.length; start += BATCH) {
    const part = all.slice(start, start + BATCH);
    await createPartitions(
      table,
      columns,
      storage,
      part.map(([, values]) => values),
    );
    if (registered.size > 10_000) registered.clear();
    for (const [name] of part) registered.set(name, now + REMEMBERED);
  }
}

/** Starts a crawler; one that runs already will see the new files, or is started by the next batch. */
export async function startCrawler(Name: string): Promise<void> {
  try {
    await (await client("glue")).send(new StartCrawlerCommand({ Name }));
  } catch (error) {
    if ((error as Error).name !== "CrawlerRunningException") throw error;
  }
}

async function tableStorage(table: string): Promise<StorageDescriptor> {
  const { Table } = await (
    await client("glue")
  ).send(new GetTableCommand({ DatabaseName: env("DATABASE_NAME"), Name: table }));
  const storage = Table?.StorageDescriptor;
  if (!storage?.Location)
    throw new LayerError("CatalogFailed", `table ${table} in ${env("DATABASE_NAME")} has no location`);
  return storage;
}

async function createPartitions(
  table: string,
  columns: string[],
  storage: StorageDescriptor,
  partitions: PartitionValues[],
): Promise<void> {
  const location = (storage.Location as string).replace(/\/?$/, "/");
  const PartitionInputList = partitions.map((values) => ({
    Values: catalogueValues(values),
    StorageDescriptor: { ...storage, Location: location + partitionPath(columns, values) },
  }));
  const request = { DatabaseName: env("DATABASE_NAME"), TableName: table, PartitionInputList };
  const { Errors } = await (await client("glue")).send(new BatchCreatePartitionCommand(request));
  const refused = (Errors ?? []).filter(({ ErrorDetail }) => ErrorDetail?.ErrorCode !== "AlreadyExistsException");
  if (refused.length > 0) {
    const { PartitionValues: values, ErrorDetail } = refused[0] ?? {};
    const text = `${refused.length} partitions of ${table} were refused: ${values?.join("/")}: ${ErrorDetail?.ErrorCode}: ${ErrorDetail?.ErrorMessage}`;
    throw new LayerError("CatalogFailed", text);
  }
}

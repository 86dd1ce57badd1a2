import { PutObjectCommand } from "@aws-sdk/client-s3";
import { QueryCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileStem, stemOf } from "../../../layer/identity";
import { partitionKeys } from "../../../layer/manifest/output";
import { literal, sqlType } from "../../../layer/transform/sql";
import { NULL_PARTITION } from "../../../layer/transform/partitions";
import { withWorkspace } from "../../../layer/transform/workspace";
import type { Lake } from "../connect";
import { parquetMatches, type Search } from "./find";
import type { EraseOptions } from "./raw";
import { download, ifReplaced, keysOf } from "./versions";

/** What was done to files that the lake made, or would be. */
export interface DerivedReport {
  /** Files that were looked at. */
  scanned: number;
  /** Rows for which the condition held. */
  rows: number;
  /** Files that were written anew without these rows, or deleted. */
  changed: string[];
}

/** A report before anything was looked at. */
export const nothing = (): DerivedReport => ({ scanned: 0, rows: 0, changed: [] });

/** What these erasures need of an erasure's options. */
export type DerivedOptions = Pick<EraseOptions, "folder" | "dryRun" | "directory" | "signal" | "progress">;

/**
 * Takes rows out of Parquet files: those of the table, or those in quarantine. Names stay, so that the control tables need not know;
 * a file whose rows all go stays without rows.
 */
export async function eraseParquet(
  lake: Lake,
  search: Search,
  zone: "post" | "quarantine",
  options: DerivedOptions,
): Promise<DerivedReport> {
  const report = nothing();
  const touched = new Set<string>();
  const rows = new Map<string, number>();
  for await (const key of keysOf(lake, lake.outputs.stageBucket, `${zone}/${options.folder}`)) {
    if (!key.endsWith(".parquet")) continue;
    options.signal.throwIfAborted();
    const found = await withWorkspace(
      (directory) => eraseFile(lake, search, key, directory, options),
      options.directory,
    );
    if (!found) continue;
    report.scanned++;
    options.progress(`${report.scanned} files looked at`);
    const stem = stemOf(key);
    rows.set(stem, (rows.get(stem) ?? 0) + found.rows - found.matching);
    if (found.matching === 0) continue;
    report.rows += found.matching;
    report.changed.push(key);
    touched.add(stem);
  }
  if (!options.dryRun && zone === "post") {
    for (const stem of touched) await recount(lake, stem, rows.get(stem) ?? 0);
  }
  return report;
}

async function eraseFile(
  lake: Lake,
  search: Search,
  key: string,
  directory: string,
  { folder, dryRun }: DerivedOptions,
) {
  const bucket = lake.outputs.stageBucket;
  const file = join(directory, "file.parquet");
  const downloaded = await download(lake, bucket, key, file);
  if (downloaded === undefined) return undefined;
  const constants = key.startsWith("post/") ? folderValues(key.slice(`post/${folder}`.length), search) : new Map();
  const found = await parquetMatches(search.engine, file, search.condition, constants);
  if (found.matching === 0 || dryRun) return found;
  const left = join(directory, "left.parquet");
  await search.engine.connected(async (connection) => {
    const select = `SELECT * FROM read_parquet(${literal(file)}, hive_partitioning = false) WHERE NOT (${found.where})`;
    const { rowGroupSize } = search.manifest.output;
    await connection.run(
      `COPY (${select}) TO ${literal(left)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${rowGroupSize})`,
    );
  });
  const request = {
    Bucket: bucket,
    Key: key,
    Body: await readFile(left),
    ContentType: "application/vnd.apache.parquet",
  };
  // Published anew meanwhile, it may hold the rows again or not: the check at the end tells.
  await lake.s3.send(new PutObjectCommand({ ...request, IfMatch: downloaded.etag })).catch(ifReplaced);
  return found;
}

/** Values of the folders that a file is in, as SQL: of whole columns, which the file itself does not have. */
function folderValues(path: string, { manifest }: Search): Map<string, string> {
  const values = new Map<string, string>();
  const keys = partitionKeys(manifest).filter(({ by }) => by === undefined);
  for (const folder of path.split("/").slice(0, -1)) {
    const [name = "", ...rest] = folder.split("=");
    const key = keys.find((one) => one.name === name);
    const value = decodeURIComponent(rest.join("="));
    if (key)
      values.set(key.column, value === NULL_PARTITION ? "NULL" : `CAST(${literal(value)} AS ${sqlType(key.type)})`);
  }
  return values;
}

/** The rows of an object version as its files have them now; what reconciles compares both. */
async function recount(lake: Lake, stem: string, rows: number): Promise<void> {
  const TableName = lake.outputs.objectMetadataTable;
  const keyId = stem.slice(0, 32);
  const { Items = [] } = await lake.dynamodb.send(
    new QueryCommand({
      TableName,
      KeyConditionExpression: "keyId = :keyId",
      ExpressionAttributeValues: { ":keyId": keyId },
      ConsistentRead: true,
    }),
  );
  const item = (Items as { keyId: string; version: string }[]).find((one) => fileStem(one) === stem);
  if (!item) return;
  await lake.dynamodb.send(
    new UpdateCommand({
      TableName,
      Key: { keyId, version: item.version },
      UpdateExpression: "SET #rows = :rows",
      ConditionExpression: "attribute_exists(keyId)",
      ExpressionAttributeNames: { "#rows": "rows" },
      ExpressionAttributeValues: { ":rows": rows },
    }),
  );
}

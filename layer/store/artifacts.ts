import { PutCommand } from "@aws-sdk/lib-dynamodb";
import { client } from "../clients";
import { env } from "../config";
import { expiresAt } from "./expiry";

/** What a Stage B batch wrote. */
export interface Artifact {
  batchId: string;
  team: string;
  dataset: string;
  /** Which engine ran the SQL. */
  engine: string;
  /** SHA-256 of the SQL, hexadecimal: which transform made these files. */
  sqlDigest: string;
  /** Objects whose files these are. */
  objects: number;
  rows: number;
  /** Of the files; missing where the engine did not tell. */
  bytes?: number | undefined;
  /** Keys in the stage bucket. */
  files: string[];
  startedAt: string;
  endedAt: string;
}

/** Keys that an item has room for (DynamoDB: 400 KB, keys of about 150 bytes); `fileCount` tells how many there are. */
const MOST_FILES = 1_500;

/** Records what a batch wrote. Doing it again for the same batch changes nothing but the time. */
export async function recordArtifact(artifact: Artifact): Promise<void> {
  const { team, dataset, endedAt, files } = artifact;
  const Item = {
    ...artifact,
    datasetId: `${team}/${dataset}`,
    recordedAt: endedAt,
    files: files.slice(0, MOST_FILES),
    fileCount: files.length,
    expiresAt: expiresAt("HISTORY", endedAt),
  };
  await (await client("dynamodb")).send(new PutCommand({ TableName: env("ARTIFACTS_TABLE"), Item }));
}

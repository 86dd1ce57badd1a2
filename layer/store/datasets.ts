import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { client } from "../clients";
import { env } from "../config";
import { LayerError } from "../errors";
import { manifestSchema, type Manifest } from "../manifest-schema";

/** A dataset as the datasets table knows it. */
export interface Dataset {
  team: string;
  dataset: string;
  manifest: Manifest;
  stageAQueueUrl: string;
  stageADlqUrl: string;
  stageBQueueUrl: string;
  stageBDlqUrl: string;
  table: string;
  /** Name of its crawler, where the manifest asks for one. */
  crawler?: string;
}

const remembered = new Map<string, Promise<Dataset | undefined>>();

/**
 * A dataset, or undefined when there is none of that name. Read once in an invocation of the function, see `forgetDatasets`.
 *
 * @throws LayerError `DatasetInvalid` when its item cannot be used
 */
export async function findDataset(team: string, dataset: string): Promise<Dataset | undefined> {
  const name = JSON.stringify([team, dataset]);
  const known = remembered.get(name);
  if (known) return known;
  const reading = read(team, dataset);
  remembered.set(name, reading);
  // A failure is not remembered: another object may have better luck.
  reading.catch(() => remembered.delete(name));
  return reading;
}

/**
 * A dataset that has to be there.
 *
 * @throws LayerError `DatasetMissing`; `DatasetInvalid`
 */
export async function requireDataset(team: string, dataset: string): Promise<Dataset> {
  const found = await findDataset(team, dataset);
  if (!found)
    throw new LayerError("DatasetMissing", `there is no dataset ${team}/${dataset} in ${env("DATASETS_TABLE")}`);
  return found;
}

/**
 * Forgets what was read. Handlers do it first in every invocation: after a deployment, what is redriven meets the mended
 * manifest and not the one that a warm function remembers.
 */
export function forgetDatasets(): void {
  remembered.clear();
}

async function read(team: string, dataset: string): Promise<Dataset | undefined> {
  // The table's keys are shorter than this by their schema; longer ones are refused by DynamoDB as an error.
  if (team.length > 64 || dataset.length > 64) return undefined;
  const { Item } = await (
    await client("dynamodb")
  ).send(new GetCommand({ TableName: env("DATASETS_TABLE"), Key: { team, dataset }, ConsistentRead: true }));
  if (!Item) return undefined;
  const manifest = manifestSchema.safeParse(parse(Item.manifest));
  if (!manifest.success) {
    throw new LayerError(
      "DatasetInvalid",
      `the manifest of ${team}/${dataset} in ${env("DATASETS_TABLE")}: ${manifest.error.message}`,
    );
  }
  return { ...Item, manifest: manifest.data } as Dataset;
}

function parse(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return undefined;
  }
}

import { TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import { TransactWriteCommand, type TransactWriteCommandInput } from "@aws-sdk/lib-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { setTimeout as sleep } from "node:timers/promises";
import { client } from "../clients";
import { LayerError } from "../errors";
import { metricsWrites, type Count } from "./metrics";

/** One write of a transaction. */
export type Write = NonNullable<TransactWriteCommandInput["TransactItems"]>[number];

/** Writes that belong together: all of them happen, or none. */
export type Unit = Write[];

/** What became of a unit: written, or refused by a condition. */
export type Committed = { written: true } | { written: false; refused: { index: number; item: Item | undefined } };

/** An item as DynamoDB gave it back. */
export type Item = Record<string, unknown>;

/** Most writes of one transaction (DynamoDB's limit). */
const LIMIT = 100;

/** Tries of one transaction that other writers get in the way of. */
const TRIES = 6;

/**
 * Writes units with as few requests as possible: many units share a transaction. A unit whose condition does not hold is
 * taken out and reported with the item that stands in its way; the others are written all the same. Units that touch
 * the same item are written one after the other, in their order.
 *
 * @param counts what each unit counts for: added to the metrics in the same transaction, so that a unit that is written is
 *   counted, once, and no other
 * @returns one answer for each unit, in their order
 * @throws LayerError `StoreBusy` when other writers were in the way six times; what the SDK throws otherwise
 */
export async function commit(units: Unit[], counts: (Count | undefined)[] = []): Promise<Committed[]> {
  const answers: Committed[] = units.map(() => ({ written: true }));
  for (const chunk of chunks(units, counts)) await commitChunk({ units, counts }, chunk, answers);
  return answers;
}

/** What is to be written. */
interface Work {
  units: Unit[];
  counts: (Count | undefined)[];
}

async function commitChunk({ units, counts }: Work, chunk: number[], answers: Committed[]): Promise<void> {
  let left = chunk;
  for (let tries = 1; left.length > 0; tries++) {
    // Anew in every try: units that were refused count nothing, and another shard is less in the way of others.
    const metrics = metricsWrites(left.map((index) => counts[index]));
    const cancelled = await transact([...left.flatMap((index) => units[index] as Unit), ...metrics]);
    if (cancelled === undefined) return;
    const refused = refusals(left, units, cancelled);
    for (const [index, refusal] of refused) answers[index] = { written: false, refused: refusal };
    left = left.filter((index) => !refused.has(index));
    if (refused.size > 0) continue;
    if (tries >= TRIES) throw new LayerError("StoreBusy", `a transaction was refused ${tries} times`, cancelled);
    await sleep(25 * 2 ** tries * (0.5 + Math.random()));
  }
}

async function transact(writes: Write[]): Promise<TransactionCanceledException | undefined> {
  try {
    await (await client("dynamodb")).send(new TransactWriteCommand({ TransactItems: writes }));
    return undefined;
  } catch (error) {
    if (error instanceof TransactionCanceledException || (error as Error).name === "TransactionCanceledException") {
      return error as TransactionCanceledException;
    }
    throw error;
  }
}

function refusals(
  left: number[],
  units: Unit[],
  cancelled: TransactionCanceledException,
): Map<number, { index: number; item: Item | undefined }> {
  const found = new Map<number, { index: number; item: Item | undefined }>();
  let position = 0;
  for (const unit of left) {
    for (let index = 0; index < (units[unit] as Unit).length; index++, position++) {
      const reason = cancelled.CancellationReasons?.[position];
      if (reason?.Code === "ConditionalCheckFailed" && !found.has(unit)) {
        // The document client leaves errors as they are.
        found.set(unit, { index, item: reason.Item && unmarshall(reason.Item) });
      }
    }
  }
  return found;
}

/** Indexes of the units, so that no chunk holds too many writes, those of its metrics included, or the same item twice. */
function chunks(units: Unit[], counts: Work["counts"]): number[][] {
  const found: number[][] = [];
  let current: number[] = [];
  let size = 0;
  let touched = new Set<string>();
  let counted = new Set<string>();
  units.forEach((unit, index) => {
    const keys = unit.map(itemKey);
    const count = counts[index];
    const datasets = count ? [`${count.team}/${count.dataset}`] : [];
    const writes = size + unit.length + new Set([...counted, ...datasets]).size;
    if (current.length > 0 && (writes > LIMIT || keys.some((key) => touched.has(key)))) {
      found.push(current);
      [current, size, touched, counted] = [[], 0, new Set(), new Set()];
    }
    current.push(index);
    size += unit.length;
    keys.forEach((key) => touched.add(key));
    datasets.forEach((dataset) => counted.add(dataset));
  });
  return current.length > 0 ? [...found, current] : found;
}

function itemKey(write: Write): string {
  const { Put, Update } = write;
  const item: Item = Put?.Item ?? Update?.Key ?? {};
  const names = ["keyId", "version", "datasetId", "execution", "day", "id"].map((name) => item[name]);
  return JSON.stringify([Put?.TableName ?? Update?.TableName, names]);
}

import { env } from "../config";
import { LayerError } from "../errors";
import { sortable } from "../identity";
import { log } from "../log";
import type { HandedOver, ProcessedB, StageBState } from "../messages";
import { deleteFiles } from "../objects";
import { historyEntry, type Execution } from "../store/history";
import { CURRENT, readItems, transition, updateExpression, type CurrentItem, type ObjectItem } from "../store/metadata";
import { commit, type Committed, type Unit, type Write } from "../store/transactions";

/** Rounds of reading and writing, when others publish versions of the same keys meanwhile. */
const ROUNDS = 8;

/**
 * After Stage B's work: makes the files of every object the current ones of its key, unless a later version is current
 * already, and deletes the files of the version that lost.
 */
export async function publish(state: StageBState): Promise<StageBState> {
  let open = state.processed ?? [];
  for (let round = 1; open.length > 0; round++) {
    if (round > ROUNDS)
      throw new LayerError("StoreBusy", `${open.length} objects could not be published in ${ROUNDS} rounds`);
    const now = onePerKey(open);
    const again = await publishRound(state, now);
    open = [...again, ...open.filter((one) => !now.includes(one))];
  }
  return state;
}

/** Versions of one key are published one after the other. */
function onePerKey(processed: ProcessedB[]): ProcessedB[] {
  return [...new Map([...processed].reverse().map((one) => [one.item.keyId, one])).values()];
}

async function publishRound(state: StageBState, processed: ProcessedB[]): Promise<ProcessedB[]> {
  const currents = await readCurrents(processed.map(({ item }) => item));
  const currentOf = (one: ProcessedB) => currents.get(one.item.keyId);
  const losers = processed.filter((one) => isLater(currentOf(one), one.item));
  // Before they are recorded as processed: afterwards nobody would look for their files.
  await deleteFiles(
    env("STAGE_BUCKET"),
    losers.flatMap(({ files }) => files),
  );
  const units = processed.map((one) => unit(state, one, currentOf(one), losers.includes(one)));
  const answers = await commit(units);
  const again: ProcessedB[] = [];
  const winners: ProcessedB[] = [];
  for (const [index, one] of processed.entries()) {
    const verdict = judge(one, answers[index] as Committed, losers.includes(one), currentOf(one));
    if (verdict === "again") again.push(one);
    if (verdict === "stray") await deleteFiles(env("STAGE_BUCKET"), one.files);
    if (verdict === "current" && !losers.includes(one)) winners.push(one);
  }
  await sweep(
    winners.map((one) => ({
      ...{ keyId: one.item.keyId, current: one.item.version },
      obsolete: obsoleteAfter(one.files, currentOf(one)),
    })),
  );
  return again;
}

function isLater(current: CurrentItem | undefined, item: HandedOver): boolean {
  if (current === undefined || current.current === item.version) return false;
  const mine = sortable(item.sequencer);
  return current.sequencer > mine || (current.sequencer === mine && current.current > item.version);
}

function unit(state: StageBState, one: ProcessedB, current: CurrentItem | undefined, lost: boolean): Unit {
  const { item, rows, files } = one;
  const supersededBy = lost ? current?.current : undefined;
  const change = {
    status: "PROCESSED",
    rows,
    postFiles: lost ? [] : files,
    batchId: state.batchId,
    supersededBy,
  } as const;
  const processed = transition(item, ["STAGE_A_DONE", "STAGE_B"], change, { remove: ["stage", "error"] });
  const history = historyEntry({ ...stageBExecution(state, item, one.attempt), status: "SUCCEEDED", rows });
  if (lost) return [processed, history];
  const replaced = current !== undefined && current.current !== item.version ? [supersede(current, item.version)] : [];
  return [processed, history, makeCurrent(one, current), ...replaced];
}

/** What all Stage B entries of the history have in common. */
export function stageBExecution(state: StageBState, item: HandedOver, attempt: number): Omit<Execution, "status"> {
  const { team, dataset, key, keyId, version } = item;
  const endedAt = new Date().toISOString();
  return { team, dataset, stage: "B", object: key, keyId, version, startedAt: state.startedAt, endedAt, attempt };
}

function makeCurrent({ item, files }: ProcessedB, current: CurrentItem | undefined): Write {
  const obsolete = obsoleteAfter(files, current);
  const change = { current: item.version, sequencer: sortable(item.sequencer), files, obsolete };
  const { expression, names, values } = updateExpression(change);
  return {
    Update: {
      TableName: env("OBJECT_METADATA_TABLE"),
      Key: { keyId: item.keyId, version: CURRENT },
      UpdateExpression: expression,
      ConditionExpression: current ? "#current = :was AND #sequencer = :wasSequencer" : "attribute_not_exists(keyId)",
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: current
        ? { ...values, ":was": current.current, ":wasSequencer": current.sequencer }
        : values,
    },
  };
}

function obsoleteAfter(files: string[], current: CurrentItem | undefined): string[] {
  const former = [...(current?.files ?? []), ...(current?.obsolete ?? [])];
  return [...new Set(former)].filter((file) => !files.includes(file));
}

function supersede(current: CurrentItem, by: string): Write {
  const change = { supersededBy: by, postFiles: [] };
  return transition({ keyId: current.keyId, version: current.current }, ["PROCESSED"], change);
}

type Verdict = "current" | "again" | "stray" | "done";

function judge(one: ProcessedB, answer: Committed, lost: boolean, current: CurrentItem | undefined): Verdict {
  if (answer.written) return lost ? "done" : "current";
  const { index, item } = answer.refused;
  if (index > 0) return "again";
  const known = item as ObjectItem | undefined;
  if (known?.status === "PROCESSED" && known.supersededBy === undefined)
    return current?.current === one.item.version ? "current" : "again";
  log.warn("decided elsewhere", { key: one.item.key, status: known?.status });
  return "stray";
}

/** The items that say which version of each key is current, by the key's id. */
export async function readCurrents(items: HandedOver[]): Promise<Map<string, CurrentItem>> {
  const found = await readItems<CurrentItem>(items.map(({ keyId }) => ({ keyId, version: CURRENT })));
  return new Map([...found.values()].map((current) => [current.keyId, current]));
}

/** Deletes the files of versions that are not current any more. What is interrupted here, the next call finishes. */
export async function sweep(currents: Pick<CurrentItem, "keyId" | "current" | "obsolete">[]): Promise<void> {
  const open = currents.filter(({ obsolete }) => obsolete !== undefined && obsolete.length > 0);
  if (open.length === 0) return;
  await deleteFiles(
    env("STAGE_BUCKET"),
    open.flatMap(({ obsolete = [] }) => obsolete),
  );
  await commit(open.map((current) => [forgetObsolete(current)]));
}

function forgetObsolete({ keyId, current }: Pick<CurrentItem, "keyId" | "current">): Write {
  return {
    Update: {
      TableName: env("OBJECT_METADATA_TABLE"),
      Key: { keyId, version: CURRENT },
      UpdateExpression: "REMOVE #obsolete",
      ConditionExpression: "#current = :version",
      ExpressionAttributeNames: { "#current": "current", "#obsolete": "obsolete" },
      ExpressionAttributeValues: { ":version": current },
    },
  };
}

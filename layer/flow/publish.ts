import { env } from "../config";
import { LayerError } from "../errors";
import { digest, sortable } from "../identity";
import { log } from "../log";
import type { Manifest } from "../manifest-schema";
import type { ProcessedB, StageBState } from "../messages";
import { deleteFiles } from "../objects";
import { recordArtifact } from "../store/artifacts";
import { isLater, nameOf, readCurrents } from "../store/currents";
import { requireDataset } from "../store/datasets";
import { recordEvent } from "../store/events";
import { historyEntry } from "../store/history";
import {
  CURRENT,
  itemName,
  readItems,
  transition,
  updateExpression,
  type CurrentItem,
  type ObjectItem,
} from "../store/metadata";
import type { Count } from "../store/metrics";
import { commit, type Committed, type Unit, type Write } from "../store/transactions";
import { staleRows } from "./stale-rows";
import { triesOf, type Tries } from "./tries-b";
import { filesOf } from "./withdraw";

/** Rounds of reading and writing, when others publish versions of the same keys meanwhile. */
const ROUNDS = 8;

/**
 * After Stage B's work: makes the files of every object the current ones of its key, unless a later version is current
 * already, and deletes the files of the version that lost.
 */
export async function publish(state: StageBState): Promise<StageBState> {
  const tries = triesOf(state, await manifestOf(state));
  const batch: Batch = { state, tries, overtaken: new Set(), made: new Map() };
  let open = state.processed ?? [];
  for (let round = 1; open.length > 0; round++) {
    if (round > ROUNDS)
      throw new LayerError("StoreBusy", `${open.length} objects could not be published in ${ROUNDS} rounds`);
    const now = onePerKey(open);
    const again = await publishRound(batch, now);
    open = [...again, ...open.filter((one) => !now.includes(one))];
  }
  await tellArtifact(state);
  const stale = await staleRows(state, batch.overtaken);
  return { ...state, ...(stale && { stale }) };
}

/** Undefined where it cannot be read: what was made of the objects is published all the same. */
async function manifestOf({ team, dataset }: StageBState): Promise<Manifest | undefined> {
  try {
    return (await requireDataset(team, dataset)).manifest;
  } catch (error) {
    log.warn("the results of expectations are not recorded", error as Error);
    return undefined;
  }
}

async function tellQuarantined({ item, quarantined }: ProcessedB): Promise<void> {
  if (quarantined === undefined) return;
  const { team, dataset, keyId, key, version } = item;
  const detail = { key, version, rows: quarantined.rows, file: quarantined.key };
  await recordEvent({ team, dataset, kind: "quarantined", objectKeyId: keyId, detail }).catch((error: unknown) =>
    log.warn("could not record the quarantine", { key, error: error as Error }),
  );
}

/** Says what the batch wrote; the table does not depend on it. */
async function tellArtifact(state: StageBState): Promise<void> {
  const { batchId, team, dataset, startedAt, engine = "duckdb", processed = [] } = state;
  if (processed.length === 0) return;
  try {
    const { manifest } = await requireDataset(team, dataset);
    await recordArtifact({
      ...{ batchId, team, dataset, engine, startedAt, endedAt: new Date().toISOString() },
      sqlDigest: digest(manifest.sql, 64),
      objects: processed.length,
      rows: processed.reduce((sum, { rows }) => sum + rows, 0),
      bytes: processed.every(({ bytes }) => bytes === undefined)
        ? undefined
        : processed.reduce((sum, { bytes = 0 }) => sum + bytes, 0),
      files: processed.flatMap(({ files }) => files),
    });
  } catch (error) {
    log.warn("could not record what the batch wrote", { batchId, error: error as Error });
  }
}

/** Versions of one key are published one after the other. */
function onePerKey(processed: ProcessedB[]): ProcessedB[] {
  return [...new Map([...processed].reverse().map((one) => [one.item.keyId, one])).values()];
}

/** A batch, and what is recorded about its objects. */
interface Batch {
  state: StageBState;
  tries: Tries;
  /** Keys whose current version is not the one that was there when the rows were committed. */
  overtaken: Set<string>;
  /** Versions that this publication made current, by their keys. */
  made: Map<string, string>;
}

async function publishRound(batch: Batch, processed: ProcessedB[]): Promise<ProcessedB[]> {
  const currents = await readCurrents(processed.map(({ item }) => item));
  const currentOf = (one: ProcessedB) => currents.get(one.item.keyId);
  const losers = processed.filter((one) => isLater(currentOf(one), one.item));
  for (const one of processed) if (isOvertaken(batch, one, currentOf(one))) batch.overtaken.add(one.item.keyId);
  // Before they are recorded as processed: afterwards nobody would look for their files.
  await deleteFiles(env("STAGE_BUCKET"), losers.flatMap(filesOf));
  const supersedes = await supersedable([...currents.values()]);
  const answers = await commit(
    processed.map((one) => unit(batch, one, { current: currentOf(one), supersedes }, losers.includes(one))),
    processed.map((one) => counted(batch.tries, one, losers.includes(one))),
  );
  const again: ProcessedB[] = [];
  const winners: ProcessedB[] = [];
  for (const [index, one] of processed.entries()) {
    const verdict = judge(one, answers[index] as Committed, losers.includes(one), currentOf(one));
    if (verdict === "again") again.push(one);
    if (verdict === "stray") await deleteFiles(env("STAGE_BUCKET"), filesOf(one));
    if (verdict !== "current" || losers.includes(one)) continue;
    winners.push(one);
    batch.made.set(one.item.keyId, one.item.version);
    if (answers[index]?.written) await tellQuarantined(one);
  }
  await sweep(
    winners.map((one) => ({
      ...{ keyId: one.item.keyId, current: one.item.version },
      obsolete: obsoleteAfter(filesOf(one), currentOf(one)),
    })),
  );
  return again;
}

/** An engine commits the versions of a batch in their order: an earlier one of the same batch was there before. */
function isOvertaken({ made }: Batch, { item, seen = "" }: ProcessedB, current: CurrentItem | undefined): boolean {
  if (nameOf(current) === seen) return false;
  return isLater(current, item) || current === undefined || made.get(item.keyId) !== current.current;
}

function counted(tries: Tries, one: ProcessedB, lost: boolean): Count {
  const { rows, files, quarantined } = one;
  const written = lost ? { superseded: 1 } : { files: files.length, quarantined: quarantined?.rows ?? 0 };
  return tries.count(one, { processed: 1, rows, ...written });
}

/**
 * Versions that say of themselves that they are the table's. One that was taken back, to be processed once more, finds the later
 * version itself when it comes here again; of one without an item there is nothing to say.
 */
async function supersedable(currents: CurrentItem[]): Promise<Set<string>> {
  const named = currents.map(({ keyId, current }) => ({ keyId, version: current }));
  const items = named.length === 0 ? [] : [...(await readItems(named)).values()];
  return new Set(items.filter(({ status }) => status === "PROCESSED").map(itemName));
}

/** What the table holds of a key now, and which versions can be marked as superseded. */
interface Before {
  current: CurrentItem | undefined;
  supersedes: Set<string>;
}

function unit({ state, tries }: Batch, one: ProcessedB, before: Before, lost: boolean): Unit {
  const { current, supersedes } = before;
  const { item, rows, files } = one;
  const quarantined = lost ? undefined : one.quarantined;
  const supersededBy = lost ? current?.current : undefined;
  const change = {
    status: "PROCESSED",
    rows,
    postFiles: lost ? [] : files,
    batchId: state.batchId,
    supersededBy,
    quarantined,
  } as const;
  const remove: (keyof ObjectItem)[] = [
    ...(["stage", "error"] as const),
    ...(quarantined ? [] : (["quarantined"] as const)),
    ...(lost ? [] : (["supersededBy"] as const)),
  ];
  const processed = transition(item, ["STAGE_A_DONE", "STAGE_B"], change, { remove });
  const history = historyEntry({ ...tries.entry(one), status: "SUCCEEDED", rows });
  if (lost) return [processed, history];
  const replaces =
    current !== undefined &&
    current.current !== item.version &&
    supersedes.has(itemName({ keyId: current.keyId, version: current.current }));
  const replaced = replaces ? [supersede(current, item.version)] : [];
  return [processed, history, makeCurrent(one, current), ...replaced];
}

function makeCurrent(one: ProcessedB, current: CurrentItem | undefined): Write {
  const { item, files, quarantined } = one;
  const obsolete = obsoleteAfter(filesOf(one), current);
  const { key, version } = item;
  const change = {
    ...{ current: version, sequencer: sortable(item.sequencer), files, obsolete },
    ...{ key, aside: quarantined ? [quarantined.key] : [] },
  };
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
  const former = [...(current?.files ?? []), ...(current?.aside ?? []), ...(current?.obsolete ?? [])];
  return [...new Set(former)].filter((file) => !files.includes(file));
}

function supersede(current: CurrentItem, by: string): Write {
  const change = { supersededBy: by, postFiles: [] };
  const version = { keyId: current.keyId, version: current.current };
  return transition(version, ["PROCESSED"], change, { remove: ["quarantined"] });
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

import { randomBytes } from "node:crypto";
import * as os from "node:os";
import { TributaryError } from "../errors";
import type { ObjectStore } from "../backend";
import { userName } from "../guard";
import type { StackTarget } from "../stacks/target";
import { parseRecord, type BeginRecord, type EndRecord, type ProgramRevision, type RecordKind } from "./types";

/** What a begin tells. */
export interface Beginning {
  kind: RecordKind;
  project: string;
  target: StackTarget;
  /** The same for all stacks of a command; {@link newRun}. */
  run: string;
  revision: ProgramRevision;
  /** Of {@link recordableSettings}. */
  settings: { values: Record<string, unknown>; secret: string[] };
  /** The guard under which it is done: tells a run that was killed from one that goes on. */
  guard?: { owner: string; generation: number };
  caller?: string;
  planDigest?: string;
  rollbackTo?: string;
}

/** What an end tells. */
export type Ending = Omit<EndRecord, "format" | "event" | "id" | "endedAt">;

/** Folder of a stack's records. */
export function recordFolder(project: string, stack: string): string {
  return `records/${project}/${stack}/`;
}

/** An id for a command's work on several stacks. */
export function newRun(now = new Date()): string {
  return `${stamp(now.getTime())}-${randomBytes(4).toString("hex")}`;
}

/**
 * Writes down that work on a stack begins; to be called under its guard. The record's id is later than that of every record
 * before it, whatever this machine's clock says.
 *
 * @throws TributaryError `BackendUnreachable`
 */
export async function beginRecord(store: ObjectStore, given: Beginning, now = new Date()): Promise<BeginRecord> {
  const { settings, guard, ...rest } = given;
  const folder = recordFolder(given.project, given.target.stack);
  const begin = (id: string): BeginRecord => ({
    format: 1,
    event: "begin",
    id,
    ...rest,
    who: whoRuns(),
    host: os.hostname(),
    startedAt: now.toISOString(),
    settings: settings.values,
    secretSettings: settings.secret,
    ...(guard ? { guard: { owner: guard.owner, generation: guard.generation } } : {}),
  });
  const last = (await store.list(folder)).at(-1)?.slice(folder.length) ?? "";
  const time = Math.max(now.getTime(), (timeOf(last) ?? 0) + 1);
  for (;;) {
    const record = begin(`${stamp(time)}-${randomBytes(3).toString("hex")}`);
    if (await append(store, `${folder}${record.id}.begin.json`, record)) return record;
  }
}

/**
 * Writes down how it ended. A second end of the same work changes nothing: the first one stays.
 *
 * @throws TributaryError `BackendUnreachable`
 */
export async function endRecord(
  store: ObjectStore,
  begin: BeginRecord,
  ending: Ending,
  now = new Date(),
): Promise<EndRecord> {
  const { error, ...rest } = ending;
  const told = error && { code: error.code, message: error.message.slice(0, 4_000) };
  const record: EndRecord = {
    format: 1,
    event: "end",
    id: begin.id,
    endedAt: now.toISOString(),
    ...rest,
    ...(told ? { error: told } : {}),
  };
  await append(store, `${recordFolder(begin.project, begin.target.stack)}${begin.id}.end.json`, record);
  return record;
}

async function append(store: ObjectStore, key: string, record: BeginRecord | EndRecord): Promise<boolean> {
  const text = `${JSON.stringify(record, null, 2)}\n`;
  const read = parseRecord(text);
  if ("reason" in read) {
    const message = `a deployment record would not be readable: ${read.reason}`;
    throw new TributaryError(message, { code: "RecordInvalid", next: "report it: a defect of the driver" });
  }
  return store.createOnly(key, text);
}

/** Who runs this, as far as the machine knows: in CI who started the build. */
export function whoRuns(env: NodeJS.ProcessEnv = process.env): string {
  const started = env.GITHUB_ACTOR || env.GITLAB_USER_LOGIN || env.CODEBUILD_INITIATOR;
  return (started || userName()).slice(0, 200);
}

/** ISO 8601 without what no file name should hold; sorts as it is. */
function stamp(time: number): string {
  return new Date(time).toISOString().replace(/[-:.]/g, "");
}

const form = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-/;

function timeOf(name: string): number | undefined {
  const found = form.exec(name);
  if (!found) return undefined;
  const [, year, month, day, hour, minute, second, millisecond] = found;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${millisecond}Z`) || undefined;
}

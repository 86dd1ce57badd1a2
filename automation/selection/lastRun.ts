import type { Backend } from "../backend";
import { lastRecord } from "../records";
import type { Environment } from "../stacks/environments";
import { readFingerprint } from "./fingerprint";
import { findFiles } from "./programs";
import type { LastRun } from "./why";

/**
 * What the records of a stack tell of its last run; undefined when there is none.
 *
 * @throws TributaryError `BackendUnreachable`
 */
export async function lastRunOf({ files }: Backend, { project, name }: Environment): Promise<LastRun | undefined> {
  const record = await lastRecord(files, project, name);
  if (record === undefined) return undefined;
  const { result, kind, endedAt, startedAt } = record;
  const fingerprint = readFingerprint(record.fingerprint);
  const list = fingerprint === undefined ? undefined : await findFiles(files, fingerprint.program);
  return { result, kind, at: endedAt ?? startedAt, fingerprint, files: list };
}

import { setTimeout as sleep } from "node:timers/promises";
import { TributaryError } from "../errors";
import type { Lake } from "./connect";
import { HistoryReader, readItems, type Version } from "./history";
import { outcomeOf } from "./objects";
import { findDataset } from "./outputs";
import { depth } from "./redrive";
import type { WaitOptions } from "./wait";

/** Milliseconds between two looks. */
const pause = 500;
/** Looks in a row that have to find nothing on its way: a message is in no queue for a moment when it is handed over. */
const quietLooks = 3;

/**
 * Waits until nothing of a dataset is on its way: its queues are empty, and every version that failed before or that was
 * worked on since has a final outcome. For objects that cannot be named, as after a redrive.
 *
 * @param before versions that had failed when the redrive began
 * @throws TributaryError `WaitTimedOut`
 */
export async function waitUntilSettled(
  lake: Lake,
  name: string,
  before: Version[],
  options: Omit<WaitOptions, "env">,
): Promise<void> {
  const dataset = findDataset(lake.outputs, name);
  const queues = [lake.outputs.arrivalsQueueUrl, dataset.stageAQueueUrl, dataset.stageBQueueUrl];
  const history = new HistoryReader(lake, name);
  const open = new Map(before.map((version) => [nameOf(version), version]));
  const until = Date.now() + options.timeout * 1000;
  for (let quiet = 0; quiet < quietLooks;) {
    const queued = (await Promise.all(queues.map((url) => depth(lake, url)))).reduce((sum, each) => sum + each, 0);
    for (const version of await history.news()) open.set(nameOf(version), version);
    for (const item of await readItems(lake, [...open.values()])) if (outcomeOf(item)) open.delete(nameOf(item));
    history.forget((version) => !open.has(nameOf(version)));
    quiet = queued === 0 && open.size === 0 ? quiet + 1 : 0;
    options.progress(quiet > 0 ? "nothing on its way" : `${queued} messages and ${open.size} objects on their way`);
    if (Date.now() > until) throw timedOut(name, queued, open.size, options.timeout, lake.env);
    await sleep(pause, undefined, { signal: options.signal });
  }
}

function nameOf({ keyId, version }: Version): string {
  return `${keyId} ${version}`;
}

function timedOut(name: string, queued: number, open: number, timeout: number, env: string): TributaryError {
  return new TributaryError(
    `${queued} messages and ${open} objects of ${name} were still on their way after ${timeout} s`,
    {
      code: "WaitTimedOut",
      source: "cloud",
      next: `they go on: tributary executions ${env} shows how far they are; --timeout waits longer`,
    },
  );
}

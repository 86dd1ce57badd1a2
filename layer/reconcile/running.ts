import PQueue from "p-queue";
import { describeBatch } from "../batches";
import { log } from "../log";
import type { ObjectItem } from "../store/metadata";

/** Requests at once: Step Functions takes some ten a second of an account for longer. */
const CONCURRENCY = 4;

/** Which batches are still at work, as Step Functions tells; it is asked once for each. */
export class RunningBatches {
  private readonly asked = new Map<string, Promise<boolean>>();
  private readonly queue = new PQueue({ concurrency: CONCURRENCY });

  /** Those of the versions in Stage B whose batch has an execution that runs. */
  async of(items: readonly ObjectItem[]): Promise<Set<ObjectItem>> {
    const running = await Promise.all(items.map(({ batchId }) => batchId !== undefined && this.runs(batchId)));
    return new Set(items.filter((_, index) => running[index]));
  }

  private runs(batchId: string): Promise<boolean> {
    const known = this.asked.get(batchId) ?? this.queue.add(() => isRunning(batchId));
    this.asked.set(batchId, known);
    return known;
  }
}

async function isRunning(batchId: string): Promise<boolean> {
  try {
    const status = (await describeBatch(batchId))?.status;
    return status === "RUNNING" || status === "PENDING_REDRIVE";
  } catch (error) {
    if (!isThrottled(error)) throw error;
    // Then it waits as long as one that runs, or until the next comparison.
    log.warn("could not ask what became of a batch", { batchId, error: error as Error });
    return true;
  }
}

function isThrottled(error: unknown): boolean {
  return (error as Error).name === "ThrottlingException";
}

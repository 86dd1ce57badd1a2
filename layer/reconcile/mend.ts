import { env } from "../config";
import { stageAMessage, packed } from "../flow/routing";
import { log } from "../log";
import type { ObjectRef } from "../messages";
import { groupOf } from "../object-ref";
import { deleteFiles } from "../objects";
import { send } from "../queues";
import type { Dataset } from "../store/datasets";
import { recordEvent } from "../store/events";
import { transition, type ObjectItem } from "../store/metadata";
import { commit } from "../store/transactions";
import { createdEvent } from "./createdEvent";
import type { KeyFindings } from "./compare";

/**
 * Sends events of object versions that the lake does not know. Identity makes it safe: one whose own event still comes, or came
 * meanwhile, gets no second outcome.
 *
 * @returns how many were sent
 */
export async function sendEvents(bucket: string, unseen: KeyFindings["unseen"]): Promise<number> {
  const bodies = unseen.map(({ raw, after }) => ({
    body: createdEvent({ bucket, ...raw, after }, { origin: "reconcile" }),
  }));
  await send(env("ARRIVALS_QUEUE_URL"), bodies);
  return bodies.length;
}

/**
 * Takes object versions back to where they began, unless somebody moved them on since they were read, and sends each to Stage A.
 * What is interrupted between the two is found again by the next comparison.
 *
 * @returns those that were sent
 */
export async function sendAgain(dataset: Dataset, items: ObjectItem[]): Promise<ObjectItem[]> {
  const { team, dataset: name } = dataset;
  const answers = await commit(
    items.map((item) => [
      transition(
        item,
        [item.status],
        { status: "RECEIVED", attempts: 0, redrives: item.redrives + 1 },
        { remove: ["stage", "error", "batchId"], guard: { updatedAtIs: item.updatedAt } },
      ),
    ]),
    // What had its outcome is processed once more; what had none is on its way still.
    items.map((item) =>
      item.status === "PROCESSED" ? { team, dataset: name, counters: { reprocessed: 1 } } : undefined,
    ),
  );
  const taken = items.filter((_, index) => answers[index]?.written);
  const refs = taken.map((item) => refOf(item, dataset));
  await send(dataset.stageAQueueUrl, packed(refs).map(stageAMessage));
  await Promise.all(taken.map((item) => tell(item)));
  return taken;
}

function refOf(item: ObjectItem, { manifest }: Dataset): ObjectRef {
  const { team, dataset, bucket, key, keyId, version, versionId, sequencer, etag, size, eventTime } = item;
  const arrival = { team, dataset, bucket, key, keyId, version, versionId, sequencer, etag, size, eventTime };
  return { ...arrival, group: item.group ?? groupOf(arrival, manifest.group), redrives: item.redrives + 1 };
}

/** The object's story; that it is sent again does not depend on it. */
async function tell({ team, dataset, keyId, key, version, status }: ObjectItem): Promise<void> {
  const detail = { key, version, stoodAt: status };
  await recordEvent({ team, dataset, kind: "mended", objectKeyId: keyId, detail }).catch((error: unknown) =>
    log.warn("could not record what was mended", { key, error: error as Error }),
  );
}

/** Deletes files of no current version. */
export async function deleteOrphans(files: string[]): Promise<number> {
  await deleteFiles(env("STAGE_BUCKET"), files);
  return files.length;
}

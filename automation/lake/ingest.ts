import type { CommandContext } from "../commands/context";
import { step } from "../events";
import type { Lake } from "./connect";
import { planFiles } from "./files";
import { findDataset } from "./outputs";
import { send, type Sent } from "./send";
import { waitForOutcomes } from "./wait";

/** What became of one file. */
export interface IngestedObject {
  /** As the person wrote it. */
  file: string;
  /** Key in the raw bucket. */
  key: string;
  /** `PENDING` only without a wait. */
  status: "PROCESSED" | "FAILED" | "PENDING";
  /** Code and message. */
  error?: string;
}

/** What became of all files; a file named twice counts once. */
export interface IngestResult {
  accepted: number;
  processed: number;
  failed: number;
  objects: IngestedObject[];
}

/** What is to be ingested. */
export interface IngestRequest {
  /** `team/dataset` */
  dataset: string;
  files: string[];
  /** Wait until every object has its outcome. */
  wait: boolean;
  /** Longest wait, in seconds. */
  timeout: number;
}

/**
 * Sends files to a dataset. Idempotent: a file that is there already with the same content is not sent again, its outcome
 * counts, so an interrupted ingest is simply run again.
 *
 * @throws TributaryError `UnknownDataset` and those of `planFiles` before anything is sent; `WaitTimedOut`
 */
export async function ingest(
  lake: Lake,
  request: IngestRequest,
  context: Pick<CommandContext, "sink" | "signal">,
): Promise<IngestResult> {
  findDataset(lake.outputs, request.dataset);
  const files = await planFiles(request.files, request.dataset);
  const { sink, signal } = context;
  const sent = await step(sink, `Send ${count(files.length)} to ${request.dataset}`, (progress) =>
    send(lake, files, progress, signal),
  );
  const pending = sent.filter(({ outcome }) => outcome === undefined);
  const outcomes =
    request.wait && pending.length > 0
      ? await step(sink, "Wait for the outcome in both stages", (progress) =>
          waitForOutcomes(lake, request.dataset, pending, {
            timeout: request.timeout,
            signal,
            progress,
            env: lake.env,
          }),
        )
      : new Map<string, never>();
  return summarize(sent.map((object) => ({ ...object, outcome: object.outcome ?? outcomes.get(object.key) })));
}

/** Counts outcomes. */
export function summarize(sent: Pick<Sent, "file" | "key" | "outcome">[]): IngestResult {
  const objects = sent.map(({ file, key, outcome }): IngestedObject => ({
    file,
    key,
    ...(outcome ?? { status: "PENDING" }),
  }));
  const having = (status: string) => objects.filter((object) => object.status === status).length;
  return { accepted: objects.length, processed: having("PROCESSED"), failed: having("FAILED"), objects };
}

function count(files: number): string {
  return files === 1 ? "1 file" : `${files} files`;
}

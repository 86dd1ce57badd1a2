import { env } from "../config";
import type { ErrorRecord } from "../errors";
import type { Write } from "./transactions";

/** One try of one object in one stage. */
export interface Execution {
  team: string;
  dataset: string;
  stage: "A" | "B" | "ROUTING";
  /** The object's key. */
  object: string;
  keyId: string;
  version: string;
  status: "SUCCEEDED" | "FAILED" | "RETRIED";
  error?: ErrorRecord | undefined;
  startedAt: string;
  endedAt: string;
  attempt: number;
  /** The queue's, Stage A only: tells the order in which messages were sent. */
  sequenceNumber?: string | undefined;
  rows?: number | undefined;
  executionArn?: string | undefined;
}

/** Days after which entries of the history go. */
const KEPT_DAYS = 365;

/** Writes an entry of the execution history. */
export function historyEntry(execution: Execution): Write {
  const { team, dataset, endedAt, stage, keyId, version, attempt } = execution;
  const expiresAt = Math.floor(Date.parse(endedAt) / 1000) + KEPT_DAYS * 86_400;
  return {
    Put: {
      TableName: env("EXECUTION_HISTORY_TABLE"),
      Item: {
        datasetId: `${team}/${dataset}`,
        execution: [endedAt, stage, keyId, version, attempt].join("#"),
        ...execution,
        expiresAt,
      },
    },
  };
}

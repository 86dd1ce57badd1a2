import { env } from "../config";
import type { ErrorRecord } from "../errors";
import type { ExpectationResult } from "../transform/results";
import { expiresAt } from "./expiry";
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
  /** Stage A: of the object. Stage B: of its Parquet files. */
  bytes?: number | undefined;
  /** What ran the SQL, Stage B only. */
  engine?: string | undefined;
  /** This object's share of what its execution cost, in USD; see usage.ts. */
  cost?: number | undefined;
  /** Rows that went into quarantine. */
  quarantined?: number | undefined;
  /** What was expected of the rows and how many broke it. */
  expectations?: ExpectationResult[] | undefined;
  executionArn?: string | undefined;
  /** Stage B only: the batch, which names its artifact. */
  batchId?: string | undefined;
}

/**
 * What came of an expectation, as an entry keeps it: `<rule> <checked> <broken> <name>`. As an object a few of them would
 * make the entry larger than the 1 KB that a write pays for.
 */
function packed({ rule, checked, broken, name }: ExpectationResult): string {
  return [rule, checked, broken, name].join(" ");
}

/** What came of an expectation, from an entry; undefined for anything else. */
export function unpacked(text: unknown): ExpectationResult | undefined {
  const [, rule, checked, broken, name] = /^(\w+) (\d+) (\d+) (.+)$/s.exec(String(text)) ?? [];
  if (name === undefined) return undefined;
  const [, check, about] = /^(\w+)(?:\((.*)\))?$/s.exec(name) ?? [];
  return {
    ...{ name, check: check as ExpectationResult["check"] },
    ...(about === undefined || check === "sql" ? {} : { column: about }),
    ...{ rule: rule as ExpectationResult["rule"], checked: Number(checked), broken: Number(broken) },
  };
}

/** Writes an entry of the execution history. The attribute `unsuccessful` puts it into the sparse index byStatus. */
export function historyEntry(execution: Execution): Write {
  const { team, dataset, endedAt, stage, keyId, version, attempt, status } = execution;
  return {
    Put: {
      TableName: env("EXECUTION_HISTORY_TABLE"),
      Item: {
        datasetId: `${team}/${dataset}`,
        execution: [endedAt, stage, keyId, version, attempt].join("#"),
        ...execution,
        expectations: execution.expectations?.map(packed),
        ...(status === "SUCCEEDED" ? {} : { unsuccessful: `${team}/${dataset}#${status}` }),
        expiresAt: expiresAt("HISTORY", endedAt),
      },
    },
  };
}

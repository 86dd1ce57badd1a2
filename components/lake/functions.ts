import type { EnvName } from "../../layer/config";
import { timings } from "../stages/timings";
import type { Duration, Size } from "../units";

export type { EnvName };

/** What a function of the lake is given, besides its code and its grants. */
export interface FunctionDefinition {
  memory: Size;
  timeout: Duration;
  /** @default "512 MB" */
  tmp?: Size;
  env: readonly EnvName[];
}

/** What records outcomes. */
const tables = [
  "OBJECT_METADATA_TABLE",
  "EXECUTION_HISTORY_TABLE",
  "DATASETS_TABLE",
  "METRICS_TABLE",
  "EVENTS_TABLE",
  "ARTIFACTS_TABLE",
  "DATA_SCHEMAS_TABLE",
] as const;
/** What has to do with engines that work elsewhere. */
const engines = [
  "DATASETS_TABLE",
  "OBJECT_METADATA_TABLE",
  "STAGE_BUCKET",
  "DATABASE_NAME",
  "INPUT_DATABASE_NAME",
  "GLUE_WORKERS",
  "GLUE_WORKER_TYPE",
  "GLUE_MINUTES",
] as const;
const small = { memory: "256 MB", env: tables } as const;

/** The functions of the lake by the folder that holds their code. From 1,769 MB on, Lambda gives a full processor. */
const definitions = {
  routing: {
    ...small,
    timeout: timings.arrivals.routing,
    env: [...tables, "IDEMPOTENCY_TABLE", "RAW_BUCKET", "ARRIVALS_DLQ_URL", "LANES"],
  },
  redrive: { ...small, timeout: timings.redrive, env: [...tables, "ARRIVALS_QUEUE_URL", "ARRIVALS_DLQ_URL"] },
  "stage-a-routing": {
    ...small,
    timeout: timings.stageA.routing,
    env: ["DATASETS_TABLE", "STAGE_A_STATE_MACHINE_ARN"],
  },
  "stage-a-redrive": { ...small, timeout: timings.redrive, env: [...tables, "LANES"] },
  "stage-a-preupdate-metadata": { ...small, timeout: timings.stageA.preUpdate },
  "stage-a-process-object": {
    memory: "1769 MB",
    tmp: "2 GB",
    timeout: timings.stageA.process,
    env: ["DATASETS_TABLE", "DATA_SCHEMAS_TABLE", "EVENTS_TABLE", "RAW_BUCKET", "STAGE_BUCKET"],
  },
  "stage-a-postupdate-metadata": { ...small, timeout: timings.stageA.postUpdate },
  "stage-a-error": { ...small, timeout: timings.stageA.error, env: [...tables, "LANES"] },
  "stage-b-routing": {
    ...small,
    timeout: timings.stageB.routing,
    env: [...tables, "STAGE_B_STATE_MACHINE_ARN", "DUCKDB_LIMIT", "ATHENA_LIMIT"],
  },
  "stage-b-redrive": { ...small, timeout: timings.redrive },
  "stage-b-process-data": {
    memory: "3008 MB",
    tmp: "4 GB",
    timeout: timings.stageB.processData,
    env: [
      ...(["DATASETS_TABLE", "OBJECT_METADATA_TABLE", "DATA_SCHEMAS_TABLE", "EVENTS_TABLE"] as const),
      ...(["IDEMPOTENCY_TABLE", "STAGE_BUCKET"] as const),
    ],
  },
  "stage-b-check-job": { ...small, timeout: timings.stageB.checkJob, env: engines },
  "stage-b-crawl-data": { ...small, timeout: timings.stageB.crawlData, env: ["DATASETS_TABLE", "DATABASE_NAME"] },
  "stage-b-postupdate-metadata": {
    ...small,
    timeout: timings.stageB.postUpdate,
    env: [...tables, "STAGE_BUCKET", "STAGE_B_STATE_MACHINE_ARN", "DATABASE_NAME"],
  },
  "stage-b-error": {
    ...small,
    timeout: timings.stageB.error,
    env: [...tables, "STAGE_BUCKET", "STAGE_B_STATE_MACHINE_ARN"],
  },
  backfill: {
    ...small,
    timeout: timings.backfill.call,
    env: [...tables, "IDEMPOTENCY_TABLE", "RAW_BUCKET", "ARRIVALS_QUEUE_URL"],
  },
  reconcile: {
    ...small,
    memory: "512 MB",
    timeout: timings.reconcile,
    env: [
      ...tables,
      ...([
        "RAW_BUCKET",
        "STAGE_BUCKET",
        "ARRIVALS_QUEUE_URL",
        "LANES",
        "RECONCILE_ARN",
        "STAGE_B_STATE_MACHINE_ARN",
      ] as const),
    ],
  },
  trigger: { ...small, timeout: timings.trigger, env: ["DATASETS_TABLE", "BACKFILL_STATE_MACHINE_ARN"] },
} as const satisfies Record<string, FunctionDefinition>;

/** Name of a function: its folder under functions/. */
export type FunctionName = keyof typeof definitions;

/** Functions that a lake has only where a dataset wants them. */
export type OptionalFunction = "trigger";

/** The catalogue of functions. */
export const functionDefinitions: Readonly<Record<FunctionName, FunctionDefinition>> = definitions;

/** All functions, in the order of the flow. */
export const functionNames = Object.keys(definitions) as FunctionName[];

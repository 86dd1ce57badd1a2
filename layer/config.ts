import { LayerError } from "./errors";

/** The environment variables that functions find the lake by; docs/architecture.md lists them. */
export type EnvName =
  | "OBJECT_METADATA_TABLE"
  | "EXECUTION_HISTORY_TABLE"
  | "DATASETS_TABLE"
  | "IDEMPOTENCY_TABLE"
  | "DATA_SCHEMAS_TABLE"
  | "METRICS_TABLE"
  | "EVENTS_TABLE"
  | "ARTIFACTS_TABLE"
  | "RAW_BUCKET"
  | "STAGE_BUCKET"
  | "DATABASE_NAME"
  | "STAGE_A_STATE_MACHINE_ARN"
  | "STAGE_B_STATE_MACHINE_ARN"
  | "ARRIVALS_QUEUE_URL"
  | "ARRIVALS_DLQ_URL"
  | "BACKFILL_STATE_MACHINE_ARN"
  | "INPUT_DATABASE_NAME"
  | "DUCKDB_LIMIT"
  | "ATHENA_LIMIT"
  | "GLUE_WORKERS"
  | "GLUE_WORKER_TYPE"
  | "GLUE_MINUTES"
  | "RECONCILE_ARN"
  | "LANES";

/**
 * An environment variable of the function.
 *
 * @throws LayerError `SettingMissing`
 */
export function env(name: EnvName): string {
  const value = process.env[name];
  if (!value) throw new LayerError("SettingMissing", `environment variable ${name} is not set on this function`);
  return value;
}

/** How often an object is tried, `MAX_ATTEMPTS`. Default: 3. */
export function maxAttempts(): number {
  return positive("MAX_ATTEMPTS", 3);
}

/** The `maxReceiveCount` of the stage queues, `MAX_RECEIVE_COUNT`: the queue itself gives a message up then. Default: 10. */
export function maxReceives(): number {
  return positive("MAX_RECEIVE_COUNT", 10);
}

/** How many message groups a dataset's objects share in Stage A, `LANES`. Default: 8. */
export function lanes(): number {
  return positive("LANES", 8);
}

/** How long entries of the control tables are kept (days), `HISTORY_DAYS`, `EVENTS_DAYS`, `METRICS_DAYS`. */
export function keptDays(what: keyof typeof KEPT_DAYS): number {
  return positive(`${what}_DAYS`, KEPT_DAYS[what]);
}

/** What the settings say where nothing else is set (tributary:retention). */
const KEPT_DAYS = { HISTORY: 365, EVENTS: 365, METRICS: 730 } as const;

function positive(name: string, fallback: number): number {
  const value = Number(process.env[name] ?? fallback);
  if (!Number.isInteger(value) || value < 1) {
    throw new LayerError(
      "SettingInvalid",
      `environment variable ${name} is "${process.env[name]}", not a positive whole number`,
    );
  }
  return value;
}

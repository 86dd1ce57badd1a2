import type { ControlTableArgs } from "./ControlTable";

/** Key of the items that tell about the pipeline that all datasets go through: Stage A, then Stage B. */
export const PIPELINE = "standard";

/** The control tables. */
export type TableRole =
  | "objectMetadata"
  | "executionHistory"
  | "datasets"
  | "teams"
  | "pipelines"
  | "configuration"
  | "dataSchemas"
  | "metrics"
  | "events"
  | "artifacts"
  | "idempotency";

/** How a table's items are found. */
export type TableKeys = Pick<ControlTableArgs, "what" | "hashKey" | "rangeKey" | "expiresAttribute" | "indexes">;

/** Tables whose items go after a while. */
const expiring = { expiresAttribute: "expiresAt" } as const;

/** Names, keys and indexes; docs/control-tables.md tells which question each is for. */
export const tables: Readonly<Record<TableRole, TableKeys>> = {
  objectMetadata: {
    what: "object-metadata",
    hashKey: "keyId",
    rangeKey: "version",
    // Items change with every step of an object: only the keys, or every step would cost another write.
    indexes: { byDataset: { hashKey: "datasetId", rangeKey: "key", holds: "keys" } },
  },
  executionHistory: {
    what: "execution-history",
    hashKey: "datasetId",
    rangeKey: "execution",
    ...expiring,
    indexes: {
      byObject: { hashKey: "keyId", rangeKey: "execution", holds: "keys" },
      // Only of tries that went wrong, which are few.
      byStatus: { hashKey: "unsuccessful", rangeKey: "execution", holds: "all" },
    },
  },
  datasets: { what: "datasets", hashKey: "team", rangeKey: "dataset" },
  teams: { what: "teams", hashKey: "team" },
  pipelines: { what: "pipelines", hashKey: "pipeline", rangeKey: "stage" },
  configuration: { what: "configuration", hashKey: "name" },
  dataSchemas: { what: "data-schemas", hashKey: "datasetId", rangeKey: "version" },
  metrics: { what: "metrics", hashKey: "datasetId", rangeKey: "day", ...expiring },
  events: {
    what: "events",
    hashKey: "datasetId",
    rangeKey: "event",
    ...expiring,
    indexes: { byObject: { hashKey: "objectKeyId", rangeKey: "event", holds: "all" } },
  },
  artifacts: {
    what: "artifacts",
    hashKey: "batchId",
    ...expiring,
    indexes: { byDataset: { hashKey: "datasetId", rangeKey: "recordedAt", holds: "keys" } },
  },
  idempotency: { what: "idempotency", hashKey: "id", expiresAttribute: "expiration" },
};

import { tables, type TableRole } from "../../../../components/storage/tableKeys";
import { FakeDynamoDb } from "./dynamodb";

/** Names of the control tables in fakes, by what the program calls them. */
const NAMES: Partial<Record<TableRole, string>> = {
  objectMetadata: "objects",
  executionHistory: "history",
  datasets: "datasets",
  idempotency: "idempotency",
  dataSchemas: "schemas",
  metrics: "metrics",
  events: "events",
  artifacts: "artifacts",
};

/** The variables by which functions find the control tables. */
export const TABLE_VARIABLES = {
  OBJECT_METADATA_TABLE: "objects",
  EXECUTION_HISTORY_TABLE: "history",
  DATASETS_TABLE: "datasets",
  IDEMPOTENCY_TABLE: "idempotency",
  DATA_SCHEMAS_TABLE: "schemas",
  METRICS_TABLE: "metrics",
  EVENTS_TABLE: "events",
  ARTIFACTS_TABLE: "artifacts",
};

/** The control tables with the keys and indexes that the program gives them, empty. */
export function controlTables(): FakeDynamoDb {
  const named = Object.entries(NAMES).map(([role, name]) => [name, tables[role as TableRole]] as const);
  const keys = named.map(([name, { hashKey, rangeKey }]) => [name, [hashKey, ...(rangeKey ? [rangeKey] : [])]]);
  const indexes = named.map(([name, { indexes: all = {} }]) => {
    const own = Object.entries(all).map(([index, how]) => [
      index,
      { keys: [how.hashKey, how.rangeKey], holds: how.holds },
    ]);
    return [name, Object.fromEntries(own)];
  });
  return new FakeDynamoDb(Object.fromEntries(keys) as never, Object.fromEntries(indexes) as never);
}

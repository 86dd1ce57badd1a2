import type * as pulumi from "@pulumi/pulumi";
import type { LakeSettings } from "../../automation/settings";
import { liveArn } from "../compute/ContainerFunction";
import type { Catalog } from "../datasets/Catalog";
import { engineEnvironment } from "../engines/environment";
import type { Scope } from "../scope";
import type { Arrivals } from "../stages/Arrivals";
import { BACKFILL } from "../stages/Backfill";
import { STAGE_A } from "../stages/StageA";
import { STAGE_B } from "../stages/StageB";
import { stateMachineArn } from "../stages/StateMachine";
import type { ControlTables } from "../storage/ControlTables";
import type { LakeStorage } from "../storage/LakeStorage";
import type { EnvName } from "./functions";

/** The parts of a lake that functions have to find. */
export interface Findable {
  storage: LakeStorage;
  tables: ControlTables;
  catalog: Catalog;
  arrivals: Arrivals;
}

/** Values of all environment variables that functions may ask for. */
export function environmentOf(
  { scope, settings }: { scope: Scope; settings: LakeSettings },
  { storage, tables: { nodes: tables }, catalog, arrivals: { queue } }: Findable,
): Record<EnvName, pulumi.Input<string>> {
  return {
    OBJECT_METADATA_TABLE: tables.objectMetadata.tableName,
    EXECUTION_HISTORY_TABLE: tables.executionHistory.tableName,
    DATASETS_TABLE: tables.datasets.tableName,
    IDEMPOTENCY_TABLE: tables.idempotency.tableName,
    DATA_SCHEMAS_TABLE: tables.dataSchemas.tableName,
    METRICS_TABLE: tables.metrics.tableName,
    EVENTS_TABLE: tables.events.tableName,
    ARTIFACTS_TABLE: tables.artifacts.tableName,
    RAW_BUCKET: storage.raw.bucketName,
    STAGE_BUCKET: storage.stage.bucketName,
    DATABASE_NAME: catalog.database,
    // Computed, because the machines need functions and some of the functions need the machines.
    STAGE_A_STATE_MACHINE_ARN: stateMachineArn(scope, STAGE_A),
    STAGE_B_STATE_MACHINE_ARN: stateMachineArn(scope, STAGE_B),
    ARRIVALS_QUEUE_URL: queue.main.url,
    ARRIVALS_DLQ_URL: queue.dlq.url,
    BACKFILL_STATE_MACHINE_ARN: stateMachineArn(scope, BACKFILL),
    RECONCILE_ARN: liveArn(scope, "reconcile"),
    LANES: String(settings.lanes),
    ...engineEnvironment(scope, settings.engines),
  };
}

import type { ContainerFunction } from "../compute/ContainerFunction";
import type { Dataset } from "../datasets/Dataset";
import type { Queue } from "../stages/Queue";
import type { Arrivals } from "../stages/Arrivals";
import type { StageA } from "../stages/StageA";
import type { StageB } from "../stages/StageB";
import type { Tables } from "../storage/ControlTables";
import type { LakeStorage } from "../storage/LakeStorage";
import type { FunctionName } from "./functions";

/** What functions are given permissions on. */
export interface GrantTargets {
  storage: LakeStorage;
  tables: Tables;
  arrivals: Arrivals;
  stageA: StageA;
  stageB: StageB;
  datasets: readonly Dataset[];
}

type Grant = (fn: ContainerFunction, targets: GrantTargets) => void;

/** Stage A's files. */
const PRE = "pre/";
/** The tables' files. */
const POST = "post/";

/** What each function does, besides consuming its queues (Consumer), writing its log and tracing. */
const grants: Readonly<Record<FunctionName, Grant>> = {
  routing(fn, { tables, arrivals, datasets }) {
    tables.datasets.grant(fn, "GetItem");
    tables.objectMetadata.grant(fn, "UpdateItem");
    tables.executionHistory.grant(fn, "PutItem");
    arrivals.queue.grantSend(fn, "dlq");
    for (const { nodes } of datasets) nodes.queueA.grantSend(fn);
  },
  redrive(fn, { tables, arrivals }) {
    tables.objectMetadata.grant(fn, "GetItem", "UpdateItem");
    arrivals.queue.grantConsume(fn, "dlq");
    arrivals.queue.grantSend(fn);
  },
  "stage-a-routing"(fn, { tables, stageA }) {
    tables.datasets.grant(fn, "GetItem");
    stageA.machine.grantStart(fn, "sync");
  },
  "stage-a-redrive"(fn, { tables, datasets }) {
    tables.datasets.grant(fn, "GetItem");
    tables.objectMetadata.grant(fn, "GetItem", "UpdateItem");
    for (const { nodes } of datasets) redrives(fn, nodes.queueA);
  },
  "stage-a-preupdate-metadata"(fn, { tables }) {
    tables.objectMetadata.grant(fn, "BatchGetItem", "UpdateItem");
  },
  "stage-a-process-object"(fn, { tables, storage }) {
    tables.datasets.grant(fn, "GetItem");
    storage.raw.grantRead(fn, "", { list: true });
    storage.stage.grantWrite(fn, PRE);
  },
  "stage-a-postupdate-metadata"(fn, { tables, datasets }) {
    records(fn, tables);
    for (const { nodes } of datasets) nodes.queueB.grantSend(fn);
  },
  "stage-a-error"(fn, { tables, datasets }) {
    records(fn, tables);
    for (const { nodes } of datasets) nodes.queueA.grantSend(fn, "dlq");
  },
  "stage-b-routing"(fn, { tables, stageB }) {
    tables.datasets.grant(fn, "GetItem");
    tables.objectMetadata.grant(fn, "UpdateItem");
    stageB.machine.grantStart(fn, "async");
  },
  "stage-b-redrive"(fn, { tables, datasets }) {
    tables.datasets.grant(fn, "GetItem");
    tables.objectMetadata.grant(fn, "GetItem", "UpdateItem");
    for (const { nodes } of datasets) redrives(fn, nodes.queueB);
  },
  "stage-b-process-data"(fn, { tables, storage }) {
    tables.datasets.grant(fn, "GetItem");
    tables.idempotency.grant(fn, "GetItem", "PutItem", "UpdateItem", "DeleteItem");
    storage.stage.grantRead(fn, PRE, { list: true });
    storage.stage.grantWrite(fn, POST);
    storage.stage.grantDelete(fn, POST);
  },
  "stage-b-check-job"() {
    // DuckDB's work is done when ProcessData answers: there is nothing to ask.
  },
  "stage-b-crawl-data"(fn, { tables, datasets }) {
    tables.datasets.grant(fn, "GetItem");
    for (const dataset of datasets) dataset.grantPartitions(fn);
  },
  "stage-b-postupdate-metadata"(fn, { tables, storage }) {
    tables.objectMetadata.grant(fn, "BatchGetItem", "UpdateItem");
    tables.executionHistory.grant(fn, "PutItem");
    storage.stage.grantDelete(fn, POST);
  },
  "stage-b-error"(fn, { tables, storage, datasets }) {
    records(fn, tables);
    tables.objectMetadata.grant(fn, "BatchGetItem");
    storage.stage.grantList(fn, POST);
    storage.stage.grantDelete(fn, POST);
    for (const { nodes } of datasets) nodes.queueB.grantSend(fn, "dlq");
  },
};

/** Gives every function its permissions. */
export function grantAll(functions: Record<FunctionName, ContainerFunction>, targets: GrantTargets): void {
  for (const [name, grant] of Object.entries(grants)) grant(functions[name as FunctionName], targets);
}

/** Writes outcomes. */
function records(fn: ContainerFunction, tables: Tables): void {
  tables.datasets.grant(fn, "GetItem");
  tables.objectMetadata.grant(fn, "UpdateItem");
  tables.executionHistory.grant(fn, "PutItem");
}

/** Takes messages from a queue's DLQ back to the queue. */
function redrives(fn: ContainerFunction, queue: Queue): void {
  queue.grantConsume(fn, "dlq");
  queue.grantSend(fn);
}

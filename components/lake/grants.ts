import type { ContainerFunction } from "../compute/ContainerFunction";
import type { Catalog } from "../datasets/Catalog";
import type { Engines } from "../engines/Engines";
import type { Dataset } from "../datasets/Dataset";
import type { Queue } from "../stages/Queue";
import type { Arrivals } from "../stages/Arrivals";
import { BACKFILL_RESULTS } from "../stages/Backfill";
import type { StageA } from "../stages/StageA";
import type { StageB } from "../stages/StageB";
import type { Tables } from "../storage/ControlTables";
import type { LakeStorage } from "../storage/LakeStorage";
import type { Ingress } from "../triggers/Ingress";
import type { FunctionName } from "./functions";
import type { LakeFunctions } from "./lakeFunctions";

/** What functions are given permissions on. */
export interface GrantTargets {
  storage: LakeStorage;
  tables: Tables;
  catalog: Catalog;
  arrivals: Arrivals;
  stageA: StageA;
  stageB: StageB;
  datasets: readonly Dataset[];
  engines: Engines;
  ingress: Ingress;
}

type Grant = (fn: ContainerFunction, targets: GrantTargets) => void;

/** Stage A's files. */
const PRE = "pre/";
/** The tables' files. */
const POST = "post/";
/** Rows that broke an expectation. */
const QUARANTINE = "quarantine/";

/** What each function does, besides consuming its queues (Consumer), writing its log and tracing. */
const grants: Readonly<Record<FunctionName, Grant>> = {
  routing(fn, { tables, arrivals, datasets }) {
    records(fn, tables);
    arrivals.queue.grantSend(fn, "dlq");
    for (const { nodes } of datasets) nodes.queueA.grantSend(fn);
    tables.events.grant(fn, "PutItem");
    // Only where events tell no version ids does it look for the version that one is about.
    tables.objectMetadata.grant(fn, "Query");
    tables.idempotency.grant(fn, "GetItem", "PutItem");
  },
  redrive(fn, { tables, arrivals }) {
    tables.objectMetadata.grant(fn, "GetItem", "UpdateItem");
    tells(fn, tables);
    redrives(fn, arrivals.queue);
  },
  "stage-a-routing"(fn, { tables, stageA }) {
    tables.datasets.grant(fn, "GetItem");
    stageA.machine.grantStart(fn, "sync");
  },
  "stage-a-redrive"(fn, { tables, datasets }) {
    tables.datasets.grant(fn, "GetItem");
    tables.objectMetadata.grant(fn, "GetItem", "UpdateItem");
    tells(fn, tables);
    for (const { nodes } of datasets) redrives(fn, nodes.queueA);
  },
  "stage-a-preupdate-metadata"(fn, { tables }) {
    tables.objectMetadata.grant(fn, "BatchGetItem", "UpdateItem");
    tables.metrics.grant(fn, "UpdateItem");
  },
  "stage-a-process-object"(fn, { tables, storage }) {
    tables.datasets.grant(fn, "GetItem");
    observes(fn, tables);
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
    tells(fn, tables);
    for (const { nodes } of datasets) redrives(fn, nodes.queueB);
  },
  "stage-b-process-data"(fn, { tables, storage }) {
    tables.datasets.grant(fn, "GetItem");
    tables.idempotency.grant(fn, "GetItem", "PutItem", "UpdateItem", "DeleteItem");
    // Whether its objects failed meanwhile: then their files must not stay.
    tables.objectMetadata.grant(fn, "BatchGetItem");
    observes(fn, tables);
    storage.stage.grantRead(fn, PRE, { list: true });
    for (const prefix of [POST, QUARANTINE]) {
      storage.stage.grantWrite(fn, prefix);
      storage.stage.grantDelete(fn, prefix);
    }
  },
  "stage-b-check-job"(fn, { tables, engines }) {
    tables.datasets.grant(fn, "GetItem");
    tables.objectMetadata.grant(fn, "BatchGetItem");
    engines.grantSteps(fn);
  },
  "stage-b-crawl-data"(fn, { tables, catalog, engines }) {
    tables.datasets.grant(fn, "GetItem");
    catalog.grantPartitions(fn);
    engines.nodes.crawlers?.grantStart(fn);
  },
  "stage-b-postupdate-metadata"(fn, { tables, storage }) {
    records(fn, tables);
    tables.objectMetadata.grant(fn, "BatchGetItem");
    tables.artifacts.grant(fn, "PutItem");
    storage.stage.grantDelete(fn, POST);
    storage.stage.grantDelete(fn, QUARANTINE);
  },
  "stage-b-error"(fn, { tables, storage, datasets, stageB }) {
    records(fn, tables);
    tables.objectMetadata.grant(fn, "BatchGetItem");
    storage.stage.grantList(fn, POST);
    storage.stage.grantDelete(fn, POST);
    storage.stage.grantDelete(fn, QUARANTINE);
    for (const { nodes } of datasets) nodes.queueB.grantSend(fn, "dlq");
    // An event leaves out an input that is too large for it.
    stageB.grantDescribe(fn);
  },
  backfill(fn, { tables, storage, arrivals }) {
    tables.datasets.grant(fn, "GetItem");
    tables.objectMetadata.grant(fn, "Query");
    tables.idempotency.grant(fn, "GetItem", "PutItem");
    tables.events.grant(fn, "PutItem");
    storage.raw.grantRead(fn, "", { list: true });
    storage.analytics.grantRead(fn, BACKFILL_RESULTS);
    arrivals.queue.grantSend(fn);
  },
  reconcile(fn, { tables, storage, arrivals, datasets, stageB }) {
    tables.datasets.grant(fn, "GetItem");
    tables.objectMetadata.grant(fn, "BatchGetItem", "Query", "UpdateItem");
    tables.objectMetadata.grantQuery(fn, "byDataset");
    tells(fn, tables);
    storage.raw.grantListVersions(fn);
    storage.stage.grantRead(fn, POST, { list: true });
    storage.stage.grantDelete(fn, POST);
    arrivals.queue.grantSend(fn);
    for (const { nodes } of datasets) nodes.queueA.grantSend(fn);
    stageB.grantDescribe(fn);
    // It hands to itself what it does not finish in its time.
    fn.grantInvoke(fn);
  },
  trigger(fn, { tables, ingress }) {
    tables.datasets.grant(fn, "GetItem");
    ingress.nodes.backfill.grantRuns(fn);
  },
};

/** Gives every function its permissions. */
export function grantAll(functions: LakeFunctions, targets: GrantTargets): void {
  for (const [name, grant] of Object.entries(grants)) {
    const fn = functions[name as FunctionName];
    if (fn) grant(fn, targets);
  }
}

/** Says what it found in the data. */
function observes(fn: ContainerFunction, tables: Tables): void {
  tables.dataSchemas.grant(fn, "Query", "PutItem");
  tables.events.grant(fn, "PutItem");
}

/** Says what it did, and counts it. */
function tells(fn: ContainerFunction, tables: Tables): void {
  tables.events.grant(fn, "PutItem");
  tables.metrics.grant(fn, "UpdateItem");
}

/** Writes outcomes, and counts them. */
function records(fn: ContainerFunction, tables: Tables): void {
  tables.datasets.grant(fn, "GetItem");
  tables.objectMetadata.grant(fn, "UpdateItem");
  tables.executionHistory.grant(fn, "PutItem");
  tables.metrics.grant(fn, "UpdateItem");
}

/** Takes messages from a queue's DLQ back to the queue. */
function redrives(fn: ContainerFunction, queue: Queue): void {
  queue.grantConsume(fn, "dlq");
  queue.grantSend(fn);
  // What was not asked for goes to the end of the DLQ.
  queue.grantSend(fn, "dlq");
}

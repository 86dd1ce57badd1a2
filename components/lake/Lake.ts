import type * as pulumi from "@pulumi/pulumi";
import type { Manifest } from "../../layer/manifest-schema";
import type { LakeSettings } from "../../automation/settings";
import { Component } from "../Component";
import { CodeStore } from "../compute/CodeStore";
import { CommonLayer } from "../compute/CommonLayer";
import type { ContainerFunction } from "../compute/ContainerFunction";
import { carriedOut } from "../engines/available";
import { Engines } from "../engines/Engines";
import { Catalog } from "../datasets/Catalog";
import { Dataset } from "../datasets/Dataset";
import type { Scope } from "../scope";
import { Arrivals } from "../stages/Arrivals";
import { Consumer } from "../stages/Consumer";
import { ReconcileSchedules } from "../stages/ReconcileSchedules";
import { StageA } from "../stages/StageA";
import { StageB } from "../stages/StageB";
import { ControlTables } from "../storage/ControlTables";
import { LakeStorage } from "../storage/LakeStorage";
import { withDefaultTags } from "../tags";
import { Ingress, takesRequests } from "../triggers/Ingress";
import { controlItems } from "./controlItems";
import { environmentOf } from "./environment";
import type { OptionalFunction } from "./functions";
import { grantAll } from "./grants";
import { type LakeFunctions, lakeFunctions } from "./lakeFunctions";
import type { ArchiveParts, FunctionUris, LakeCode } from "./packages";

/** Arrivals are small and independent of each other: a batch of them may be this many times larger than a stage's. */
const ARRIVALS_BATCH_FACTOR = 10;

/** Arguments of {@link Lake}, with what its functions run: `code` or `images`. */
export type LakeArgs = LakeBase & LakeCode;

interface LakeBase {
  scope: Scope;
  settings: LakeSettings;
  /** The datasets. */
  manifests: readonly Manifest[];
}

/** The parts of a {@link Lake}. */
export interface LakeNodes {
  storage: LakeStorage;
  tables: ControlTables;
  catalog: Catalog;
  /** Only where functions run archives. */
  code?: CodeStore;
  /** Only where functions run archives. */
  layer?: CommonLayer;
  arrivals: Arrivals;
  arrivalsConsumer: Consumer;
  functions: LakeFunctions;
  stageA: StageA;
  engines: Engines;
  stageB: StageB;
  datasets: Dataset[];
  /** Backfills, schedules, the HTTP API. */
  ingress: Ingress;
  /** Compare datasets with their control tables. */
  reconciling: ReconcileSchedules;
}

/** A data lake: three zones, control tables, two stages, a catalogue, and the datasets that flow through them. */
export class Lake extends Component<LakeNodes> {
  readonly nodes: LakeNodes;
  private readonly args: LakeArgs;

  constructor(
    private readonly logicalName: string,
    args: LakeArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("lake:Lake", logicalName, withDefaultTags(args.scope, args.settings.tags, opts));
    this.args = { ...args, manifests: carriedOut(args, this) };
    const storage = this.storage();
    const tables = this.tables(storage);
    const catalog = this.catalog(storage);
    const archives = this.archives(storage);
    const arrivals = this.arrivals(storage);
    const environment = environmentOf(this.args, { storage, tables, catalog, arrivals });
    const parts = { ...this.args, archives, key: storage.key, environment };
    const without: OptionalFunction[] = takesRequests(args.manifests) ? [] : ["trigger"];
    const functions = lakeFunctions(this.logicalName, parts, without, this.child());
    const stageA = this.stageA(storage, functions);
    const engines = this.engines(storage, catalog);
    const stageB = this.stageB(storage, functions, engines);
    const datasets = this.datasets(storage, tables, catalog, { functions, stageA, stageB });
    const arrivalsConsumer = this.route(arrivals, functions.routing, datasets);
    const ingress = this.ingress(storage, functions);
    grantAll(functions, {
      engines,
      ingress,
      storage,
      tables: tables.nodes,
      catalog,
      arrivals,
      stageA,
      stageB,
      datasets,
    });
    const reconciling = this.reconciling(functions);
    const stages = { arrivals, arrivalsConsumer, stageA, stageB, reconciling };
    const { store: code, layer } = archives ?? {};
    this.nodes = { storage, tables, catalog, code, layer, functions, engines, datasets, ingress, ...stages };
    controlItems(this.logicalName, { ...this.args, tables: tables.nodes, stageA, stageB }, this.child());
    this.registerOutputs({});
  }

  /** What the stack tells; docs/architecture.md lists it. */
  get outputs() {
    const { storage, tables, catalog, arrivals, functions, stageA, stageB, datasets, ingress } = this.nodes;
    return {
      rawBucket: storage.raw.bucketName,
      stageBucket: storage.stage.bucketName,
      analyticsBucket: storage.analytics.bucketName,
      ...tables.outputs,
      database: catalog.database,
      workgroup: catalog.workgroup,
      arrivalsQueueUrl: arrivals.queue.main.url,
      arrivalsDlqUrl: arrivals.queue.dlq.url,
      functions: Object.fromEntries(Object.entries(functions).map(([name, { aliasArn }]) => [name, aliasArn])),
      ...(this.args.images && { images: deployedImages(this.args.images, functions) }),
      datasets: Object.fromEntries(datasets.map((dataset) => [dataset.id, dataset.outputs])),
      stageAStateMachineArn: stageA.machine.arn,
      stageBStateMachineArn: stageB.machine.arn,
      ...ingress.outputs,
      region: this.args.scope.region,
      account: this.args.scope.account,
    };
  }

  private storage(): LakeStorage {
    const { scope, settings, manifests: datasets } = this.args;
    const { retention, lifecycle, forceDestroy, keyDeletionWindow } = settings;
    return new LakeStorage(
      this.logicalName,
      { scope, retention, datasets, lifecycle, forceDestroy, keyDeletionWindow },
      this.child(),
    );
  }

  private tables({ key }: LakeStorage): ControlTables {
    const { scope, settings } = this.args;
    const { deletionProtection, pointInTimeRecovery } = settings;
    return new ControlTables(this.logicalName, { scope, key, deletionProtection, pointInTimeRecovery }, this.child());
  }

  private catalog({ analytics, key }: LakeStorage): Catalog {
    const { scope, settings } = this.args;
    const { bytesScannedLimit, forceDestroy } = settings;
    return new Catalog(
      this.logicalName,
      { scope, results: analytics, key, bytesScannedLimit, forceDestroy },
      this.child(),
    );
  }

  private archives({ key }: LakeStorage): ArchiveParts | undefined {
    const { scope, settings, code } = this.args;
    if (code === undefined) return undefined;
    const { lifecycle, architecture } = settings;
    const store = new CodeStore(`${this.logicalName}-code`, { scope, key, lifecycle }, this.child());
    const layer = new CommonLayer(
      `${this.logicalName}-layer`,
      { scope, store, directory: code.layer, architecture },
      this.child(),
    );
    return { store, layer };
  }

  private reconciling({ reconcile }: LakeFunctions): ReconcileSchedules {
    const { scope, manifests } = this.args;
    return new ReconcileSchedules(
      `${this.logicalName}-reconciling`,
      { scope, manifests, function: reconcile },
      this.child(),
    );
  }

  private arrivals({ raw }: LakeStorage): Arrivals {
    return new Arrivals(`${this.logicalName}-arrivals`, { scope: this.args.scope, bucket: raw }, this.child());
  }

  private stageA({ key }: LakeStorage, functions: LakeFunctions): StageA {
    return new StageA(
      `${this.logicalName}-stage-a`,
      {
        ...this.stage(key),
        functions: {
          preUpdate: functions["stage-a-preupdate-metadata"],
          process: functions["stage-a-process-object"],
          postUpdate: functions["stage-a-postupdate-metadata"],
          error: functions["stage-a-error"],
        },
      },
      this.child(),
    );
  }

  private stageB({ key }: LakeStorage, functions: LakeFunctions, engines: Engines): StageB {
    return new StageB(
      `${this.logicalName}-stage-b`,
      {
        ...this.stage(key),
        functions: {
          processData: functions["stage-b-process-data"],
          checkJob: functions["stage-b-check-job"],
          crawlData: functions["stage-b-crawl-data"],
          postUpdate: functions["stage-b-postupdate-metadata"],
          error: functions["stage-b-error"],
        },
        engines,
      },
      this.child(),
    );
  }

  private engines(storage: LakeStorage, catalog: Catalog): Engines {
    const { scope, settings, manifests } = this.args;
    return new Engines(
      `${this.logicalName}-engines`,
      { scope, settings: settings.engines, manifests, storage, catalog },
      this.child(),
    );
  }

  private ingress(storage: LakeStorage, functions: LakeFunctions): Ingress {
    const { manifests } = this.args;
    return new Ingress(
      `${this.logicalName}-ingress`,
      { ...this.stage(storage.key), storage, functions, manifests },
      this.child(),
    );
  }

  private stage(key: LakeStorage["key"]) {
    const { scope, settings } = this.args;
    return { scope, tracing: settings.tracing, logs: { retention: settings.retention.logs, key } };
  }

  private datasets(
    storage: LakeStorage,
    { nodes: tables }: ControlTables,
    catalog: Catalog,
    { functions, stageA, stageB }: Pick<LakeNodes, "functions" | "stageA" | "stageB">,
  ): Dataset[] {
    const { scope, settings, manifests } = this.args;
    return manifests.map(
      (manifest) =>
        new Dataset(
          `${this.logicalName}-${manifest.team}-${manifest.dataset}`,
          {
            scope,
            manifest,
            files: storage.stage,
            catalog,
            registry: tables.datasets,
            stageA: { router: functions["stage-a-routing"], machine: stageA.machine },
            stageB: { router: functions["stage-b-routing"], machine: stageB.machine },
            batchSize: settings.batchSize,
            maximumConcurrency: settings.throughput.maximumConcurrency,
          },
          this.child(),
        ),
    );
  }

  private route({ queue }: Arrivals, routing: ContainerFunction, datasets: Dataset[]): Consumer {
    return new Consumer(
      `${this.logicalName}-arrivals`,
      {
        queue,
        function: routing,
        batchSize: arrivalsBatch(this.args.settings.batchSize),
        window: this.args.settings.throughput.window,
        maximumConcurrency: this.args.settings.throughput.maximumConcurrency.arrivals,
        // An object whose dataset is not registered yet would be rejected.
        after: datasets.map((dataset) => dataset.nodes.item),
      },
      this.child(),
    );
  }
}

/** One message at a time stays one at a time. */
function arrivalsBatch(batchSize: number): number {
  return batchSize === 1 ? 1 : batchSize * ARRIVALS_BATCH_FACTOR;
}

/** Images of functions that were made: one that no dataset wants runs none. */
function deployedImages(images: FunctionUris, functions: LakeFunctions): FunctionUris {
  return Object.fromEntries(Object.entries(images).filter(([name]) => name in functions));
}

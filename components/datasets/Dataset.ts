import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Manifest } from "../../layer/manifest-schema";
import { userError } from "../../automation/errors";
import { Component, type Transform, transformed } from "../Component";
import { crawlerName } from "../engines/Crawlers";
import type { ContainerFunction } from "../compute/ContainerFunction";
import type { Scope } from "../scope";
import { Consumer, type ConsumerArgs } from "../stages/Consumer";
import { Queue, type QueueArgs } from "../stages/Queue";
import type { StateMachine } from "../stages/StateMachine";
import { timings } from "../stages/timings";
import type { ControlTable } from "../storage/ControlTable";
import { PIPELINE } from "../storage/tableKeys";
import type { SecureBucket } from "../storage/SecureBucket";
import type { Duration } from "../units";
import type { Catalog } from "./Catalog";
import { namedQueries } from "./namedQueries";
import { tableArgs, tableOptions } from "./table";

/** A stage as its datasets see it. */
export interface DatasetStage {
  /** Who handles the messages of the stage's queues. */
  router: ContainerFunction;
  /** What the router starts. */
  machine: StateMachine<string>;
}

/** Arguments of {@link Dataset}. */
export interface DatasetArgs {
  scope: Scope;
  /** What the dataset is: columns, transforms, expectations. */
  manifest: Manifest;
  /** Bucket that holds the table's files. */
  files: SecureBucket;
  /** Where the table is registered. */
  catalog: Catalog;
  /** The control table `datasets`. */
  registry: ControlTable;
  stageA: DatasetStage;
  stageB: DatasetStage;
  /** Most messages that a router takes at once, 1 to 10. */
  batchSize: number;
  /** Most invocations at a time of each stage's router, 2 to 1,000. @default as many as Lambda scales to */
  maximumConcurrency?: { stageA?: number | undefined; stageB?: number | undefined };
  /** Changes to the children. */
  transform?: {
    queueA?: QueueArgs["transform"];
    queueB?: QueueArgs["transform"];
    consumerA?: ConsumerArgs["transform"];
    consumerB?: ConsumerArgs["transform"];
    table?: Transform<aws.glue.CatalogTableArgs>;
    item?: Transform<aws.dynamodb.TableItemArgs>;
  };
}

/** The parts of a {@link Dataset}. */
export interface DatasetNodes {
  queueA: Queue;
  queueB: Queue;
  consumerA: Consumer;
  consumerB: Consumer;
  table: aws.glue.CatalogTable;
  item: aws.dynamodb.TableItem;
  /** By their names; only those that the dataset's folder holds. */
  queries: Record<string, aws.athena.NamedQuery>;
}

/** A team's dataset: its queues for both stages, its table, and its entry in the control table `datasets`. */
export class Dataset extends Component<DatasetNodes> {
  readonly nodes: DatasetNodes;
  /** `team/dataset`. */
  readonly id: string;
  private readonly args: DatasetArgs;

  constructor(
    private readonly logicalName: string,
    args: DatasetArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("datasets:Dataset", logicalName, opts);
    this.args = args;
    this.id = `${args.manifest.team}/${args.manifest.dataset}`;
    const queueA = this.queue("a", timings.stageA.visibility, args.transform?.queueA);
    const queueB = this.queue("b", timings.stageB.visibility, args.transform?.queueB);
    const table = new aws.glue.CatalogTable(
      `${logicalName}-table`,
      transformed(args.transform?.table, tableArgs(args.manifest, args.catalog.database, args.files.bucketName)),
      this.child(tableOptions(args.manifest)),
    );
    const item = this.register(queueA, queueB, table);
    const queries = namedQueries(logicalName, args.manifest, args.catalog, this.child());
    this.nodes = {
      queueA,
      queueB,
      consumerA: this.consume("a", queueA, args.stageA, item),
      consumerB: this.consume("b", queueB, args.stageB, item),
      table,
      item,
      queries,
    };
    this.registerOutputs({});
  }

  /** The dataset as the stack's outputs show it. */
  get outputs() {
    const { queueA, queueB, table } = this.nodes;
    return {
      table: table.name,
      stageAQueueUrl: queueA.main.url,
      stageADlqUrl: queueA.dlq.url,
      stageBQueueUrl: queueB.main.url,
      stageBDlqUrl: queueB.dlq.url,
    };
  }

  private queue(stage: "a" | "b", visibility: Duration, transform: QueueArgs["transform"]): Queue {
    const { scope, manifest } = this.args;
    return new Queue(
      `${this.logicalName}-${stage}`,
      {
        scope,
        what: `${manifest.team}-${manifest.dataset}-${stage}`,
        fifo: true,
        family: `stage-${stage}`,
        visibility,
        transform,
      },
      this.child(),
    );
  }

  private consume(stage: "a" | "b", queue: Queue, { router, machine }: DatasetStage, item: pulumi.Resource): Consumer {
    const transform = stage === "a" ? this.args.transform?.consumerA : this.args.transform?.consumerB;
    return new Consumer(
      `${this.logicalName}-${stage}`,
      {
        queue,
        function: router,
        batchSize: this.args.batchSize,
        maximumConcurrency: this.args.maximumConcurrency?.[stage === "a" ? "stageA" : "stageB"],
        after: [machine.nodes.machine, item],
        transform,
      },
      this.child(),
    );
  }

  private register(queueA: Queue, queueB: Queue, table: aws.glue.CatalogTable): aws.dynamodb.TableItem {
    const { registry, manifest, transform } = this.args;
    const text = (value: pulumi.Input<string>) => ({ S: value });
    const crawler = crawlerName(this.args.scope, manifest);
    return new aws.dynamodb.TableItem(
      `${this.logicalName}-item`,
      transformed(transform?.item, {
        tableName: registry.tableName,
        hashKey: "team",
        rangeKey: "dataset",
        item: pulumi.jsonStringify({
          team: text(manifest.team),
          dataset: text(manifest.dataset),
          pipeline: text(PIPELINE),
          manifest: text(manifestText(manifest)),
          ...(crawler !== undefined && { crawler: text(crawler) }),
          stageAQueueUrl: text(queueA.main.url),
          stageADlqUrl: text(queueA.dlq.url),
          stageBQueueUrl: text(queueB.main.url),
          stageBDlqUrl: text(queueB.dlq.url),
          table: text(table.name),
        }),
      }),
      this.child(),
    );
  }
}

/** Bytes of a manifest in its item: DynamoDB takes 400 KB for an item, and the other attributes need some. */
const MOST_MANIFEST = 390 * 1024;

function manifestText(manifest: Manifest): string {
  const text = JSON.stringify({ ...manifest, queries: undefined });
  const bytes = Buffer.byteLength(text);
  if (bytes <= MOST_MANIFEST) return text;
  throw userError(
    "ManifestTooLarge",
    `datasets/${manifest.team}/${manifest.dataset}: manifest and SQL have ${bytes} bytes; the control table takes ${MOST_MANIFEST}`,
    "shorten its SQL, comments or expectations, or split the dataset",
  );
}

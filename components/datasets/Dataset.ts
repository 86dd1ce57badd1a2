import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Manifest } from "../../layer/manifest-schema";
import { Component, type Transform, transformed } from "../Component";
import type { ContainerFunction } from "../compute/ContainerFunction";
import { type Grantee } from "../iam";
import { arn, type Scope } from "../scope";
import { Consumer, type ConsumerArgs } from "../stages/Consumer";
import { Queue, type QueueArgs } from "../stages/Queue";
import type { StateMachine } from "../stages/StateMachine";
import { timings } from "../stages/timings";
import type { ControlTable } from "../storage/ControlTable";
import type { SecureBucket } from "../storage/SecureBucket";
import type { Duration } from "../units";
import type { Catalog } from "./Catalog";
import { tableArgs } from "./table";

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
      this.child(),
    );
    const item = this.register(queueA, queueB, table);
    this.nodes = {
      queueA,
      queueB,
      consumerA: this.consume("a", queueA, args.stageA, item),
      consumerB: this.consume("b", queueB, args.stageB, item),
      table,
      item,
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

  /** Allows reading the table's definition and registering partitions. */
  grantPartitions(grantee: Grantee): void {
    const { scope, catalog, manifest } = this.args;
    grantee.addStatements({
      actions: ["glue:GetTable", "glue:BatchCreatePartition"],
      resources: [
        arn(scope, "glue", "catalog"),
        catalog.database.apply((database) => arn(scope, "glue", `database/${database}`)),
        catalog.database.apply((database) => arn(scope, "glue", `table/${database}/${manifest.table}`)),
      ],
    });
  }

  private queue(stage: "a" | "b", visibility: Duration, transform: QueueArgs["transform"]): Queue {
    const { scope, manifest } = this.args;
    return new Queue(
      `${this.logicalName}-${stage}`,
      { scope, what: `${manifest.team}-${manifest.dataset}-${stage}`, fifo: true, visibility, transform },
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
        after: [machine.nodes.machine, item],
        transform,
      },
      this.child(),
    );
  }

  private register(queueA: Queue, queueB: Queue, table: aws.glue.CatalogTable): aws.dynamodb.TableItem {
    const { registry, manifest, transform } = this.args;
    const text = (value: pulumi.Input<string>) => ({ S: value });
    return new aws.dynamodb.TableItem(
      `${this.logicalName}-item`,
      transformed(transform?.item, {
        tableName: registry.tableName,
        hashKey: "team",
        rangeKey: "dataset",
        item: pulumi.jsonStringify({
          team: text(manifest.team),
          dataset: text(manifest.dataset),
          manifest: text(JSON.stringify(manifest)),
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

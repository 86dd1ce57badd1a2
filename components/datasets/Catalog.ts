import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Component, type Transform, transformed } from "../Component";
import { physicalName, type Scope } from "../scope";
import type { CustomerKey } from "../storage/CustomerKey";
import type { SecureBucket } from "../storage/SecureBucket";
import { type Size, toBytes } from "../units";

/** Arguments of {@link Catalog}. */
export interface CatalogArgs {
  scope: Scope;
  /** Where query results go, under `athena/`. */
  results: SecureBucket;
  /** Key that query results are encrypted with. */
  key: CustomerKey;
  /** A query that would read more is cancelled; at least "10 MB". @default "100 GB" */
  bytesScannedLimit?: Size;
  /** Deletes the workgroup with its history, too, when the lake is destroyed. @default false */
  forceDestroy?: boolean;
  /** Changes to the children. */
  transform?: {
    database?: Transform<aws.glue.CatalogDatabaseArgs>;
    workgroup?: Transform<aws.athena.WorkgroupArgs>;
  };
}

/** The parts of a {@link Catalog}. */
export interface CatalogNodes {
  database: aws.glue.CatalogDatabase;
  workgroup: aws.athena.Workgroup;
}

/** Prefix of query results in their bucket. */
export const RESULTS_PREFIX = "athena/";

/** The lake's database of tables, and the workgroup that every query runs in: its settings win over the caller's. */
export class Catalog extends Component<CatalogNodes> {
  readonly nodes: CatalogNodes;
  /** The database's name. */
  readonly database: pulumi.Output<string>;
  /** The workgroup's name. */
  readonly workgroup: pulumi.Output<string>;

  constructor(name: string, args: CatalogArgs, opts?: pulumi.ComponentResourceOptions) {
    super("datasets:Catalog", name, opts);
    const { scope, transform = {} } = args;
    const database = new aws.glue.CatalogDatabase(
      `${name}-database`,
      transformed(transform.database, {
        name: physicalName("glueDatabase", scope, "lake"),
        description: `Tables of ${scope.project} ${scope.env}`,
      }),
      this.child(),
    );
    const workgroup = new aws.athena.Workgroup(
      `${name}-workgroup`,
      transformed(transform.workgroup, {
        name: physicalName("athenaWorkgroup", scope, "lake"),
        description: `Queries on ${scope.project} ${scope.env}`,
        forceDestroy: args.forceDestroy ?? false,
        configuration: configuration(name, args),
      }),
      this.child(),
    );
    this.database = database.name;
    this.workgroup = workgroup.name;
    this.nodes = { database, workgroup };
    this.registerOutputs({ database: this.database, workgroup: this.workgroup });
  }
}

function configuration(name: string, { results, key, bytesScannedLimit }: CatalogArgs) {
  return {
    enforceWorkgroupConfiguration: true,
    publishCloudwatchMetricsEnabled: true,
    bytesScannedCutoffPerQuery: toBytes(bytesScannedLimit ?? "100 GB", `${name}.bytesScannedLimit`),
    resultConfiguration: {
      outputLocation: pulumi.interpolate`s3://${results.bucketName}/${RESULTS_PREFIX}`,
      encryptionConfiguration: { encryptionOption: "SSE_KMS", kmsKeyArn: key.arn },
    },
  };
}

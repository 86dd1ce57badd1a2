import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Component, type Transform, transformed } from "../Component";
import type { Grantee } from "../iam";
import { arn, physicalName, type Scope } from "../scope";
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
  private readonly scope: Scope;

  constructor(name: string, args: CatalogArgs, opts?: pulumi.ComponentResourceOptions) {
    super("datasets:Catalog", name, opts);
    const { scope, transform = {} } = args;
    this.scope = scope;
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

  /** Names of its parts, known before they exist. */
  get names(): { database: string; workgroup: string } {
    return {
      database: physicalName("glueDatabase", this.scope, "lake"),
      workgroup: physicalName("athenaWorkgroup", this.scope, "lake"),
    };
  }

  /** Allows running queries in the workgroup; what they read and write, the caller needs permissions for as well. */
  grantQueries(grantee: Grantee): void {
    const actions = ["StartQueryExecution", "GetQueryExecution", "GetQueryResults", "StopQueryExecution"];
    grantee.addStatements(
      { actions: actions.map((action) => `athena:${action}`), resources: [this.workgroupArn] },
      { actions: ["athena:GetDataCatalog"], resources: [arn(this.scope, "athena", "datacatalog/AwsDataCatalog")] },
    );
  }

  /** Allows reading the results of queries in the workgroup. */
  grantResults(grantee: Grantee): void {
    grantee.addStatements({ actions: ["athena:GetQueryResults"], resources: [this.workgroupArn] });
  }

  /**
   * Allows reading definitions of the lake's tables, its engines' inputs included, and their partitions.
   *
   * @param use `write` also changes tables and adds partitions: commits to Iceberg tables, crawlers
   */
  grantTables(grantee: Grantee, use: "read" | "write"): void {
    const { scope } = this;
    const reading = ["GetDatabase", "GetTable", "GetTables", "GetPartition", "GetPartitions", "BatchGetPartition"];
    const writing = ["UpdateTable", "CreatePartition", "BatchCreatePartition", "UpdatePartition"];
    const databases = [this.names.database, physicalName("glueDatabase", scope, "input")];
    const resources = databases.flatMap((name) => [`database/${name}`, `table/${name}/*`]);
    const named = (paths: string[]) => paths.map((path) => arn(scope, "glue", path));
    grantee.addStatements(
      { actions: reading.map((action) => `glue:${action}`), resources: named(["catalog", ...resources]) },
      // Athena and Spark look at the database `default`, whatever a query names.
      { actions: ["glue:GetDatabase"], resources: named(["catalog", "database/default"]) },
    );
    if (use === "write") {
      const actions = writing.map((action) => `glue:${action}`);
      grantee.addStatements({ actions, resources: named(["catalog", ...resources]) });
    }
  }

  private get workgroupArn(): string {
    return arn(this.scope, "athena", `workgroup/${this.names.workgroup}`);
  }

  /** Allows reading the definitions of the database's tables and registering their partitions. */
  grantPartitions(grantee: Grantee): void {
    const { scope } = this;
    grantee.addStatements({
      actions: ["glue:GetTable", "glue:BatchCreatePartition"],
      resources: [
        arn(scope, "glue", "catalog"),
        this.database.apply((database) => arn(scope, "glue", `database/${database}`)),
        // The database is the lake's own. Table by table, 500 datasets would not fit into a role's policy.
        this.database.apply((database) => arn(scope, "glue", `table/${database}/*`)),
      ],
    });
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

import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { Manifest } from "../../layer/manifest-schema";
import { Component, type Transform, transformed } from "../Component";
import { ServiceRole } from "../compute/ServiceRole";
import type { Catalog } from "../datasets/Catalog";
import { type Grantee } from "../iam";
import { arn, nameStart, physicalName, type Scope } from "../scope";
import type { SecureBucket } from "../storage/SecureBucket";

/** Arguments of {@link Crawlers}. */
export interface CrawlersArgs {
  scope: Scope;
  /** Bucket that holds the tables' files. */
  files: SecureBucket;
  catalog: Catalog;
  /** Datasets whose manifest asks for a crawler. */
  manifests: readonly Manifest[];
  /** Changes to the children. */
  transform?: { crawler?: Transform<aws.glue.CrawlerArgs> };
}

/** Name of a dataset's crawler, known before it exists; undefined where its manifest asks for none. */
export function crawlerName(scope: Scope, { team, dataset, catalogue }: Manifest): string | undefined {
  return catalogue.crawler ? physicalName("glueCrawler", scope, `${team}-${dataset}`) : undefined;
}

/**
 * Crawlers over the tables of datasets that ask for one. Stage B registers partitions by itself and the program declares the
 * columns; a crawler is for files that others put into a table's folder. It may add partitions, and changes no columns.
 */
export class Crawlers extends Component<{ role: ServiceRole; crawlers: aws.glue.Crawler[] }> {
  readonly nodes: { role: ServiceRole; crawlers: aws.glue.Crawler[] };
  private readonly scope: Scope;

  constructor(name: string, args: CrawlersArgs, opts?: pulumi.ComponentResourceOptions) {
    super("engines:Crawlers", name, opts);
    const { scope, catalog, files, manifests, transform } = args;
    this.scope = scope;
    const role = new ServiceRole(name, { scope, what: "crawler", service: "glue" }, this.child());
    files.grantRead(role, "post/");
    files.grantList(role, "post/");
    catalog.grantTables(role, "write");
    role.addStatements({
      actions: ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
      resources: [arn(scope, "logs", "log-group:/aws-glue/crawlers*")],
    });
    const crawlers = manifests.map(
      (manifest) =>
        new aws.glue.Crawler(
          `${name}-${manifest.team}-${manifest.dataset}`,
          transformed(transform?.crawler, {
            name: crawlerName(scope, manifest),
            description: `Partitions of ${manifest.team}/${manifest.dataset}`,
            role: role.arn,
            databaseName: catalog.database,
            catalogTargets: [{ databaseName: catalog.database, tables: [manifest.table] }],
            // A crawler over tables may not delete what it misses.
            schemaChangePolicy: { deleteBehavior: "LOG", updateBehavior: "LOG" },
            configuration: JSON.stringify({
              Version: 1,
              CrawlerOutput: { Partitions: { AddOrUpdateBehavior: "InheritFromTable" } },
            }),
          }),
          this.child({ dependsOn: role.policy }),
        ),
    );
    this.nodes = { role, crawlers };
    this.registerOutputs({});
  }

  /** Allows starting the lake's crawlers. */
  grantStart(grantee: Grantee): void {
    const crawlers = arn(this.scope, "glue", `crawler/${nameStart("glueCrawler", this.scope)}*`);
    grantee.addStatements({ actions: ["glue:StartCrawler"], resources: [crawlers] });
  }
}

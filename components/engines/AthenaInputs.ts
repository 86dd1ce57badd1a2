import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { csvColumns } from "../../layer/engines/statements";
import type { Manifest } from "../../layer/manifest-schema";
import { Component, type Transform, transformed } from "../Component";
import { physicalName, type Scope } from "../scope";
import type { SecureBucket } from "../storage/SecureBucket";
import { ENGINES } from "./prefixes";

/** Arguments of {@link AthenaInputs}. */
export interface AthenaInputsArgs {
  scope: Scope;
  /** Bucket that holds the CSV files. */
  files: SecureBucket;
  /** Datasets that Athena may transform. */
  manifests: readonly Manifest[];
  /** Changes to the children. */
  transform?: {
    database?: Transform<aws.glue.CatalogDatabaseArgs>;
    table?: Transform<aws.glue.CatalogTableArgs>;
  };
}

/** The parts of {@link AthenaInputs}. */
export interface AthenaInputsNodes {
  database: aws.glue.CatalogDatabase;
  /** By the dataset's table. */
  tables: Record<string, aws.glue.CatalogTable>;
}

/** Name of the database of what Athena transforms, known before it exists. */
export function inputDatabaseName(scope: Scope): string {
  return physicalName("glueDatabase", scope, "input");
}

/** The separator, quote and escape of Stage A's CSV. A character that text hardly holds escapes: quotes are written twice. */
const CSV = { separatorChar: ",", quoteChar: '"', escapeChar: "\u0001" };

/**
 * What Athena reads its input from: a table a dataset over the CSV files of Stage A, in a database of their own, so that people
 * who query the lake do not meet them. A query has to name one object, whose CSV has a folder of its own.
 */
export class AthenaInputs extends Component<AthenaInputsNodes> {
  readonly nodes: AthenaInputsNodes;

  constructor(name: string, args: AthenaInputsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("engines:AthenaInputs", name, opts);
    const { scope, manifests, transform = {} } = args;
    const database = new aws.glue.CatalogDatabase(
      `${name}-database`,
      transformed(transform.database, {
        name: inputDatabaseName(scope),
        description: `Input of transforms of ${scope.project} ${scope.env}: one object at a time`,
      }),
      this.child(),
    );
    const tables = manifests.map((manifest) => [
      manifest.table,
      new aws.glue.CatalogTable(
        `${name}-${manifest.team}-${manifest.dataset}-table`,
        transformed(transform.table, inputTable(manifest, database.name, args.files.bucketName)),
        this.child(),
      ),
    ]);
    this.nodes = { database, tables: Object.fromEntries(tables) as AthenaInputsNodes["tables"] };
    this.registerOutputs({ database: database.name });
  }
}

/** A table over the CSV of one object, which every query has to name: `_object = '<file stem>'`. */
export function inputTable(
  manifest: Manifest,
  databaseName: pulumi.Input<string>,
  bucket: pulumi.Input<string>,
): aws.glue.CatalogTableArgs {
  const { team, dataset, table } = manifest;
  const location = pulumi.interpolate`s3://${bucket}/${ENGINES}${team}/${dataset}/in/`;
  return {
    name: table,
    databaseName,
    description: `CSV of ${team}/${dataset}, all columns as text`,
    tableType: "EXTERNAL_TABLE",
    parameters: {
      EXTERNAL: "TRUE",
      classification: "csv",
      "skip.header.line.count": "1",
      // No partition is ever registered: the folder is made from the name that the query gives.
      "projection.enabled": "true",
      "projection._object.type": "injected",
      "storage.location.template": pulumi.interpolate`${location}$\{_object}/`,
    },
    partitionKeys: [{ name: "_object", type: "string" }],
    storageDescriptor: {
      location,
      columns: csvColumns(manifest).map((name) => ({ name, type: "string" })),
      inputFormat: "org.apache.hadoop.mapred.TextInputFormat",
      outputFormat: "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
      serDeInfo: { serializationLibrary: "org.apache.hadoop.hive.serde2.OpenCSVSerde", parameters: CSV },
    },
  };
}

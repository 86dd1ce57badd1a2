import type * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { SOURCE_COLUMNS } from "../../layer/engines/iceberg";
import type { Manifest } from "../../layer/manifest-schema";
import { fileColumns, partitionKeys } from "../../layer/manifest/output";

const parquet = {
  inputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
  outputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
  serializationLibrary: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
};

/**
 * An Iceberg table, which Glue makes and Athena or Spark then keep: its files, its snapshots, its schema.
 */
function icebergArgs(
  manifest: Manifest,
  database: pulumi.Input<string>,
  bucket: pulumi.Input<string>,
): aws.glue.CatalogTableArgs {
  const { team, dataset, table, description } = manifest;
  const source = SOURCE_COLUMNS.map((name) => ({
    name,
    type: "string",
    comment: "Which object version the row is from",
  }));
  const columns = fileColumns(manifest).map(({ name, type, comment }) => ({ name, type, comment }));
  return {
    name: table,
    databaseName: database,
    description,
    tableType: "EXTERNAL_TABLE",
    openTableFormatInput: { icebergInput: { metadataOperation: "CREATE", version: "2" } },
    storageDescriptor: {
      location: pulumi.interpolate`s3://${bucket}/iceberg/${team}/${dataset}`,
      columns: [...columns, ...source],
    },
  };
}

/** Options of a dataset's table: what engines change of an Iceberg table in the catalogue is theirs, and is not changed back. */
export function tableOptions({ output }: Manifest): pulumi.CustomResourceOptions {
  if (output.format !== "iceberg") return {};
  return { ignoreChanges: ["parameters", "storageDescriptor", "openTableFormatInput", "partitionKeys"] };
}

/** A dataset's table over its Parquet files: the columns of its files, and the partition columns apart. */
export function tableArgs(
  manifest: Manifest,
  database: pulumi.Input<string>,
  bucket: pulumi.Input<string>,
): aws.glue.CatalogTableArgs {
  if (manifest.output.format === "iceberg") return icebergArgs(manifest, database, bucket);
  const { team, dataset, table, description } = manifest;
  const columns = fileColumns(manifest).map(({ name, type, comment }) => ({ name, type, comment }));
  const partitions = partitionKeys(manifest).map(({ name, type, comment }) => ({ name, type, comment }));
  return {
    name: table,
    databaseName: database,
    description,
    tableType: "EXTERNAL_TABLE",
    parameters: { EXTERNAL: "TRUE", classification: "parquet" },
    partitionKeys: partitions,
    storageDescriptor: {
      location: pulumi.interpolate`s3://${bucket}/post/${team}/${dataset}/`,
      columns,
      inputFormat: parquet.inputFormat,
      outputFormat: parquet.outputFormat,
      serDeInfo: { serializationLibrary: parquet.serializationLibrary, parameters: { "serialization.format": "1" } },
    },
  };
}

import type * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Manifest } from "../../layer/manifest-schema";

const parquet = {
  inputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
  outputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
  serializationLibrary: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
};

/** A dataset's table over its Parquet files: the manifest's output columns, partition columns apart. */
export function tableArgs(
  manifest: Manifest,
  database: pulumi.Input<string>,
  bucket: pulumi.Input<string>,
): aws.glue.CatalogTableArgs {
  const { team, dataset, table, description, output, partitionBy } = manifest;
  const partitions = partitionBy.map((name) => output.columns.find((column) => column.name === name)!);
  const columns = output.columns.filter((column) => !partitionBy.includes(column.name));
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

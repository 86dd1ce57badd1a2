import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  AthenaClient,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  StartQueryExecutionCommand,
} from "@aws-sdk/client-athena";
import { CreateDatabaseCommand, CreateTableCommand, GlueClient } from "@aws-sdk/client-glue";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { DuckDBInstance } from "@duckdb/node-api";
import { silent } from "../../../automation/events";
import { ensureLocalAws } from "../../../automation/local";
import { clientsOf, Roots } from "./support";

describe("Athena on the local AWS", () => {
  const roots = new Roots();
  after(() => roots.removeAll());

  it("really reads the Parquet objects of a Glue table", async () => {
    const root = await roots.create();
    const file = path.join(root, "part.parquet");
    const connection = await (await DuckDBInstance.create()).connect();
    await connection.run(
      `copy (select range as id, range * 2 as twice from range(1000)) to '${file}' (format parquet)`,
    );
    const aws = await ensureLocalAws(root, silent);
    const { s3, options } = await clientsOf(aws);
    const [glue, athena] = [new GlueClient(options), new AthenaClient(options)];
    await s3.send(new CreateBucketCommand({ Bucket: "lake" }));
    await s3.send(new PutObjectCommand({ Bucket: "lake", Key: "t/part.parquet", Body: await fs.readFile(file) }));
    await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: "db" } }));
    await glue.send(
      new CreateTableCommand({
        DatabaseName: "db",
        TableInput: {
          Name: "t",
          TableType: "EXTERNAL_TABLE",
          StorageDescriptor: {
            Location: "s3://lake/t/",
            Columns: [
              { Name: "id", Type: "bigint" },
              { Name: "twice", Type: "bigint" },
            ],
            InputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            SerdeInfo: { SerializationLibrary: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe" },
          },
        },
      }),
    );
    const { QueryExecutionId } = await athena.send(
      new StartQueryExecutionCommand({
        QueryString: "select count(*) as n, sum(twice) as s from t where id >= 500",
        QueryExecutionContext: { Database: "db" },
        ResultConfiguration: { OutputLocation: "s3://lake/athena/" },
      }),
    );
    let status;
    do {
      await sleep(50);
      const { QueryExecution } = await athena.send(new GetQueryExecutionCommand({ QueryExecutionId }));
      status = QueryExecution?.Status;
    } while (status?.State === "QUEUED" || status?.State === "RUNNING");
    assert.equal(status?.State, "SUCCEEDED", status?.StateChangeReason);
    const { ResultSet } = await athena.send(new GetQueryResultsCommand({ QueryExecutionId }));
    const rows = ResultSet!.Rows!.map((row) => row.Data!.map((cell) => cell.VarCharValue));
    // The sum of 2 * id for 500 to 999.
    assert.deepEqual(rows, [
      ["n", "s"],
      ["500", "749500"],
    ]);
  });
});

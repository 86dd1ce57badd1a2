import {
  BatchExecuteStatementCommand,
  DescribeStatementCommand,
  ExecuteStatementCommand,
  GetStatementResultCommand,
  type DescribeStatementCommandOutput,
  type RedshiftDataClient,
} from "@aws-sdk/client-redshift-data";
import { setTimeout as sleep } from "node:timers/promises";
import { failed } from "./athena";
import type { AppliedMigration } from "./files";
import type { Warehouse } from "./types";

/** What Redshift is told. */
export interface RedshiftPlace {
  client: Pick<RedshiftDataClient, "send">;
  /** Of Redshift Serverless. */
  workgroup: string;
  database: string;
  signal?: AbortSignal;
  /** Between two looks at a statement (ms). @default 1,000 */
  interval?: number;
}

const table = "tributary_migrations";

const createTable = `create table if not exists ${table} (name varchar(255) not null, checksum char(64) not null, applied_at timestamp not null default getdate(), primary key (name))`;

/**
 * Redshift runs a batch as one transaction: a migration and the row that remembers it are there together or not at all. The
 * table is locked first, and a row that is there already fails the batch, so that two runs at once do not run it twice.
 */
export function redshiftWarehouse(place: RedshiftPlace): Warehouse {
  return {
    applied: async () => {
      await one(place, createTable);
      return rows(place, await one(place, `select name, checksum from ${table}`));
    },
    apply: async ({ name, checksum, statements }) => {
      const before = [`lock ${table}`, onlyOnce(name)];
      const remember = `insert into ${table} (name, checksum) values (${literal(name)}, ${literal(checksum)})`;
      const { client, workgroup: WorkgroupName, database: Database } = place;
      const Sqls = [...before, ...statements, remember];
      const request = { WorkgroupName, Database, Sqls, StatementName: name.slice(0, 500) };
      const { Id } = await client.send(new BatchExecuteStatementCommand(request));
      const ended = await wait(place, Id);
      if (ended.Status === "FINISHED") return;
      const at = (ended.SubStatements ?? []).findIndex(({ Status }) => Status === "FAILED");
      const index = Math.max(0, at - before.length);
      const reason = ended.SubStatements?.[at]?.Error ?? ended.Error ?? ended.Status ?? "no reason was given";
      throw failed(name, index, statements[index] ?? "", `${reason}; nothing of the file was applied`);
    },
    close: () => undefined,
  };
}

/** Fails the transaction by a division by zero when the migration is there already. */
function onlyOnce(name: string): string {
  return `select 1 / (case when exists (select 1 from ${table} where name = ${literal(name)}) then 0 else 1 end)`;
}

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

async function one(place: RedshiftPlace, Sql: string): Promise<string> {
  const { client, workgroup: WorkgroupName, database: Database } = place;
  const { Id = "" } = await client.send(new ExecuteStatementCommand({ WorkgroupName, Database, Sql }));
  const { Status, Error: reason } = await wait(place, Id);
  if (Status !== "FINISHED") throw failed(table, 0, Sql, reason ?? Status ?? "no reason was given");
  return Id;
}

async function wait(
  { client, signal, interval = 1_000 }: RedshiftPlace,
  Id: string | undefined,
): Promise<DescribeStatementCommandOutput> {
  for (;;) {
    const answer = await client.send(new DescribeStatementCommand({ Id }));
    if (["FINISHED", "FAILED", "ABORTED"].includes(answer.Status ?? "")) return answer;
    await sleep(interval, undefined, { signal });
  }
}

async function rows({ client }: RedshiftPlace, Id: string): Promise<AppliedMigration[]> {
  const found: AppliedMigration[] = [];
  let NextToken: string | undefined;
  do {
    const page = await client.send(new GetStatementResultCommand({ Id, NextToken }));
    for (const [name, checksum] of page.Records ?? []) {
      found.push({ name: name?.stringValue ?? "", checksum: (checksum?.stringValue ?? "").trim() });
    }
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return found;
}

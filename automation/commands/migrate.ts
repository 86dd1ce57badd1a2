import * as path from "node:path";
import { AthenaClient } from "@aws-sdk/client-athena";
import { RedshiftDataClient } from "@aws-sdk/client-redshift-data";
import { openBackend } from "../backend";
import type { Values } from "../cli/specification";
import { userError } from "../errors";
import { step } from "../events";
import { withLake } from "../lake/connect";
import { findLocalAws } from "../local";
import { athenaWarehouse } from "../pipeline/steps/migrations/athena";
import { pending, readMigrations, type Migration } from "../pipeline/steps/migrations/files";
import { redshiftWarehouse } from "../pipeline/steps/migrations/redshift";
import type { Warehouse } from "../pipeline/steps/migrations/types";
import { clientsOf } from "../pipeline/steps/clients";
import { environmentStacks, type Environment } from "../stacks/environments";
import type { CommandContext, Outcome } from "./context";

/** `tributary migrate <env>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const { env, stacks } = environmentStacks(context.root, String(values.env));
  const folder = path.resolve(context.root, String(values.folder));
  const migrations = await readMigrations(folder);
  const warehouse = await open(context, stacks[0]!, values);
  try {
    const open = pending(migrations, await warehouse.applied());
    for (const migration of open) await apply(context, warehouse, migration);
    const names = open.map(({ name }) => name);
    const before = migrations.length - names.length;
    const text = `${env}: ${names.length === 0 ? "no migration" : names.join(", ")} run; ${before} were run before\n`;
    return { document: { ok: true, env, applied: names, before }, text };
  } finally {
    warehouse.close();
  }
}

/** A migration is not left in the middle: after a Ctrl-C the one in flight is finished. */
function apply(context: CommandContext, warehouse: Warehouse, migration: Migration): Promise<void> {
  return context.shield(
    () => step(context.sink, `Run ${migration.name}`, () => warehouse.apply(migration)),
    () => undefined,
  );
}

async function open(context: CommandContext, stack: Environment, values: Values): Promise<Warehouse> {
  const database = typeof values.database === "string" ? values.database : undefined;
  const workgroup = typeof values.workgroup === "string" ? values.workgroup : undefined;
  if (values.engine === "redshift") return openRedshift(context, stack, database, workgroup);
  if (values.engine === "athena") return openAthena(context, stack, String(values.folder), database, workgroup);
  throw userError("WrongUsage", `--engine: found ${JSON.stringify(values.engine)}; allowed: athena or redshift`);
}

async function openAthena(
  { root }: CommandContext,
  stack: Environment,
  folder: string,
  database: string | undefined,
  workgroup: string | undefined,
): Promise<Warehouse> {
  const outputs = await withLake(root, stack, (lake) => Promise.resolve(lake.outputs));
  const { settings, close } = await clientsOf(root, stack);
  const aws = stack.local ? await findLocalAws(root) : undefined;
  const backend = openBackend(root, stack, aws?.env);
  const client = new AthenaClient(settings);
  const warehouse = athenaWarehouse({
    client,
    database: database ?? outputs.database,
    workgroup: workgroup ?? outputs.workgroup,
    store: backend.files,
    prefix: `migrations/${stack.project}/${stack.name}/${encodeURIComponent(folder)}/`,
  });
  return { ...warehouse, close: () => (client.destroy(), backend.close(), close()) };
}

async function openRedshift(
  { root }: CommandContext,
  stack: Environment,
  database: string | undefined,
  workgroup: string | undefined,
): Promise<Warehouse> {
  if (workgroup === undefined || database === undefined) {
    throw userError("WrongUsage", "--engine redshift needs --workgroup and --database", "tributary migrate --help");
  }
  const { settings, close } = await clientsOf(root, stack);
  const client = new RedshiftDataClient(settings);
  const warehouse = redshiftWarehouse({ client, workgroup, database });
  return { ...warehouse, close: () => (client.destroy(), close()) };
}

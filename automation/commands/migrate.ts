import * as path from "node:path";
import { AthenaClient } from "@aws-sdk/client-athena";
import { RedshiftDataClient } from "@aws-sdk/client-redshift-data";
import { openBackend } from "../backend";
import type { Values } from "../cli/specification";
import { userError } from "../errors";
import { step } from "../events";
import { withLake } from "../lake/connect";
import type { LakeOutputs } from "../lake/outputs";
import { findLocalAws } from "../local";
import { athenaWarehouse } from "../pipeline/steps/migrations/athena";
import { pending, readMigrations, type Migration } from "../pipeline/steps/migrations/files";
import { historyPrefix } from "../pipeline/steps/migrations/history";
import { filled, nameLake } from "../pipeline/steps/migrations/placeholders";
import { redshiftWarehouse } from "../pipeline/steps/migrations/redshift";
import type { Warehouse } from "../pipeline/steps/migrations/types";
import { clientsOf } from "../pipeline/steps/clients";
import { environmentStacks, type Environment } from "../stacks/environments";
import { roleVariables } from "../waves/accounts";
import type { CommandContext, Outcome } from "./context";

/** `tributary migrate <env>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const { env, stacks } = environmentStacks(context.root, String(values.env));
  const folder = path.resolve(context.root, String(values.folder));
  const migrations = await readMigrations(folder);
  const place = { stack: stacks[0]!, folder, ...placeOf(values) };
  const lake = await lakeOf(context, place, migrations);
  const warehouse = await open(context, place, lake);
  try {
    const raw = pending(migrations, await warehouse.applied());
    const open = lake ? filled(raw, lake) : raw;
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

/** What is asked for, checked. */
interface Place {
  stack: Environment;
  /** Absolute. */
  folder: string;
  engine: "athena" | "redshift";
  database?: string;
  workgroup?: string;
}

function placeOf({ engine, database, workgroup }: Values): Pick<Place, "engine" | "database" | "workgroup"> {
  if (engine !== "athena" && engine !== "redshift")
    throw userError("WrongUsage", `--engine: found ${JSON.stringify(engine)}; allowed: athena or redshift`);
  return {
    engine,
    ...(typeof database === "string" ? { database } : {}),
    ...(typeof workgroup === "string" ? { workgroup } : {}),
  };
}

/** The environment's lake, where something of it is needed: a warehouse of its own can be there before the lake is. */
function lakeOf({ root }: CommandContext, place: Place, migrations: Migration[]): Promise<LakeOutputs | undefined> {
  const own = place.engine === "athena" && (place.database === undefined || place.workgroup === undefined);
  if (!own && !nameLake(migrations)) return Promise.resolve(undefined);
  return withLake(root, place.stack, (lake) => Promise.resolve(lake.outputs));
}

const open = (context: CommandContext, place: Place, lake: LakeOutputs | undefined): Promise<Warehouse> =>
  place.engine === "redshift" ? openRedshift(context, place) : openAthena(context, place, lake);

async function openAthena({ root }: CommandContext, place: Place, lake: LakeOutputs | undefined): Promise<Warehouse> {
  const { stack, folder, database, workgroup } = place;
  const { settings, close } = await clientsOf(root, stack);
  const aws = stack.local ? await findLocalAws(root) : undefined;
  const backend = openBackend(
    root,
    stack,
    aws?.env ?? (await roleVariables({ aws: undefined, roles: new Map() }, stack)),
  );
  const client = new AthenaClient(settings);
  const warehouse = athenaWarehouse({
    client,
    database: database ?? lake!.database,
    workgroup: workgroup ?? lake!.workgroup,
    store: backend.files,
    prefix: historyPrefix(root, stack, folder, database),
  });
  return { ...warehouse, close: () => (client.destroy(), backend.close(), close()) };
}

async function openRedshift({ root }: CommandContext, { stack, database, workgroup }: Place): Promise<Warehouse> {
  if (workgroup === undefined || database === undefined) {
    throw userError("WrongUsage", "--engine redshift needs --workgroup and --database", "tributary migrate --help");
  }
  const { settings, close } = await clientsOf(root, stack);
  const client = new RedshiftDataClient(settings);
  const warehouse = redshiftWarehouse({ client, workgroup, database });
  return { ...warehouse, close: () => (client.destroy(), close()) };
}

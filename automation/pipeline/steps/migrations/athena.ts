import { createHash } from "node:crypto";
import { GetQueryExecutionCommand, StartQueryExecutionCommand, type AthenaClient } from "@aws-sdk/client-athena";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { ObjectStore } from "../../../backend";
import { TributaryError } from "../../../errors";
import type { AppliedMigration, Migration } from "./files";
import type { Warehouse } from "./types";

const recordSchema = z.object({ name: z.string(), checksum: z.string(), appliedAt: z.string() });

/** What Athena is told. */
export interface AthenaPlace {
  client: Pick<AthenaClient, "send">;
  workgroup: string;
  database: string;
  /** Beside the environment's state. */
  store: ObjectStore;
  /** Keys of the records begin with it, e.g. `migrations/tributary/dev/events/`. */
  prefix: string;
  signal?: AbortSignal;
  /** Between two looks at a statement (ms). @default 500 */
  interval?: number;
}

/**
 * Athena has no transactions. Each statement is started with a token that is made of its migration, its content and its place:
 * Athena gives the same execution for the same token, so a run that was cut off and is repeated does not start a statement a
 * second time. It gives a failed one, too: that an execution failed is written down, and the next run takes the next token. A
 * migration is remembered, in a file beside the state that is only ever created, when all its statements succeeded.
 */
export function athenaWarehouse(place: AthenaPlace): Warehouse {
  return {
    applied: () => applied(place),
    apply: async (migration) => {
      for (const [index, statement] of migration.statements.entries()) await run(place, migration, statement, index);
      const { name, checksum } = migration;
      const record = { name, checksum, appliedAt: new Date().toISOString() };
      await place.store.createOnly(keyOf(place, name), JSON.stringify(record));
    },
    close: () => undefined,
  };
}

const keyOf = ({ prefix }: AthenaPlace, name: string) => `${prefix}${name}.json`;

async function applied({ store, prefix }: AthenaPlace): Promise<AppliedMigration[]> {
  const keys = (await store.list(prefix)).filter((key) => key.endsWith(".json"));
  return Promise.all(
    keys.map(async (key) => {
      const text = (await store.get(key))?.text ?? "";
      const read = recordSchema.safeParse(parse(text));
      if (read.success) return read.data;
      throw new TributaryError(`${store.place}${key} is no record of a migration: ${text.slice(0, 100)}`, {
        code: "MigrationRecordInvalid",
        next: "find out whether that migration was run, and correct or remove the file",
      });
    }),
  );
}

async function run(place: AthenaPlace, migration: Migration, statement: string, index: number): Promise<void> {
  const { client, store, signal, interval = 500 } = place;
  const QueryExecutionId = await start(place, migration, statement, index);
  for (;;) {
    const { QueryExecution } = await client.send(new GetQueryExecutionCommand({ QueryExecutionId }));
    const { State = "QUEUED", StateChangeReason } = QueryExecution?.Status ?? {};
    if (State === "SUCCEEDED") return;
    if (State === "FAILED" || State === "CANCELLED") {
      const reason = StateChangeReason || State;
      await store.createOnly(failureKey(place, QueryExecutionId), reason);
      throw failed(migration.name, index, statement, reason);
    }
    await sleep(interval, undefined, { signal });
  }
}

/** The execution of a statement: the one that an earlier run began, unless that is known to have failed. */
async function start(place: AthenaPlace, migration: Migration, statement: string, index: number): Promise<string> {
  const { client, workgroup, database, prefix, store } = place;
  const { name, checksum } = migration;
  for (let attempt = 0; ; attempt++) {
    const text = [prefix, name, checksum, index, ...(attempt === 0 ? [] : [attempt])].join("\n");
    const request = {
      QueryString: statement,
      WorkGroup: workgroup,
      QueryExecutionContext: { Database: database },
      ClientRequestToken: createHash("sha256").update(text).digest("hex"),
    };
    const { QueryExecutionId = "" } = await client.send(new StartQueryExecutionCommand(request));
    if (!(await store.get(failureKey(place, QueryExecutionId)))) return QueryExecutionId;
  }
}

const failureKey = ({ prefix }: AthenaPlace, execution: string) => `${prefix}failed/${execution}`;

/** What every warehouse says of a statement that failed. */
export function failed(name: string, index: number, statement: string, reason: string): TributaryError {
  const shown = statement.replace(/\s+/g, " ").slice(0, 200);
  return new TributaryError(`${name}, statement ${index + 1} (${shown}): ${reason}`, {
    code: "MigrationFailed",
    source: "cloud",
    next: "mend the file and run the command again: what was run before it is not run a second time",
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

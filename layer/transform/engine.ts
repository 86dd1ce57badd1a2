import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import path from "node:path";
import { LayerError, Rejection } from "../errors";
import { literal } from "./sql";

/** Share of the function's memory that DuckDB may take: Node.js and what DuckDB does not count need the rest. */
const MEMORY_SHARE = 0.6;

/** Memory (MB) that Lambda gives one processor for. */
const MEMORY_PER_PROCESSOR = 1_769;

/**
 * Runs work on a DuckDB of its own that can read and write nothing but `directory`: no network, no extensions, no other
 * files, and no way to change that from SQL.
 */
export async function withEngine<T>(directory: string, work: (engine: Engine) => Promise<T>): Promise<T> {
  // Loaded late, because most functions never transform anything.
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(":memory:", settings(directory));
  try {
    return await work(new Engine(instance, directory));
  } finally {
    instance.closeSync();
  }
}

function settings(directory: string): Record<string, string> {
  const memory = Number(process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE ?? 1_024);
  return {
    memory_limit: `${Math.floor(memory * MEMORY_SHARE)}MB`,
    threads: String(Math.max(1, Math.floor(memory / MEMORY_PER_PROCESSOR))),
    temp_directory: path.join(directory, "spill"),
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    allow_community_extensions: "false",
  };
}

/** A locked DuckDB. */
export class Engine {
  private locked = false;

  constructor(
    private readonly instance: DuckDBInstance,
    /** The only folder that it may use. */
    readonly directory: string,
  ) {}

  /** Runs work on a connection of its own: temporary tables and views end with it. */
  async connected<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const connection = await this.instance.connect();
    try {
      if (!this.locked) await this.lock(connection);
      return await work(connection);
    } finally {
      connection.closeSync();
    }
  }

  private async lock(connection: DuckDBConnection): Promise<void> {
    this.locked = true;
    // Only now: DuckDB looks at the extension folder when it starts, which a locked one may not.
    await connection.run(
      `SET TimeZone = 'UTC'; SET allowed_directories = [${literal(this.directory)}]; SET enable_external_access = false; SET lock_configuration = true`,
    );
  }
}

/** What DuckDB calls its errors, and what they mean here. Anything else is no fault of the data. */
const FINAL: [RegExp, string][] = [
  [/^(Conversion|Out of Range|Constraint) Error/, "SchemaMismatch"],
  [/^Invalid Input Error/, "SchemaMismatch"],
  [/^(Binder|Parser|Catalog|Syntax|Permission|Not implemented) Error/, "TransformInvalid"],
  [/^Out of Memory Error/, "TransformTooLarge"],
];

/**
 * An error of DuckDB as this layer's: a rejection where the data or the SQL is at fault, because trying again gives the
 * same; otherwise a passing one.
 *
 * @param what what was being done, for the message
 */
export function engineError(error: unknown, what: string): Error {
  if (error instanceof Rejection || error instanceof LayerError) return error;
  const message = (error as Error).message ?? String(error);
  const found = FINAL.find(([pattern]) => pattern.test(message));
  const text = `${what}: ${withoutPaths(message)}`;
  return found ? new Rejection(found[1], text) : new LayerError("EngineFailed", text, error);
}

/** Temporary files mean nothing to a reader, and change from run to run. */
function withoutPaths(message: string): string {
  return message.replace(/\s*(in file )?"?\/[^\s"]*tributary-[^\s"]*"?,?/g, "").split("\n")[0] as string;
}

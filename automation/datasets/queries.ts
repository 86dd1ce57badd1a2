import type { DuckDBConnection } from "@duckdb/node-api";
import type { Engine } from "../../layer/transform/engine";

/** Whether a named query can be read. */
export interface QueryCheck {
  name: string;
  /** What is odd about it; undefined where nothing is. */
  doubt?: string;
}

/**
 * Lets DuckDB parse the named queries of a dataset. They are Athena's SQL, of which DuckDB takes most and not all (no
 * `FOR TIMESTAMP AS OF`), so that what it does not take is a doubt and no failure. Nothing is run.
 */
export async function checkQueries(engine: Engine, queries: Record<string, string>): Promise<QueryCheck[]> {
  return engine.connected((connection) =>
    Promise.all(
      Object.entries(queries).map(async ([name, sql]) => {
        const doubt = await doubtOf(connection, sql);
        return { name, ...(doubt === undefined ? {} : { doubt }) };
      }),
    ),
  );
}

async function doubtOf(connection: DuckDBConnection, sql: string): Promise<string | undefined> {
  try {
    const { count } = await connection.extractStatements(sql);
    return count === 1 ? undefined : `holds ${count} statements; Athena runs one`;
  } catch (error) {
    const [line = ""] = (error as Error).message.replace(/^Failed to extract statements: /, "").split("\n");
    return /Error: /.test(line) ? line : "holds no statement";
  }
}

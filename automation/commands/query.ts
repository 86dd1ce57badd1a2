import type { Values } from "../cli/specification";
import { table } from "../cli/render/table";
import { step } from "../events";
import { withLake } from "../lake/connect";
import { query } from "../lake/query";
import { findEnvironment } from "../stacks/environments";
import type { CommandContext, Outcome } from "./context";

/** `tributary query <env> <sql>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environment = findEnvironment(context.root, String(values.env));
  const sql = String(values.sql);
  const result = await withLake(context.root, environment, (lake) =>
    step(context.sink, "Query", () => query(lake, sql, context.signal)),
  );
  const rows = result.rows.length === 1 ? "1 row" : `${result.rows.length} rows`;
  return { document: result, text: `${table(result.columns, result.rows)}\n${rows}\n` };
}

import { table } from "../cli/render/table";
import { duration, oneLine } from "../cli/render/text";
import type { Values } from "../cli/specification";
import { history, type Deployment, type UnreadableRecord } from "../records";
import { revisionText } from "../rollback/difference";
import { Backends } from "../selection/backends";
import { environmentStacks } from "../stacks/environments";
import type { CommandContext, Outcome } from "./context";

/** `tributary history <env>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const { env, stacks } = environmentStacks(context.root, String(values.env));
  const limit = typeof values.limit === "number" ? values.limit : Infinity;
  const backends = new Backends(context);
  try {
    const each = await Promise.all(
      stacks.map(async (stack) => {
        const { files } = await backends.of(stack);
        return history(files, stack.project, [stack.name], { limit });
      }),
    );
    const all = each.flatMap(({ deployments }) => deployments).sort((a, b) => (a.id < b.id ? 1 : -1));
    const deployments = all.slice(0, limit);
    const unreadable = each.flatMap((found) => found.unreadable);
    return { document: { env, deployments, unreadable }, text: describe(env, deployments, unreadable) };
  } finally {
    backends.close();
  }
}

/** Records as a table, newest first; files that are none are named below. */
export function describe(env: string, deployments: Deployment[], unreadable: UnreadableRecord[]): string {
  const rows = deployments.map((each) => ({
    record: each.id,
    stack: each.target.stack,
    kind: each.kind,
    result: each.result,
    changes: changesOf(each),
    time: each.seconds === undefined ? "" : duration(each.seconds),
    revision: revisionText(each),
    who: `${each.who}@${each.host}`,
  }));
  const columns = ["record", "stack", "kind", "result", "changes", "time", "revision", "who"];
  const list = rows.length > 0 ? `${table(columns, rows)}\n` : `nothing was ever deployed to ${env}\n`;
  const failures = deployments.flatMap(({ id, error }) =>
    error ? [`${id}: ${error.code}: ${oneLine(error.message).slice(0, 200)}\n`] : [],
  );
  const strangers = unreadable.map(({ key, reason }) => `not a record: ${key}: ${reason}\n`);
  return [list, ...failures.slice(0, 5), ...strangers].join("");
}

/** As in the lines of progress: created, updated, deleted. */
function changesOf({ changes }: Deployment): string {
  return changes ? `+${changes.create} ~${changes.update} -${changes.delete}` : "";
}

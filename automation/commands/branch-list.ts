import { listBranches, type BranchList, type ListedBranch } from "../branches";
import { table } from "../cli/render/table";
import type { Values } from "../cli/specification";
import type { CommandContext, Outcome } from "./context";

/** `tributary branch list` */
export async function run(context: CommandContext, { template }: Values): Promise<Outcome> {
  const list = await listBranches(context, typeof template === "string" ? { template } : {});
  const environments = list.branches.map(({ checkout: _, gone, deployed, ...each }) => ({
    ...each,
    gone: gone ?? null,
    deployed: deployed ?? null,
  }));
  const { unknown, damaged } = list;
  return { document: { environments, unknown, damaged }, text: describe(list, new Date()) };
}

/** A table, and what is left over. */
export function describe({ branches, unknown, damaged }: BranchList, now: Date): string {
  if (branches.length + unknown.length + damaged.length === 0) return "no branch has an environment\n";
  const rows = branches.map((each) => ({
    env: each.env,
    branch: each.branch,
    owner: each.owner,
    age: age(now.getTime() - Date.parse(each.createdAt)),
    expires: each.expired ? "expired" : `in ${age(Date.parse(each.expiresAt) - now.getTime())}`,
    state: stateOf(each),
  }));
  const left = [
    ...unknown.map(
      (env) => `${env} has a state, and nobody recorded whose it is: tributary branch down ${env} removes it\n`,
    ),
    ...damaged.map((env) => `the record of ${env} cannot be read: tributary branch up again writes it anew\n`),
  ];
  return `${table(["env", "branch", "owner", "age", "expires", "state"], rows)}\n${left.join("")}`;
}

function stateOf({ gone, deployed }: ListedBranch): string {
  return [deployed === false ? "not deployed" : "", gone ? "branch is gone" : ""].filter(Boolean).join(", ");
}

/** A time span for people, in its largest whole unit; milliseconds. */
export function age(span: number): string {
  const units: [string, number][] = [
    ["day", 86_400_000],
    ["hour", 3_600_000],
    ["minute", 60_000],
  ];
  for (const [unit, length] of units) {
    const count = Math.floor(span / length);
    if (count >= 1) return `${count} ${unit}${count === 1 ? "" : "s"}`;
  }
  return "less than a minute";
}

import { prepareBranch, type PreparedBranch } from "../branches";
import { duration, oneLine } from "../cli/render/text";
import type { Values } from "../cli/specification";
import { throughGates } from "../gates/deployment";
import { environmentStacks } from "../stacks/environments";
import { deployEnvironment, type Deployed } from "../waves/deploy";
import { environmentFailure, type EnvironmentResult } from "../waves/results";
import type { CommandContext, Outcome } from "./context";
import { describeChanges } from "./deploy";
import { sumChanges } from "../stacks/progress";

/** `tributary branch up [branch]` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const { branch, template, ttl, images } = values;
  const parallel = typeof values.parallel === "number" ? { parallel: values.parallel } : {};
  const prepared = await prepareBranch(context, {
    ttl: String(ttl),
    ...(typeof branch === "string" ? { branch } : {}),
    ...(typeof template === "string" ? { template } : {}),
    ...(typeof images === "string" ? { images } : {}),
  });
  const environment = environmentStacks(context.root, prepared.record.env);
  return throughGates(context, environment, parallel, async (passed) => {
    const result = await deployEnvironment(context, environment, { ...parallel, ...passed });
    if (!result.ok) throw environmentFailure(result, "deployed", `tributary branch up ${prepared.record.branch}`);
    return describe(prepared, result);
  });
}

function describe({ record, created }: PreparedBranch, { stacks, seconds }: EnvironmentResult<Deployed>): Outcome {
  const { format: _, id: __, settings: ___, checkout: ____, ...told } = record;
  const changes = sumChanges(stacks.flatMap(({ result }) => (result ? [result.changes] : [])));
  const branch = oneLine(record.branch);
  const text =
    `${record.env} is ${created ? "up" : "still up"} for the branch ${branch} until ${record.expiresAt}: ` +
    `${describeChanges(changes)}, in ${duration(seconds)}\nnext: tributary status ${record.env}; tributary branch down ${branch}\n`;
  return { document: { ok: true, ...told, created, changes, seconds }, text };
}

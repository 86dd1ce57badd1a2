import { duration } from "../cli/render/text";
import { describeSelection } from "../selection/describe";
import type { Values } from "../cli/specification";
import { TributaryError } from "../errors";
import { gateEnvironment, gateSettings } from "../gates/run";
import type { GateResult } from "../gates/types";
import { leftOut, planEnvironment, type Planned } from "../plan/environment";
import { planHtml } from "../plan/render/html";
import { planMarkdown } from "../plan/render/markdown";
import { planText } from "../plan/render/text";
import { viewOf } from "../plan/render/view";
import { savePlan, writeNamed } from "../plan/store";
import { planId, type EnvironmentPlan } from "../plan/types";
import type { GateSettings } from "../settings/gates";
import { environmentStacks, type EnvironmentStacks } from "../stacks/environments";
import { outsideRegion } from "../waves/region";
import type { CommandContext, Outcome } from "./context";
import { sumChanges } from "../stacks/progress";

/** `tributary plan <env>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environment = environmentStacks(context.root, String(values.env));
  const settings = gateSettings(environment);
  const parallel = typeof values.parallel === "number" ? values.parallel : undefined;
  const skip = outsideRegion(environment, textOf(values.region));
  const chosen = { skip, changed: values.changed === true };
  const planned = await planEnvironment(context, environment, { settings, parallel, ...chosen });
  const { plan, engine, result } = planned;
  const gates = await askedGates(context, environment, plan, settings);
  const file = await savePlan(context.root, plan, engine, textOf(values.out));
  const view = viewOf(plan, gates, leftOut(planned));
  if (textOf(values.markdown)) await writeNamed(textOf(values.markdown)!, planMarkdown(view));
  if (textOf(values.html)) await writeNamed(textOf(values.html)!, planHtml(view));
  const text = planText(view, values.full === true ? { lines: Infinity, width: Infinity } : {});
  const why = describeSelection(result.selection ?? []);
  return {
    document: { ...documentOf(planned), gates, file, seconds: result.seconds },
    text: `${text}${why === "" ? "" : `\n${why}`}\ntributary deploy ${plan.env} --plan ${textOf(values.out) ?? planId(plan)} deploys exactly this (planned in ${duration(result.seconds)})\n`,
  };
}

/** How the gates stand; a backend that cannot be reached stops a deployment, not a plan. */
async function askedGates(
  context: CommandContext,
  environment: EnvironmentStacks,
  plan: EnvironmentPlan,
  settings: GateSettings,
): Promise<GateResult[]> {
  try {
    return await gateEnvironment(context, environment, plan, settings);
  } catch (error) {
    if (!(error instanceof TributaryError)) throw error;
    context.sink({ type: "message", level: "warning", text: `the gates were not asked: ${error.message}` });
    return [];
  }
}

/** What `--json` prints beside gates and times: the plan, and the engine's own counts and operations. */
function documentOf({ plan, result }: Planned) {
  const ran = result.stacks.flatMap(({ target, result: done }) => (done ? [{ target, ...done }] : []));
  const several = result.stacks.length > 1;
  return {
    ok: true,
    plan,
    changes: sumChanges(ran.map(({ changes }) => changes)),
    resources: ran.flatMap(({ target, resources }) =>
      resources.map((resource) => (several ? { stack: target.stack, ...resource } : resource)),
    ),
    ...(result.selection ? { selection: result.selection } : {}),
    stacks: ran.map(({ target, changes, resources }) => ({ ...target, changes, resources })),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

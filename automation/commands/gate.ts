import type { Values } from "../cli/specification";
import { userError } from "../errors";
import { gateEnvironment, gateSettings } from "../gates/run";
import { gateCases, judge } from "../pipeline/steps/gate";
import { writeJunit } from "../pipeline/reports/write";
import { writeVariables } from "../pipeline/steps/variables";
import { planMarkdown } from "../plan/render/markdown";
import { gateText, viewOf } from "../plan/render/view";
import { namedPlan, writeNamed } from "../plan/store";
import { planId } from "../plan/types";
import { environmentStacks } from "../stacks/environments";
import type { CommandContext, Outcome } from "./context";

/** `tributary gate <env> --plan <file>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environment = environmentStacks(context.root, String(values.env));
  const { engine: _, ...plan } = await namedPlan(context.root, environment.env, String(values.plan));
  if (plan.env !== environment.env || plan.project !== environment.stacks[0]!.project) {
    const message = `${String(values.plan)} is plan ${planId(plan)} of ${plan.env} in the project ${plan.project}, not of ${environment.env}`;
    throw userError("PlanOfOther", message, `tributary plan ${environment.env} --out FILE`);
  }
  const gates = await gateEnvironment(context, environment, plan, gateSettings(environment));
  const verdict = judge(plan, gates);
  const variables = {
    BROADENS: String(verdict.broadens),
    APPROVAL: String(verdict.approval),
    PLAN_ID: planId(plan),
    SUMMARY: verdict.summary,
  };
  if (typeof values.variables === "string") await writeVariables(values.variables, variables);
  if (typeof values.message === "string") await writeNamed(values.message, planMarkdown(viewOf(plan, gates)));
  if (typeof values.junit === "string") await writeJunit(values.junit, `gates of ${plan.env}`, gateCases(gates));
  const refused = verdict.refused.map(({ gate, why }) => `${gate}: ${why.join("; ")}`);
  const document = { env: plan.env, gates, ...variables, broadens: verdict.broadens, approval: verdict.approval };
  const text = `${gates.map(gateText).join("\n")}\n${verdict.summary}\n`;
  if (refused.length === 0) return { document: { ok: true, ...document }, text };
  const message = `nobody can approve what closes ${refused.length === 1 ? "a gate" : `${refused.length} gates`}: ${refused.join("; ")}`;
  const error = { code: "GateRefused", message, next: verdict.refused[0]!.opens };
  return {
    document: { ok: false, error, ...document },
    text: `${text}error GateRefused: ${message}\nnext: ${error.next}\n`,
    exitCode: 1,
  };
}

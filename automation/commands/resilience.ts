import type { Values } from "../cli/specification";
import { step } from "../events";
import { writeJunit, type ReportedCase } from "../pipeline/reports/write";
import { assess, awsCommandLine, judgeAssessment } from "../pipeline/steps/resilience";
import { environmentStacks } from "../stacks/environments";
import { roleVariables } from "../waves/accounts";
import type { CommandContext, Outcome } from "./context";

/** `tributary resilience <env>` */
export async function run({ root, sink, signal }: CommandContext, values: Values): Promise<Outcome> {
  const { env, stacks } = environmentStacks(root, String(values.env));
  const application = String(values.application);
  const report = async (cases: ReportedCase[]) => {
    if (typeof values.junit === "string") await writeJunit(values.junit, `resilience of ${env}`, cases);
  };
  const [first] = stacks;
  if (first!.local) {
    const why = "the local AWS has no Resilience Hub";
    await report([{ name: application, skipped: why }]);
    return { document: { ok: true, env, assessed: false, why }, text: `not assessed: ${why}\n` };
  }
  const credentials = await roleVariables({ aws: undefined, roles: new Map() }, first!);
  const region = application.split(":")[3] ?? first!.region ?? "";
  const assessment = await step(sink, `Assess the resilience of ${env}`, () =>
    assess(awsCommandLine(region, credentials), application, { signal }),
  );
  const least = typeof values.score === "number" ? values.score : undefined;
  const problems = judgeAssessment(assessment, least);
  await report([{ name: application, ...(problems.length > 0 ? { failure: problems.join("; ") } : {}) }]);
  const text = `${env}: ${assessment.compliance}, score ${assessment.score ?? "unknown"} (${assessment.arn})\n`;
  if (problems.length === 0) return { document: { ok: true, env, assessment }, text };
  const error = {
    code: "ResilienceBreached",
    message: problems.join("; "),
    next: "see the assessment's recommendations",
  };
  return {
    document: { ok: false, error, env, assessment },
    text: `${text}error ResilienceBreached: ${error.message}\nnext: ${error.next}\n`,
    exitCode: 1,
  };
}

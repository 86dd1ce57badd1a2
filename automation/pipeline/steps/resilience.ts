import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { z } from "zod";
import { TributaryError } from "../../errors";

/** An assessment of Resilience Hub, as far as it is judged. */
export interface Assessment {
  arn: string;
  /** `PolicyMet`, `PolicyBreached`, `NotAssessed`, … */
  compliance: string;
  /** 0 to 100; undefined where Resilience Hub gives none. */
  score?: number;
  /** Disruptions whose recovery the policy does not allow, e.g. `AZ`. */
  breached: string[];
}

/** Calls a command of `aws resiliencehub` and gives its JSON; given, so that tests need no AWS. */
export type CallResilienceHub = (args: string[]) => Promise<unknown>;

/** How long an assessment is waited for. */
export interface AssessmentWait {
  /** Between two looks (ms). @default 10,000 */
  interval?: number;
  /** In all (ms). @default 30 minutes: an assessment takes some */
  patience?: number;
  signal?: AbortSignal;
}

/** The AWS command line, which every image of CodeBuild has: the SDK's client for Resilience Hub brings 130 packages. */
export function awsCommandLine(region: string, env: Record<string, string>): CallResilienceHub {
  return async (args) => {
    const command = ["resiliencehub", ...args, "--region", region, "--output", "json"];
    const { exitCode, stdout, stderr } = await execa("aws", command, { reject: false, stdin: "ignore", env });
    if (exitCode === 0) return JSON.parse(stdout) as unknown;
    const missing = exitCode === undefined;
    const message = missing
      ? "the AWS command line is not there, and Resilience Hub is asked by it"
      : `aws resiliencehub ${args[0]}: ${stderr.trim().slice(-500)}`;
    throw new TributaryError(message, {
      code: "ResilienceHubFailed",
      source: missing ? "tool" : "cloud",
      next: missing ? "install it: https://docs.aws.amazon.com/cli" : "look at the application in Resilience Hub",
    });
  };
}

const assessmentSchema = z.object({
  assessment: z.object({
    assessmentArn: z.string(),
    assessmentStatus: z.string(),
    complianceStatus: z.string().optional(),
    resiliencyScore: z.object({ score: z.number() }).optional(),
    compliance: z.record(z.string(), z.object({ complianceStatus: z.string() })).optional(),
    message: z.string().optional(),
  }),
});

/**
 * Has the published version of an application assessed, and waits for the result.
 *
 * @throws TributaryError `ResilienceHubFailed`: it cannot be asked, the assessment failed, or did not end in time
 */
export async function assess(
  call: CallResilienceHub,
  application: string,
  { interval = 10_000, patience = 1_800_000, signal }: AssessmentWait = {},
): Promise<Assessment> {
  const name = `tributary-${randomUUID().slice(0, 8)}`;
  const start = [
    "start-app-assessment",
    "--app-arn",
    application,
    "--app-version",
    "release",
    "--assessment-name",
    name,
  ];
  let { assessment } = read(await call(start));
  const until = Date.now() + patience;
  while (["Pending", "InProgress"].includes(assessment.assessmentStatus)) {
    if (Date.now() >= until) throw unusable(`the assessment ${assessment.assessmentArn} did not end in time`);
    await sleep(interval, undefined, { signal });
    ({ assessment } = read(await call(["describe-app-assessment", "--assessment-arn", assessment.assessmentArn])));
  }
  const {
    assessmentArn: arn,
    assessmentStatus,
    complianceStatus,
    resiliencyScore,
    compliance = {},
    message,
  } = assessment;
  if (assessmentStatus !== "Success")
    throw unusable(`the assessment ${arn} ended as ${assessmentStatus}: ${message ?? "no reason"}`);
  const breached = Object.entries(compliance).filter(([, each]) => each.complianceStatus === "PolicyBreached");
  return {
    arn,
    compliance: complianceStatus ?? "NotAssessed",
    ...(resiliencyScore ? { score: resiliencyScore.score } : {}),
    breached: breached.map(([disruption]) => disruption).sort(),
  };
}

/** Why an assessment does not pass; empty: it does. */
export function judgeAssessment({ compliance, breached, score }: Assessment, least: number | undefined): string[] {
  const problems: string[] = [];
  if (compliance !== "PolicyMet") {
    const of = breached.length > 0 ? `: ${breached.join(", ")}` : "";
    problems.push(`Resilience Hub says ${compliance}${of}; PolicyMet is needed`);
  }
  if (least !== undefined && (score === undefined || score < least)) {
    problems.push(`its score is ${score ?? "unknown"}; at least ${least} is needed`);
  }
  return problems;
}

function read(answer: unknown) {
  const parsed = assessmentSchema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw unusable(`Resilience Hub answered something else than an assessment: ${JSON.stringify(answer).slice(0, 200)}`);
}

function unusable(message: string): TributaryError {
  return new TributaryError(message, {
    code: "ResilienceHubFailed",
    source: "cloud",
    next: "look at the application in Resilience Hub, and publish a version of it",
  });
}

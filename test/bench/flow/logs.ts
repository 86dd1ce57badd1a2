import type { FunctionUsage } from "../../../automation/costs";
import type { LocalAws } from "../../../automation/local";
import { ask } from "./emulator";

interface LogPage {
  events: { message: string }[];
  nextToken?: string;
}

/** Bytes that CloudWatch counts for an entry besides its text. */
const OVERHEAD = 26;

/** Invocations of one function since a time, from the REPORT lines that Lambda writes, and what its log has grown by. */
export async function functionUsage(
  aws: LocalAws,
  name: string,
  startTime: number,
): Promise<FunctionUsage & { logBytes: number }> {
  const usage = { invocations: 0, milliseconds: 0, megabytes: 0, logBytes: 0 };
  for (const message of await entries(aws, `/aws/lambda/${name}`, startTime)) {
    usage.logBytes += Buffer.byteLength(message) + OVERHEAD;
    const [, duration, memory] = /^REPORT .*Billed Duration: ([\d.]+) ms.*Memory Size: (\d+) MB/.exec(message) ?? [];
    if (duration === undefined) continue;
    usage.invocations += 1;
    usage.milliseconds += Math.ceil(Number(duration));
    usage.megabytes = Number(memory);
  }
  return usage;
}

async function entries(aws: LocalAws, logGroupName: string, startTime: number): Promise<string[]> {
  const found: string[] = [];
  let nextToken: string | undefined;
  do {
    const page = await ask<LogPage>(aws, "Logs_20140328.FilterLogEvents", {
      ...{ logGroupName, startTime, limit: 10_000, nextToken },
    });
    found.push(...page.events.map(({ message }) => message));
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return found;
}

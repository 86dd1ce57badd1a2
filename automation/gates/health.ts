import { createRequire } from "node:module";
import type * as health from "@aws-sdk/client-health";

/** An event as far as it is told. */
export interface HealthEvent {
  service?: string;
  eventTypeCode?: string;
  region?: string;
  startTime?: Date;
}

/** Asks AWS Health for the open issues of regions; given, so that tests need no AWS. */
export type AskHealth = (regions: string[]) => Promise<HealthEvent[]>;

const load = () => createRequire(__filename)("@aws-sdk/client-health") as typeof health;

/** Pages of 100 events that are read: more open issues than that close the gate anyway. */
const pages = 5;

/** Credentials of whoever asks; undefined: those of this process. */
export type HealthCredentials = () => Promise<health.HealthClientConfig["credentials"]>;

/**
 * AWS Health itself; its API is in one region for all. It takes a Business support plan or better.
 *
 * @param credentials of the environment's role: Health tells an account's own events, and a build's own role may not ask
 */
export function askAws(credentials: HealthCredentials): AskHealth {
  return async (regions) => {
    const { HealthClient } = load();
    const given = await credentials();
    const client = new HealthClient({ region: "us-east-1", maxAttempts: 3, ...(given ? { credentials: given } : {}) });
    try {
      return await openEvents(client, regions);
    } finally {
      client.destroy();
    }
  };
}

async function openEvents(client: health.HealthClient, regions: string[]): Promise<HealthEvent[]> {
  const { DescribeEventsCommand } = load();
  const events: HealthEvent[] = [];
  let nextToken: string | undefined;
  for (let page = 0; page < pages; page++) {
    const answer = await client.send(
      new DescribeEventsCommand({
        filter: { regions, eventStatusCodes: ["open"], eventTypeCategories: ["issue"] },
        maxResults: 100,
        ...(nextToken === undefined ? {} : { nextToken }),
      }),
    );
    events.push(...(answer.events ?? []));
    nextToken = answer.nextToken;
    if (nextToken === undefined) break;
  }
  return events;
}

/**
 * The open issues of AWS in an environment's regions and of its global services, a sentence each. That AWS Health cannot be
 * asked is one, too: a gate that nobody looks through is closed.
 */
export async function healthIssues(regions: string[], ask: AskHealth): Promise<string[]> {
  try {
    const events = await ask([...new Set([...regions, "global"])].sort());
    return events.map(({ service, eventTypeCode, region, startTime }) => {
      const since = startTime === undefined ? "" : ` since ${startTime.toISOString()}`;
      return `${service ?? "a service"} in ${region ?? "an unnamed region"}: ${eventTypeCode ?? "an open issue"}${since}`;
    });
  } catch (error) {
    const { name, message } = error as Error;
    const hint =
      name === "SubscriptionRequiredException"
        ? "the account's support plan does not include the Health API: set tributary:gates: { health: off }"
        : `${name}: ${message}`;
    return [`AWS Health cannot be asked: ${hint}`];
  }
}

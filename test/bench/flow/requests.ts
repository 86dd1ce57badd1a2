import type { LocalAws } from "../../../automation/local";
import { ask, unexpected } from "./emulator";

/** A request that a function made. */
export interface CountedRequest {
  /** e.g. `dynamodb`. */
  service: string;
  /** e.g. `TransactWriteItems`. */
  action: string;
  parameters: Record<string, unknown>;
}

interface TrailEvent {
  EventId: string;
  EventTime: number;
  EventName: string;
  EventSource: string;
  AccessKeyId: string;
  CloudTrailEvent: string;
}

/** The recorder keeps so many requests; older ones go. */
const KEPT = 10_000;

const SWITCH = "cloudtrail._recording_enabled";

/** Requests of functions while work runs, as the local AWS's CloudTrail records them; the driver's own are left out. */
export async function requestsDuring(aws: LocalAws, work: () => Promise<void>): Promise<CountedRequest[]> {
  await ask(aws, "/_ministack/config", { [SWITCH]: true });
  const started = Date.now() / 1000;
  try {
    await work();
  } finally {
    await ask(aws, "/_ministack/config", { [SWITCH]: false });
  }
  const recorded = await recordedSince(aws, started);
  if (recorded.length >= KEPT - 100) throw unexpected(`${recorded.length} requests were recorded, more than are kept`);
  return recorded.filter(({ AccessKeyId }) => AccessKeyId !== aws.account).map(counted);
}

/** All events since a time; they come fifty at a time, the newest first. */
async function recordedSince(aws: LocalAws, StartTime: number): Promise<TrailEvent[]> {
  const found = new Map<string, TrailEvent>();
  for (let EndTime = Date.now() / 1000 + 1; ;) {
    const { Events } = await ask<{ Events: TrailEvent[] }>(aws, "CloudTrail_20131101.LookupEvents", {
      ...{ StartTime, EndTime, MaxResults: 50 },
    });
    const before = found.size;
    for (const event of Events) found.set(event.EventId, event);
    const oldest = Events.at(-1);
    if (oldest === undefined || found.size === before) return [...found.values()];
    EndTime = oldest.EventTime;
  }
}

function counted({ EventSource, EventName, CloudTrailEvent }: TrailEvent): CountedRequest {
  const { requestParameters } = JSON.parse(CloudTrailEvent) as { requestParameters?: Record<string, unknown> };
  return { service: EventSource.split(".")[0] ?? "", action: EventName, parameters: requestParameters ?? {} };
}

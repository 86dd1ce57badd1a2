import { setTimeout as sleep } from "node:timers/promises";
import { TributaryError } from "../../errors";
import { step, type EventSink } from "../../events";
import type { AwsAction, PipelineClient } from "./client";

/** How an execution ended. */
export interface Followed {
  /** CodePipeline's word. */
  status: string;
  summary?: string;
  actions: AwsAction[];
}

/** How an execution is followed. */
export interface FollowOptions {
  sink: EventSink;
  signal: AbortSignal;
  /** Between two looks (ms): CodePipeline allows some requests a second for all of an account. @default 10,000 */
  interval?: number;
}

/**
 * Follows an execution to its end, or to an approval, which only a person can give. Every action is a step.
 *
 * @returns status `Waiting` at an approval
 */
export async function followExecution(
  client: PipelineClient,
  pipeline: string,
  execution: string,
  { sink, signal, interval = 10_000 }: FollowOptions,
): Promise<Followed> {
  const told = new Map<string, (action: AwsAction) => void>();
  for (;;) {
    const [{ status, summary }, actions] = await Promise.all([
      client.status(pipeline, execution),
      client.actions(pipeline, execution),
    ]);
    for (const action of actions) tell(sink, told, action);
    const ended = { status, ...(summary === undefined ? {} : { summary }), actions };
    if (status !== "InProgress" && status !== "Stopping") return ended;
    if (actions.some(isWaiting)) return { ...ended, status: "Waiting" };
    await sleep(interval, undefined, { signal });
  }
}

/** An approval that nobody has given yet: the one kind of action with a link and no build behind it while it is in progress. */
function isWaiting({ status, action }: AwsAction): boolean {
  return status === "InProgress" && action.startsWith("approve-");
}

function tell(sink: EventSink, told: Map<string, (action: AwsAction) => void>, action: AwsAction): void {
  const key = `${action.stage}: ${action.action}`;
  if (!told.has(key)) {
    let end: (action: AwsAction) => void = () => undefined;
    const ended = new Promise<AwsAction>((resolve) => (end = resolve));
    told.set(key, end);
    void step(sink, key, async () => {
      const { status, summary = status } = await ended;
      if (status !== "Succeeded") throw new TributaryError(summary, { code: "PipelineFailed", source: "cloud" });
    }).catch(() => undefined);
  }
  if (action.status !== "InProgress") told.get(key)!(action);
}

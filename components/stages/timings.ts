import { type Duration, toSeconds } from "../units";

/** How long each part of the flow may take; {@link misfits} says what must hold between them. */
export interface Timings {
  arrivals: { routing: Duration; visibility: Duration };
  stageA: {
    preUpdate: Duration;
    process: Duration;
    postUpdate: Duration;
    error: Duration;
    machine: Duration;
    routing: Duration;
    visibility: Duration;
  };
  stageB: {
    processData: Duration;
    checkJob: Duration;
    crawlData: Duration;
    postUpdate: Duration;
    error: Duration;
    /** Between two looks at a job that still runs. */
    poll: Duration;
    machine: Duration;
    routing: Duration;
    visibility: Duration;
  };
  redrive: Duration;
}

/** The timings of every lake. */
export const timings: Timings = {
  arrivals: { routing: "60 seconds", visibility: "120 seconds" },
  stageA: {
    preUpdate: "15 seconds",
    process: "120 seconds",
    postUpdate: "20 seconds",
    error: "20 seconds",
    machine: "298 seconds",
    routing: "315 seconds",
    visibility: "330 seconds",
  },
  stageB: {
    processData: "900 seconds",
    checkJob: "30 seconds",
    crawlData: "60 seconds",
    postUpdate: "60 seconds",
    error: "60 seconds",
    poll: "15 seconds",
    machine: "24 hours",
    routing: "60 seconds",
    visibility: "120 seconds",
  },
  redrive: "120 seconds",
};

/** Limits of AWS Lambda and of Express state machines. */
const LAMBDA = 900;
const EXPRESS = 300;
/** How often a state of Stage B runs: once, and twice again after an error (`stageBDefinition`). */
export const STAGE_B_TRIES = 3;

/** The rules that the timings break, one sentence each; empty when they fit. */
export function misfits(t: Timings): string[] {
  const s = (value: Duration) => toSeconds(value, "timings");
  const { arrivals, stageA, stageB } = t;
  // The longest way through Stage A: the batch crashes, then every object is processed alone, at the same time.
  const a = s(stageA.preUpdate) + 2 * s(stageA.process) + s(stageA.postUpdate) + s(stageA.error);
  const b =
    STAGE_B_TRIES * (s(stageB.processData) + s(stageB.crawlData) + s(stageB.postUpdate) + s(stageB.error)) +
    STAGE_B_TRIES * (s(stageB.checkJob) + s(stageB.poll));
  const functions = [arrivals.routing, stageA.process, stageA.routing, stageB.processData, stageB.routing, t.redrive];
  const rules: [boolean, string][] = [
    [functions.every((value) => s(value) <= LAMBDA), `a function may run ${LAMBDA} s at most`],
    [s(arrivals.routing) < s(arrivals.visibility), "arrivals: a message must stay hidden while routing runs"],
    [a <= s(stageA.machine), `stage A: its states may take ${a} s, longer than its machine`],
    [s(stageA.machine) <= EXPRESS, `stage A: an Express machine may run ${EXPRESS} s at most`],
    [s(stageA.machine) < s(stageA.routing), "stage A: routing must outlast the machine that it waits for"],
    [s(stageA.routing) < s(stageA.visibility), "stage A: a message must stay hidden while routing runs"],
    [b <= s(stageB.machine), `stage B: its states may take ${b} s, longer than its machine`],
    [s(stageB.routing) < s(stageB.visibility), "stage B: a message must stay hidden while routing runs"],
  ];
  return rules.filter(([holds]) => !holds).map(([, sentence]) => sentence);
}

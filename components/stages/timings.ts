import { ATHENA_OBJECTS, LONGEST_GLUE } from "../../layer/manifest/engine";
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
    /** One query of Athena; its own limit for DML is 30 minutes by default. */
    query: Duration;
    /** Removing stale rows of Iceberg tables, a few keys at a time. */
    stale: Duration;
    /** That Step Functions waits for a Glue run beyond its own timeout. */
    glueMargin: Duration;
    machine: Duration;
    routing: Duration;
    visibility: Duration;
    /** Of events about executions that ended without outcomes. */
    stoppedVisibility: Duration;
  };
  redrive: Duration;
  reconcile: Duration;
  /** A call of the function, and a run over all objects. */
  backfill: { call: Duration; machine: Duration };
  /** An answer of the HTTP API. */
  trigger: Duration;
}

/** The timings of every lake. */
export const timings: Timings = {
  arrivals: { routing: "30 seconds", visibility: "185 seconds" },
  stageA: {
    preUpdate: "15 seconds",
    process: "120 seconds",
    postUpdate: "20 seconds",
    error: "20 seconds",
    machine: "298 seconds",
    routing: "315 seconds",
    // As soon as its router runs, it hides its messages for short times, again and again (layer/lease.ts).
    visibility: "1900 seconds",
  },
  stageB: {
    processData: "900 seconds",
    // It gives the files of other engines their final names.
    checkJob: "600 seconds",
    crawlData: "60 seconds",
    postUpdate: "60 seconds",
    error: "60 seconds",
    query: "31 minutes",
    stale: "10 minutes",
    glueMargin: "10 minutes",
    machine: "30 hours",
    routing: "30 seconds",
    visibility: "185 seconds",
    stoppedVisibility: "360 seconds",
  },
  redrive: "120 seconds",
  // As long as a function may run: a large dataset takes many calls.
  reconcile: "900 seconds",
  backfill: { call: "120 seconds", machine: "24 hours" },
  // An HTTP API waits 30 s at most.
  trigger: "29 seconds",
};

/**
 * A queue hides its messages for at least so many times the timeout of the function that takes them, plus its batching window:
 * Lambda has taken them from the queue already when it cannot run the function yet because it is throttled (AWS Lambda
 * Developer Guide, "Creating and configuring an Amazon SQS event source mapping").
 */
export const HIDDEN_TIMES = 6;
/** Seconds that arrivals wait for others to fill a batch (`Consumer`). */
const WINDOW = 1;

/** Limits of AWS Lambda and of Express state machines. */
const LAMBDA = 900;
const EXPRESS = 300;
/** How often a state of Stage B runs: once, and twice again after an error (`stageBDefinition`). */
export const STAGE_B_TRIES = 3;
/** How often the removal of stale rows runs (`staleStates`). */
export const STALE_TRIES = 3;
/** Seconds that a Glue run may wait for its turn: 60 times up to 600 (`engineStates.ts`), less while the waits still grow. */
const GLUE_WAIT = 60 * 600;
/** The smallest setting `engines.athenaObjects`. */
const LEAST_ATHENA_OBJECTS = 2;

/** Seconds that a batch may take in Glue: waiting for its turn, and two runs (`glueStates`). */
function glueTime({ glueMargin }: Timings["stageB"]): number {
  return GLUE_WAIT + 2 * (LONGEST_GLUE * 60 + toSeconds(glueMargin, "timings.stageB.glueMargin"));
}

/** Seconds that a batch may take in Athena: two queries for every try of every object, few objects at a time. */
function athenaTime({ query, checkJob }: Timings["stageB"]): number {
  const object =
    STAGE_B_TRIES * (2 * toSeconds(query, "timings.stageB.query") + 3 * toSeconds(checkJob, "timings.stageB.checkJob"));
  return object * Math.max(ATHENA_OBJECTS.iceberg, ATHENA_OBJECTS.parquet / LEAST_ATHENA_OBJECTS);
}

/** The rules that the timings break, one sentence each; empty when they fit. */
export function misfits(t: Timings): string[] {
  const s = (value: Duration) => toSeconds(value, "timings");
  const { arrivals, stageA, stageB } = t;
  // The longest way through Stage A: the batch crashes, then every object is processed alone, at the same time.
  const a = s(stageA.preUpdate) + 2 * s(stageA.process) + s(stageA.postUpdate) + s(stageA.error);
  const functionsOfB =
    STAGE_B_TRIES * (s(stageB.processData) + s(stageB.crawlData) + s(stageB.postUpdate) + s(stageB.error)) +
    STAGE_B_TRIES * 2 * s(stageB.checkJob);
  const b = functionsOfB + Math.max(glueTime(stageB), athenaTime(stageB)) + STALE_TRIES * s(stageB.stale);
  const functions = [
    arrivals.routing,
    stageA.process,
    stageA.routing,
    stageB.processData,
    stageB.routing,
    t.redrive,
    t.reconcile,
  ];
  const rules: [boolean, string][] = [
    [functions.every((value) => s(value) <= LAMBDA), `a function may run ${LAMBDA} s at most`],
    [a <= s(stageA.machine), `stage A: its states may take ${a} s, longer than its machine`],
    [s(stageA.machine) <= EXPRESS, `stage A: an Express machine may run ${EXPRESS} s at most`],
    [s(stageA.machine) < s(stageA.routing), "stage A: routing must outlast the machine that it waits for"],
    [b <= s(stageB.machine), `stage B: its states may take ${b} s, longer than its machine`],
  ];
  return [...rules.filter(([holds]) => !holds).map(([, sentence]) => sentence), ...seenTooSoon(t)];
}

/** Queues whose messages come back while their function may not even have begun. */
function seenTooSoon({ arrivals, stageA, stageB }: Timings): string[] {
  const queues: [string, Duration, number, Duration][] = [
    ["arrivals: a message", arrivals.routing, WINDOW, arrivals.visibility],
    ["stage A: a message", stageA.routing, 0, stageA.visibility],
    ["stage B: a message", stageB.routing, 0, stageB.visibility],
    ["stage B: an event about a stopped batch", stageB.error, 0, stageB.stoppedVisibility],
  ];
  return queues.flatMap(([what, runs, window, hidden]) =>
    HIDDEN_TIMES * toSeconds(runs, "timings") + window <= toSeconds(hidden, "timings")
      ? []
      : [`${what} must stay hidden ${HIDDEN_TIMES} times as long as its function may run`],
  );
}

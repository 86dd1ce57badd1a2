import assert from "node:assert/strict";
import { REDRIVE_SECONDS } from "../../../layer/dlq";
import { SCHEDULED_SECONDS, SLICE_SECONDS } from "../../../layer/flow/reconcile";
import { LEASE } from "../../../layer/lease";
import { STILL_RUNNING } from "../../../layer/reconcile/slice";
import { lake } from "./support/lake";
import { ofType, type Registered, run } from "./support/mocks";

/** Limits of AWS that a timeout has to keep; where they stand is beside each. */
const LIMITS = {
  /** Lambda quotas: "Function timeout". */
  lambda: 900,
  /** Step Functions quotas: "Maximum execution time" of Express. */
  express: 300,
  /** SQS quotas: "Message visibility timeout". */
  visibility: 43_200,
  /** Lambda Developer Guide, "Creating and configuring an Amazon SQS event source mapping": visibility at least so many times. */
  hidden: 6,
  /** The same: a maxReceiveCount of at least 5, so that throttling alone brings no message into the DLQ. */
  receives: 5,
};

interface State {
  Type: string;
  Arguments?: { FunctionName?: string };
  Retry?: { ErrorEquals: string[]; MaxAttempts: number; JitterStrategy?: string; MaxDelaySeconds?: number }[];
  Iterator?: Machine;
  ItemProcessor?: Machine;
}

interface Machine {
  TimeoutSeconds?: number;
  States: Record<string, State>;
}

describe("timeouts of the program's resources", () => {
  let resources: Registered[];

  before(async () => {
    ({ resources } = await run(() => lake("dev")));
  });

  const physical = (arn: string) => arn.split(":").slice(5).join(":");
  const named = (type: string, name: string) => {
    const found = ofType(resources, type).filter(({ inputs }) => inputs.name === name);
    assert.equal(found.length, 1, `${type} ${name}`);
    return found[0]?.inputs as Registered["inputs"];
  };
  const functionOf = (arn: string) => named("aws:lambda/function:Function", arn.split(":")[6] as string);
  const machines = () =>
    ofType(resources, "aws:sfn/stateMachine:StateMachine").map(({ inputs }) => ({
      name: String(inputs.name),
      type: String(inputs.type),
      definition: JSON.parse(String(inputs.definition)) as Machine,
    }));
  const tasks = (machine: Machine): State[] =>
    Object.values(machine.States).flatMap((state) => [
      ...(state.Type === "Task" ? [state] : []),
      ...[state.Iterator, state.ItemProcessor].flatMap((inner) => (inner ? tasks(inner) : [])),
    ]);

  it("queues hide a message six times as long as its function may run, and give up after enough receives", () => {
    const mappings = ofType(resources, "aws:lambda/eventSourceMapping:EventSourceMapping");
    assert.ok(mappings.length >= 3);
    for (const { inputs } of mappings) {
      const queue = named("aws:sqs/queue:Queue", physical(String(inputs.eventSourceArn)));
      const { timeout } = functionOf(String(inputs.functionName));
      const window = Number(inputs.maximumBatchingWindowInSeconds ?? 0);
      const hidden = Number(queue.visibilityTimeoutSeconds);
      assert.ok(hidden >= LIMITS.hidden * timeout + window, `${queue.name}: ${hidden} s, its function ${timeout} s`);
      assert.ok(hidden <= LIMITS.visibility, queue.name);
      const { maxReceiveCount } = JSON.parse(String(queue.redrivePolicy)) as { maxReceiveCount: number };
      assert.ok(maxReceiveCount >= LIMITS.receives, queue.name);
    }
  });

  it("a DLQ keeps messages longer than the queue: a message's age goes on counting there", () => {
    // SQS Developer Guide, "Using dead-letter queues": the retention of a DLQ should be longer than that of its queue.
    const queues = ofType(resources, "aws:sqs/queue:Queue").filter(({ inputs }) => inputs.redrivePolicy !== undefined);
    for (const { inputs } of queues) {
      const { deadLetterTargetArn } = JSON.parse(String(inputs.redrivePolicy)) as { deadLetterTargetArn: string };
      const dlq = named("aws:sqs/queue:Queue", physical(deadLetterTargetArn));
      assert.ok(dlq.messageRetentionSeconds > inputs.messageRetentionSeconds, inputs.name);
      assert.ok(inputs.messageRetentionSeconds > 10 * Number(inputs.visibilityTimeoutSeconds), inputs.name);
    }
  });

  it("functions end before their machines, and Express machines before the router that waits for them", () => {
    for (const { name, type, definition } of machines()) {
      const limit = definition.TimeoutSeconds;
      assert.ok(limit !== undefined, `${name} has no timeout`);
      if (type === "EXPRESS") assert.ok(limit <= LIMITS.express, name);
      for (const { Arguments } of tasks(definition)) {
        if (Arguments?.FunctionName === undefined) continue;
        const { timeout } = functionOf(Arguments.FunctionName);
        assert.ok(timeout < limit, `${name}: ${Arguments.FunctionName} may run ${timeout} s, the machine ${limit} s`);
      }
    }
    const express = machines().find(({ type }) => type === "EXPRESS")?.definition.TimeoutSeconds as number;
    const router = ofType(resources, "aws:lambda/function:Function").find(({ name }) =>
      name.includes("stage-a-routing"),
    );
    assert.ok(express < router?.inputs.timeout);
    assert.ok(LEASE < router?.inputs.timeout, "a call that breaks off holds its lane for less than it may run");
  });

  it("functions stay below Lambda's limit, and what works by the clock ends before its function does", () => {
    const timeouts = new Map(
      ofType(resources, "aws:lambda/function:Function").map(({ inputs }) => [
        String(inputs.name),
        Number(inputs.timeout),
      ]),
    );
    for (const [name, timeout] of timeouts) assert.ok(timeout <= LIMITS.lambda, name);
    const of = (name: string) => timeouts.get(`tributary-dev-${name}`) as number;
    // A batch may take a while after the time is up: sending, deleting, showing again.
    for (const name of ["redrive", "stage-a-redrive", "stage-b-redrive"])
      assert.ok(REDRIVE_SECONDS + 20 <= of(name), name);
    assert.ok(SCHEDULED_SECONDS + SLICE_SECONDS + 30 <= of("reconcile"));
  });

  it("what reconcile takes for stuck in Stage B cannot be running any more", () => {
    const stageB = machines().find(({ name }) => name.endsWith("stage-b"));
    assert.ok(STILL_RUNNING / 1_000 > (stageB?.definition.TimeoutSeconds as number));
  });

  it("retries pause for different times and not for long, and none repeats what the input is to blame for", () => {
    for (const { name, definition } of machines()) {
      for (const { Retry = [], Arguments } of tasks(definition)) {
        const retried = Retry.filter(({ MaxAttempts }) => MaxAttempts > 0);
        if (Arguments?.FunctionName !== undefined) assert.ok(retried.length > 0, `${name} retries no fault of Lambda`);
        for (const one of retried) {
          assert.equal(one.JitterStrategy, "FULL", `${name}: ${one.ErrorEquals.join()}`);
          assert.ok((one.MaxDelaySeconds ?? Infinity) <= 3_600, `${name}: ${one.ErrorEquals.join()}`);
        }
        const all = Retry.findIndex(
          ({ ErrorEquals, MaxAttempts }) => ErrorEquals.includes("States.ALL") && MaxAttempts > 0,
        );
        const never = Retry.findIndex(
          ({ ErrorEquals, MaxAttempts }) => ErrorEquals.includes("Rejection") && MaxAttempts === 0,
        );
        if (all >= 0 && Arguments?.FunctionName !== undefined) assert.ok(never >= 0 && never < all, name);
      }
    }
  });
});

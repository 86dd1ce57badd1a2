import assert from "node:assert/strict";
import fc from "fast-check";
import { useClients } from "../../../layer/clients";
import { answerRequest, type HttpAnswer } from "../../../layer/flow/trigger";
import { httpRequestSchema, START_ROUTE, STATUS_ROUTE } from "../../../layer/trigger-messages";
import { serviceError, type Command } from "./fakes/command";
import { FakeLake } from "./fakes/lake";

const MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:backfills";
const NAMES = { team: "engineering", dataset: "meteorites" };

/** Step Functions as far as the API uses it: executions by name. */
class FakeExecutions {
  readonly inputs = new Map<string, string>();
  end: object = { status: "RUNNING" };

  async send(command: Command): Promise<unknown> {
    await Promise.resolve();
    const { stateMachineArn, name, input, executionArn } = command.input as Record<string, string>;
    if (command.constructor.name === "StartExecutionCommand") {
      assert.equal(stateMachineArn, MACHINE);
      assert.match(name as string, /^[A-Za-z0-9-]{1,80}$/);
      if (this.inputs.has(name as string)) throw serviceError("ExecutionAlreadyExists", 400);
      this.inputs.set(name as string, input as string);
      return { executionArn: name };
    }
    const found = /^arn:aws:states:eu-west-1:123456789012:execution:backfills:(.*)$/.exec(executionArn as string)?.[1];
    assert.ok(found !== undefined, executionArn);
    if (!this.inputs.has(found)) throw serviceError("ExecutionDoesNotExist", 400);
    return { input: this.inputs.get(found), startDate: new Date(0), ...this.end };
  }
}

function api(http = true): FakeExecutions {
  new FakeLake({ triggers: { events: true, http } });
  process.env.BACKFILL_STATE_MACHINE_ARN = MACHINE;
  const executions = new FakeExecutions();
  useClients({ stepFunctions: executions as never });
  return executions;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers of many shapes
async function ask(routeKey: string, rest: object = {}): Promise<{ answer: HttpAnswer; body: Record<string, any> }> {
  const answer = await answerRequest(httpRequestSchema.parse({ routeKey, pathParameters: NAMES, ...rest }));
  assert.equal(answer.headers["content-type"], "application/json");
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- see above
  return { answer, body: JSON.parse(answer.body) as Record<string, any> };
}

const start = (body: unknown, headers: Record<string, string> = {}) =>
  ask(START_ROUTE, { headers, body: typeof body === "string" ? body : JSON.stringify(body) });
const status = (id: string, names: object = NAMES) => ask(STATUS_ROUTE, { pathParameters: { ...names, id } });

describe("layer: the HTTP API", () => {
  it("starts an execution for objects, a prefix, or all, and says where its status is", async () => {
    const executions = api();
    for (const body of [{ objects: ["a.json", "b/ü.json"] }, { prefix: "2026/", since: "2026-11-01T00:00:00Z" }, {}]) {
      const { answer, body: told } = await start(body);
      assert.equal(answer.statusCode, 202);
      assert.equal(answer.headers.location, `/datasets/engineering/meteorites/executions/${told.id}`);
      assert.deepEqual(JSON.parse(executions.inputs.get(told.id as string) as string), {
        ...NAMES,
        ...body,
        origin: "http",
      });
    }
    assert.equal((await ask(START_ROUTE)).answer.statusCode, 202, "no body at all");
    const Base64 = Buffer.from('{"again":true}').toString("base64");
    assert.equal((await ask(START_ROUTE, { body: Base64, isBase64Encoded: true })).answer.statusCode, 202);
  });

  it("starts one execution for requests with the same key, and refuses the key for another request", async () => {
    const executions = api();
    const key = { "idempotency-key": "order-7" };
    const first = await start({ prefix: "a" }, key);
    const again = await start({ prefix: "a" }, key);
    assert.deepEqual([first.answer.statusCode, again.answer.statusCode, again.body.id], [202, 200, first.body.id]);
    assert.equal(executions.inputs.size, 1);
    const other = await start({ prefix: "b" }, key);
    assert.deepEqual([other.answer.statusCode, other.body.error.code], [409, "KeyUsed"]);
  });

  it("tells the status, and the result without its cause", async () => {
    const executions = api();
    const { body } = await start({});
    assert.equal((await status(body.id as string)).body.status, "RUNNING");
    executions.end = { status: "SUCCEEDED", stopDate: new Date(1000), output: '{"sent":3}' };
    assert.deepEqual((await status(body.id as string)).body, {
      ...{ id: body.id, status: "SUCCEEDED", result: { sent: 3 } },
      ...{ startedAt: "1970-01-01T00:00:00.000Z", endedAt: "1970-01-01T00:00:01.000Z" },
    });
    executions.end = { status: "FAILED", error: "BackfillIncomplete", cause: "secret" };
    const failed = await status(body.id as string);
    assert.equal(failed.body.error.code, "BackfillIncomplete");
    assert.doesNotMatch(failed.answer.body, /secret/);
  });

  it("tells nothing of another dataset's executions, or of any that are not there", async () => {
    const executions = api();
    executions.inputs.set("foreign", JSON.stringify({ team: "sales", dataset: "orders" }));
    executions.inputs.set("odd", "no json");
    for (const id of ["foreign", "odd", "missing", "", "a:b", "../x", "x".repeat(81)]) {
      const { answer, body } = await status(id);
      assert.deepEqual([answer.statusCode, body.error.code], [404, "UnknownExecution"], id);
    }
  });

  it("answers alike for a dataset that is not there and one that takes no requests", async () => {
    api(false);
    const closed = await start({});
    const missing = await ask(START_ROUTE, { pathParameters: { team: "engineering", dataset: "nothing" } });
    assert.deepEqual([closed.answer.statusCode, closed.answer.body], [404, missing.answer.body]);
    for (const name of ["", "../x", "A", "x".repeat(2_000)]) {
      const hostile = await ask(START_ROUTE, { pathParameters: { team: name, dataset: name } });
      assert.equal(hostile.answer.statusCode, 404, name);
    }
  });

  for (const [what, body] of Object.entries({
    "no JSON": "{",
    "a list": "[]",
    "an unknown field": { key: "a" },
    "objects and a prefix": { objects: ["a"], prefix: "b" },
    "no objects": { objects: [] },
    "too many objects": { objects: Array.from({ length: 101 }, (_, index) => `${index}`) },
    "a key that is too long": { objects: ["x".repeat(1_001)] },
    "a time without its zone": { since: "2026-11-01T00:00:00" },
    "an origin": { origin: "command" },
  })) {
    it(`refuses a body that has ${what}`, async () => {
      const executions = api();
      const { answer, body: told } = await start(body);
      assert.deepEqual([answer.statusCode, told.error.code, executions.inputs.size], [400, "RequestInvalid", 0]);
    });
  }

  it("never throws, and never starts twice, whatever the body", async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.json(), fc.string()), async (body) => {
        const executions = api();
        const { answer } = await start(body);
        assert.ok([202, 400].includes(answer.statusCode));
        assert.equal(executions.inputs.size, answer.statusCode === 202 ? 1 : 0);
      }),
      { numRuns: 30 },
    );
  });

  it("refuses keys of idempotency that cannot be printed", async () => {
    api();
    for (const key of ["", "a b", "x".repeat(129), "ü"]) {
      assert.equal((await start({}, { "idempotency-key": key })).answer.statusCode, 400, key);
    }
  });
});

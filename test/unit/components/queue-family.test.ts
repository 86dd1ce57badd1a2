import assert from "node:assert/strict";
import { runSimulation } from "@cloud-copilot/iam-simulate";
import { ServiceRole } from "../../../components/compute/ServiceRole";
import { Queue } from "../../../components/stages/Queue";
import { scopeOf } from "./support/lake";
import { account, inputsOf, region, run } from "./support/mocks";

const type = "aws:sqs/queue:Queue";
const scope = scopeOf("dev");

/** The policy of a role that sends to the queues of some datasets, and takes from their DLQs. */
async function granted(datasets: string[], env = scope) {
  const { resources } = await run(() => {
    const role = new ServiceRole("sender", { scope: env, what: "sender", service: "lambda" });
    for (const what of datasets) {
      const queue = new Queue(what, { scope: env, what, fifo: true, family: "stage-a" });
      queue.grantSend(role);
      queue.grantConsume(role, "dlq");
    }
  });
  return { resources, policy: String(inputsOf(resources, "aws:iam/rolePolicy:RolePolicy").policy) };
}

describe("queues of a family", () => {
  it("are tagged with the lake's project and stack, DLQs apart", async () => {
    const { resources } = await granted(["one"], { ...scope, stack: "dev.eu-central-1" });
    assert.deepEqual(inputsOf(resources, type, "one-queue").tags, {
      "queue-family": "tributary/dev.eu-central-1/stage-a",
    });
    assert.deepEqual(inputsOf(resources, type, "one-dlq").tags, {
      "queue-family": "tributary/dev.eu-central-1/stage-a-dlq",
    });
  });

  it("are granted by one statement, however many they are", async () => {
    const one = await granted(["one"]);
    const many = await granted(["one", "two", "three"]);
    assert.equal(many.policy, one.policy);
  });

  it("have names that their grants reach, however long they are", async () => {
    const long = { ...scope, project: "a-project-with-a-long-name-of-31", env: "an-environment-with-a-long-name" };
    const what = `${"t".repeat(30)}-${"d".repeat(30)}-a`;
    const { resources, policy } = await granted([what], long);
    const { name } = inputsOf(resources, type, `${what}-queue`);
    const [, start] = /sqs:[^:]+:\d+:([a-z-]+)\*/.exec(policy) ?? [];
    assert.ok(start && String(name).startsWith(start), `${name} ${start}`);
  });

  const cases: [what: string, action: string, queue: string, tag: string | undefined, allowed: boolean][] = [
    ["its own", "sqs:SendMessage", "tributary-dev-sales-orders-a.fifo", "tributary/dev/stage-a", true],
    ["its own DLQ", "sqs:ReceiveMessage", "tributary-dev-sales-orders-a-dlq.fifo", "tributary/dev/stage-a-dlq", true],
    ["of the other stage", "sqs:SendMessage", "tributary-dev-sales-orders-b.fifo", "tributary/dev/stage-b", false],
    [
      "a DLQ to send to",
      "sqs:SendMessage",
      "tributary-dev-sales-orders-a-dlq.fifo",
      "tributary/dev/stage-a-dlq",
      false,
    ],
    [
      "of a branch's lake",
      "sqs:SendMessage",
      "tributary-dev-feature-sales-a.fifo",
      "tributary/dev-feature/stage-a",
      false,
    ],
    ["of another program", "sqs:SendMessage", "payments-a.fifo", "tributary/dev/stage-a", false],
    ["without the tag", "sqs:SendMessage", "tributary-dev-sales-orders-a.fifo", undefined, false],
  ];
  for (const [what, action, queue, tag, allowed] of cases) {
    it(`${what}: ${allowed ? "reached" : "out of reach"}, says AWS's evaluation`, async () => {
      const { policy } = await granted(["one", "two"]);
      const result = await runSimulation(
        {
          request: {
            principal: `arn:aws:sts::${account}:assumed-role/sender/session`,
            action,
            resource: { resource: `arn:aws:sqs:${region}:${account}:${queue}`, accountId: account },
            contextVariables: tag === undefined ? {} : { "aws:ResourceTag/queue-family": tag },
          },
          identityPolicies: [{ name: "grants", policy: JSON.parse(policy) }],
          serviceControlPolicies: [],
          resourceControlPolicies: [],
        },
        {},
      );
      assert.notEqual(result.resultType, "error", JSON.stringify(result));
      assert.equal(result.resultType !== "error" && result.overallResult === "Allowed", allowed);
    });
  }
});

import assert from "node:assert/strict";
import { describe as shown } from "../../../automation/commands/backfill";
import { run as eraseCommand } from "../../../automation/commands/erase";
import { backfill, inputOf } from "../../../automation/lake/backfill";
import { libraryContext } from "../../../automation/library";
import { fakeLake } from "./fakes";

const dataset = "engineering/meteorites";
const summary = { run: "r", dryRun: false, listed: 5, sent: 2, known: 1, older: 1, gone: 0, folders: 1, bytes: 4e6 };

/** Step Functions with an execution that ends after some looks. */
function machine(end: object, looks = 2) {
  const inputs: unknown[] = [];
  const made = fakeLake((name, input) => {
    if (name === "StartExecutionCommand") {
      inputs.push(JSON.parse(input.input as string));
      return { executionArn: "arn:execution" };
    }
    if (name === "DescribeExecutionCommand") return looks-- > 0 ? { status: "RUNNING" } : { name: "command-1", ...end };
    if (name === "ListMapRunsCommand") return { mapRuns: [{ mapRunArn: "arn:map" }] };
    if (name === "DescribeMapRunCommand") return { itemCounts: { total: 5, succeeded: 3, failed: 0 } };
    assert.equal(name, "StopExecutionCommand");
    return {};
  });
  return { ...made, inputs };
}

describe("backfill: the command", () => {
  const never = new AbortController().signal;

  it("starts the state machine, tells how far it is, and answers its counts", async () => {
    const { lake, inputs } = machine({ status: "SUCCEEDED", output: JSON.stringify(summary) });
    const told: string[] = [];
    assert.deepEqual(await backfill(lake, { dataset, prefix: "2026/" }, (text) => told.push(text), never), summary);
    assert.deepEqual(told, ["3 of 5 objects", "3 of 5 objects"]);
    const flags = { again: false, dryRun: false, origin: "command" };
    assert.deepEqual(inputs, [{ team: "engineering", dataset: "meteorites", prefix: "2026/", ...flags }]);
  });

  it("takes a prefix with and without the dataset's folder, and a time or how long ago", () => {
    const { lake } = machine({});
    assert.equal(inputOf(lake, { dataset, prefix: "engineering/meteorites/a" }).prefix, "a");
    assert.equal(inputOf(lake, { dataset }).prefix, "");
    assert.equal(inputOf(lake, { dataset, since: "2026-11-21" }).since, "2026-11-21T00:00:00.000Z");
    assert.throws(() => inputOf(lake, { dataset, since: "soon" }), { code: "InvalidMoment" });
    assert.throws(() => inputOf(lake, { dataset, prefix: "x".repeat(1_001) }), { code: "PrefixInvalid" });
    assert.throws(() => inputOf(lake, { dataset: "no/such" }), { code: "UnknownDataset" });
  });

  it("fails with the state machine's reason", async () => {
    const { lake } = machine({ status: "FAILED", error: "BackfillIncomplete", cause: "some batches" });
    await assert.rejects(
      backfill(lake, { dataset }, () => undefined, never),
      {
        code: "BackfillFailed",
        message: "the backfill command-1 ended as FAILED: BackfillIncomplete: some batches",
      },
    );
  });

  it("ends the run when it is interrupted", async () => {
    const { lake, asked } = machine({}, 1_000);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    await assert.rejects(
      backfill(lake, { dataset }, () => undefined, controller.signal),
      { name: "AbortError" },
    );
    assert.equal(asked.at(-1), "StopExecutionCommand");
  });

  it("says what it did", () => {
    const text = shown({ ...summary, failedBatches: 0 }, "dev");
    assert.equal(text.split("\n")[0], "5 listed, 2 sent (4.0 MB), 1 known, 1 older, 1 only folders");
    assert.match(shown({ ...summary, dryRun: true, failedBatches: 0 }, "dev"), /2 would be sent/);
  });
});

describe("erase: the command", () => {
  for (const yes of [undefined, "engineering/other", true]) {
    it(`erases nothing with --yes ${String(yes)}`, async () => {
      const values = { env: "local", dataset, where: ["id=1"], ...(yes !== undefined && { yes }) };
      await assert.rejects(eraseCommand(libraryContext(`${__dirname}/../../..`), values), { code: "NotConfirmed" });
    });
  }
});

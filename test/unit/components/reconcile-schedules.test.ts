import assert from "node:assert/strict";
import { scheduledReconcileSchema } from "../../../layer/reconcile/request";
import { lake, manifest } from "./support/lake";
import { inputsOf, ofType, run } from "./support/mocks";

const SCHEDULE = "aws:scheduler/schedule:Schedule";

describe("schedules of reconcile", () => {
  const dataset = (name: string, every: "1 hour" | "1 day" | "never") => ({
    ...manifest,
    dataset: name,
    table: name,
    reconcile: { every },
  });

  it("are as many as there are periods, each with the list of its datasets, and may call one function", async () => {
    const manifests = [dataset("b", "1 day"), dataset("a", "1 day"), dataset("c", "1 hour"), dataset("d", "never")];
    const { resources } = await run(() => lake("dev", {}, manifests));
    const schedules = ofType(resources, SCHEDULE).map(({ inputs }) => inputs);
    assert.deepEqual(schedules.map(({ scheduleExpression }) => scheduleExpression as string).sort(), [
      "rate(1 day)",
      "rate(1 hour)",
    ]);
    const daily = schedules.find(({ scheduleExpression }) => scheduleExpression === "rate(1 day)");
    const input = scheduledReconcileSchema.parse(JSON.parse(String(daily?.target.input)));
    assert.deepEqual(input.datasets, ["engineering/a", "engineering/b"]);
    assert.ok(input.rowsWithin > 86_400, "what changed since the last time, and a little more");
    assert.match(String(daily?.target.arn), /reconcile:live$/);
    const { policy } = inputsOf(resources, "aws:iam/rolePolicy:RolePolicy", "lake-reconciling-policy");
    const { Statement } = JSON.parse(String(policy)) as { Statement: { Action: string[]; Resource: string[] }[] };
    assert.deepEqual(
      Statement.map(({ Action, Resource }) => [Action, Resource]),
      [[["lambda:InvokeFunction"], [daily?.target.arn]]],
    );
  });

  it("are none, and have no role, where no dataset is to be compared", async () => {
    const { resources } = await run(() => lake("dev", {}, [dataset("d", "never")]));
    assert.equal(ofType(resources, SCHEDULE).length, 0);
    assert.ok(!ofType(resources, "aws:iam/role:Role").some(({ name }) => name.includes("reconciling")));
  });

  it("fit into a schedule's input with 500 datasets", async () => {
    // EventBridge Scheduler quotas: 256 KB.
    const names = Array.from({ length: 500 }, (_, index) => `${"team".repeat(8)}/${"dataset".repeat(6)}-${index}`);
    assert.ok(Buffer.byteLength(JSON.stringify({ datasets: names })) < 256 * 1024);
  });
});

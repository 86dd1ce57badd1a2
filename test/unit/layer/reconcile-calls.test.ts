import assert from "node:assert/strict";
import { useClients } from "../../../layer/clients";
import { reconcile, type Scheduled } from "../../../layer/flow/reconcile";
import { compareSlice } from "../../../layer/reconcile/slice";
import { reconcileRequestSchema, reconcileSliceSchema } from "../../../layer/reconcile/request";
import { nothing, together } from "../../../layer/reconcile/types";
import { readMetrics } from "../../../layer/store/metrics";
import { record } from "./fakes/lake";
import { compare, KEY, NAME, processed } from "./support/reconcile";

describe("layer: calls of reconcile", () => {
  it("goes on where a call ended, and finds the same in many calls as in one", async () => {
    const lake = await processed("a.json", "b.json", "c.json");
    for (let index = 0; index < 105; index++)
      await lake.arrive(`${KEY}lost-${String(index).padStart(3, "0")}.json`, record(index), { silent: true });
    lake.s3.remove("stage", lake.files()[1] as string);
    for (const rowsSince of [0, null]) {
      const whole = await compare({ rowsSince });
      let [parts, calls] = [nothing(), 0];
      let cursor: Awaited<ReturnType<typeof compareSlice>>["next"];
      do {
        const request = reconcileSliceSchema.parse({ ...NAME, minAge: 0, rowsSince, cursor });
        const { next, ...part } = await compareSlice({ ...request, seconds: -1 });
        [parts, cursor] = [together(parts, part, 1_000), next];
        calls++;
      } while (cursor !== undefined);
      assert.ok(calls >= 3, `${calls} calls`);
      assert.deepEqual(parts, whole);
      assert.deepEqual([whole.differences.unseen, whole.differences.missing], [105, 1]);
    }
  });

  it("compares all datasets of a schedule, whatever becomes of one, and records it", async () => {
    const lake = await processed("a.json");
    await lake.arrive(`${KEY}lost.json`, record(9), { silent: true });
    const request = reconcileRequestSchema.parse({ datasets: ["engineering/none", "engineering/meteorites"] });
    const answer = (await reconcile(request)) as Scheduled;
    assert.deepEqual(answer, {
      compared: { "engineering/none": "DatasetMissing", "engineering/meteorites": 0 },
      left: 0,
    });
    const events = lake.dynamodb.items<{ kind: string; detail: { notes: { young: number } } }>("events");
    assert.deepEqual(
      events.filter(({ kind }) => kind === "reconciled").map(({ detail }) => detail.notes.young),
      [1],
    );
    assert.equal((await readMetrics("engineering", "meteorites")).reconciled, 1);
  });

  it("hands to its next call what it has no time for, and ends at some time", async () => {
    await processed("a.json");
    process.env.RECONCILE_ARN = "arn:reconcile";
    const invoked: { input: { Payload: string; FunctionName: string; InvocationType: string } }[] = [];
    useClients({ lambda: { send: async (command: never) => void invoked.push(command) } as never });
    const request = reconcileRequestSchema.parse({ datasets: ["engineering/meteorites"] });
    const now = Date.now;
    const later = [0, 800_000];
    Date.now = () => now() + (later.shift() ?? 800_000);
    try {
      const answer = (await reconcile(request)) as Scheduled;
      assert.equal(answer.left, 1);
      assert.deepEqual([invoked[0]?.input.FunctionName, invoked[0]?.input.InvocationType], ["arn:reconcile", "Event"]);
      const next = reconcileRequestSchema.parse(JSON.parse(invoked[0]?.input.Payload ?? "{}"));
      assert.ok("call" in next && next.call === 2);
      later.unshift(0);
      await reconcile({ ...next, call: 12 });
      assert.equal(invoked.length, 1, "not for ever");
    } finally {
      Date.now = now;
    }
  });

  it("refuses what is no request", () => {
    for (const wrong of [
      {},
      { datasets: [] },
      { datasets: ["x"] },
      { ...NAME, seconds: 900 },
      { ...NAME, limit: 5_001 },
    ])
      assert.equal(reconcileRequestSchema.safeParse(wrong).success, false, JSON.stringify(wrong));
  });
});

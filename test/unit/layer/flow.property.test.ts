import fc from "fast-check";
import assert from "node:assert/strict";
import { serviceError } from "./fakes/command";
import { readMetrics } from "../../../layer/store/metrics";
import { FakeLake, QUEUES, record } from "./fakes/lake";

/** One thing that happens to the lake. */
type Happening =
  /** `late`: its event is not delivered now, so that events of later versions of the key may come before. */
  | { what: "arrive"; key: number; body: number; late: boolean }
  | { what: "again"; event: number }
  | { what: "route" }
  | { what: "settle" }
  | { what: "forget" };

const arrival = fc.record({
  what: fc.constant("arrive" as const),
  key: fc.nat(4),
  body: fc.nat(3),
  late: fc.boolean(),
});

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 6, arbitrary: arrival },
  { weight: 2, arbitrary: fc.record({ what: fc.constant("again" as const), event: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.constant({ what: "route" as const }) },
  { weight: 1, arbitrary: fc.constant({ what: "settle" as const }) },
  { weight: 1, arbitrary: fc.constant({ what: "forget" as const }) },
);

const BODIES = [record(1), `${record(2)}\n${record(3, { fall: "Found" })}`, "{broken", "[]"];

describe("layer: whatever happens", () => {
  it("every version gets one outcome, and the table holds just the rows of the current versions", async () => {
    const schedule = fc.tuple(
      fc.array(happening, { minLength: 1, maxLength: 25 }),
      fc.constantFrom("object" as const, "dataset" as const),
      // Which requests fail, by their number.
      fc.array(fc.nat(120), { maxLength: 12 }),
    );
    await fc.assert(
      fc.asyncProperty(schedule, ([happenings, group, failing]) => run(happenings, group, new Set(failing))),
      {
        numRuns: 12,
        // Making a counterexample smaller takes minutes; it is printed with the seed instead.
        endOnFailure: true,
      },
    );
  }).timeout(60_000);
});

async function run(happenings: Happening[], group: "object" | "dataset", failing: Set<number>): Promise<void> {
  const lake = new FakeLake({ group });
  const events: string[] = [];
  let requests = 0;
  const before = (name: string) => {
    if (failing.has(requests++)) throw serviceError(`${name}Unavailable`, 503);
  };
  const armed = (on: boolean) => {
    for (const fake of [lake.dynamodb, lake.s3, lake.sqs]) fake.before = on ? before : () => undefined;
  };
  for (const one of happenings) {
    armed(false);
    if (one.what === "arrive")
      events.push(
        await lake.arrive(`engineering/meteorites/${one.key}.json`, BODIES[one.body] as string, { silent: one.late }),
      );
    if (one.what === "again" && events.length > 0) await lake.deliver(events[one.event % events.length] as string);
    if (one.what === "forget") lake.sqs.forget(QUEUES.a);
    armed(true);
    if (one.what === "route") await lake.route();
    if (one.what === "settle") await lake.settle();
  }
  await lake.settle();
  armed(false);
  // What is still missing comes at last, the newest first.
  for (const event of [...events].reverse()) await lake.deliver(event);
  await lake.settle();
  check(lake, events.length);
  await checkCounts(lake);
}

/** In = processed + failed: counters, items and history say the same, whatever happened. */
async function checkCounts(lake: FakeLake): Promise<void> {
  const objects = lake.objects();
  const {
    received = 0,
    bytes = 0,
    processed = 0,
    failed = 0,
    rows = 0,
    retried = 0,
  } = await readMetrics("engineering", "meteorites");
  const of = (status: string) => objects.filter((item) => item.status === status);
  assert.deepEqual([received, processed, failed], [objects.length, of("PROCESSED").length, of("FAILED").length]);
  assert.equal(received, processed + failed);
  assert.equal(
    bytes,
    objects.reduce((sum, { size }) => sum + size, 0),
  );
  assert.equal(
    rows,
    of("PROCESSED").reduce((sum, item) => sum + (item.rows ?? 0), 0),
  );
  const history = lake.dynamodb.items<{ status: string }>("history");
  assert.equal(retried, history.filter(({ status }) => status === "RETRIED").length);
}

function check(lake: FakeLake, arrived: number): void {
  const objects = lake.objects();
  assert.equal(objects.length, arrived);
  for (const { status, key } of objects)
    assert.ok(status === "PROCESSED" || status === "FAILED", `${key} is ${status}`);
  const current = lake.currents();
  assert.deepEqual(lake.files(), current.flatMap(({ files }) => files).sort());
  for (const { keyId, sequencer } of current) {
    const later = objects.filter(
      (one) => one.keyId === keyId && one.status === "PROCESSED" && one.sequencer > sequencer,
    );
    // Bytes that were replaced before they were read have no rows that could win.
    for (const { supersededBy } of later) assert.match(supersededBy ?? "", /^etag /, "an older version won");
  }
  const live = objects.filter(({ status, supersededBy }) => status === "PROCESSED" && supersededBy === undefined);
  assert.deepEqual(live.map(({ version }) => version).sort(), current.map((item) => item.current).sort());
  assert.deepEqual(live.flatMap(({ postFiles = [] }) => postFiles).sort(), lake.files());
  const failed = objects.filter(({ status }) => status === "FAILED");
  const inDlq = [...lake.sqs.messages(QUEUES.aDlq), ...lake.sqs.messages(QUEUES.bDlq)];
  assert.equal(new Set(inDlq.map(({ body }) => body)).size, failed.length);
  for (const { keyId, version } of objects) {
    const ends = lake.dynamodb
      .items<{ keyId: string; version: string; stage: string; status: string }>("history")
      .filter((entry) => entry.keyId === keyId && entry.version === version && entry.status !== "RETRIED");
    assert.ok(ends.filter(({ stage }) => stage === "A").length === 1, "one outcome of Stage A");
    assert.ok(ends.filter(({ stage }) => stage === "B").length <= 1, "at most one outcome of Stage B");
  }
}

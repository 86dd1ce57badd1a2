import fc from "fast-check";
import assert from "node:assert/strict";
import { useClients } from "../../../layer/clients";
import { redriveQueue, type Decide, type Redriven } from "../../../layer/dlq";
import { log } from "../../../layer/log";
import { serviceError } from "./fakes/command";
import { FakeSqs } from "./fakes/sqs";

const [DLQ, QUEUE] = ["dlq.fifo", "queue.fifo"];

/** What may go wrong with one request, by its number. */
type Fault = "none" | "refused" | "lost answer" | "entry refused";

interface Case {
  /** Group of each message, in the order of the DLQ. */
  groups: number[];
  /** Which messages are asked for. */
  asked: boolean[];
  faults: Fault[];
  /** Calls during which things go wrong, and whether the queue has forgotten its deduplication ids before the next. */
  calls: { forget: boolean; max: number }[];
}

const cases: fc.Arbitrary<Case> = fc.record({
  groups: fc.array(fc.nat(3), { minLength: 1, maxLength: 25 }),
  asked: fc.array(fc.boolean(), { minLength: 25, maxLength: 25 }),
  faults: fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constant<Fault>("none") },
      { weight: 1, arbitrary: fc.constantFrom<Fault>("refused", "lost answer", "entry refused") },
    ),
    { minLength: 30, maxLength: 60 },
  ),
  calls: fc.array(fc.record({ forget: fc.boolean(), max: fc.integer({ min: 1, max: 30 }) }), {
    minLength: 1,
    maxLength: 4,
  }),
});

describe("layer: redrive, whatever SQS does", () => {
  before(() => log.setLogLevel("SILENT"));

  it("loses nothing, sends nothing that was not asked for, and keeps the order of each group", async () => {
    await fc.assert(fc.asyncProperty(cases, run), { numRuns: 150 });
  });

  it("deletes nothing that the queue refused, and stops its group there", async () => {
    const { sqs, redrive } = lake([0, 0, 1, 0], () => true);
    let sends = 0;
    sqs.refuses = (name) => name === "SendMessageBatchCommand" && [3, 4].includes(++sends);
    const answer = await redrive({ max: 10 });
    // The first turn sends 0 and 2, the second 1 (refused): 3 stands behind it.
    assert.deepEqual(sqs.bodies(QUEUE), ["0", "2"]);
    assert.deepEqual(sqs.bodies(DLQ), ["1", "3"]);
    assert.deepEqual([answer.redriven, answer.failed, answer.remaining], [2, 1, 2]);
    assert.ok(
      sqs.messages(DLQ).every(({ hidden }) => !hidden),
      "the next call sees them at once",
    );
  });

  it("passes what was not asked for by, behind the rest of the DLQ and with its reason and age", async () => {
    const { sqs, redrive } = lake([0, 0, 0], ({ body }) => body === "2");
    const first = sqs.messages(DLQ)[0]?.sentAt;
    sqs.now = () => Date.now() + 1_000;
    const answer = await redrive({ max: 10 });
    assert.deepEqual([answer.redriven, answer.passed], [1, 2]);
    assert.deepEqual([sqs.bodies(QUEUE), sqs.bodies(DLQ)], [["2"], ["0", "1"]]);
    assert.deepEqual(sqs.messages(DLQ)[0]?.attributes, { reason: "Broken", failedAt: String(first) });
  });

  it("heeds the rate", async () => {
    const { sqs, redrive } = lake([0, 1, 2, 3, 4, 5], () => true);
    const began = Date.now();
    await redrive({ max: 10, rate: 20 });
    assert.ok(Date.now() - began >= 300 - 5, `${Date.now() - began} ms for 6 messages, 20 a second`);
    assert.equal(sqs.bodies(QUEUE).length, 6);
  });

  it("ends in time and says that there is more", async () => {
    const { sqs, redrive } = lake([0, 1], () => true);
    assert.deepEqual((await redrive({ max: 10, seconds: -1 })).more, true);
    assert.equal(sqs.bodies(DLQ).length, 2);
    assert.equal((await redrive({ max: 10 })).more, false);
  });
});

/** A DLQ with a message for each group; `asked` decides. */
function lake(groups: number[], asked: (letter: { body: string }) => boolean) {
  const sqs = new FakeSqs();
  useClients({ sqs: sqs as never });
  groups.forEach((group, index) =>
    sqs.add(DLQ, { body: String(index), group: `g${group}`, attributes: { reason: "Broken" } }),
  );
  const decide: Decide = async (letter) =>
    asked(letter)
      ? { send: { body: letter.body, group: `g${groups[Number(letter.body)]}`, deduplicationId: `d${letter.body}` } }
      : "pass";
  const redrive = (options: Parameters<typeof redriveQueue>[2]): Promise<Redriven> =>
    redriveQueue(DLQ, QUEUE, options, decide);
  return { sqs, redrive };
}

async function run({ groups, asked, faults, calls }: Case): Promise<void> {
  const isAsked = (body: string) => asked[Number(body)] as boolean;
  const { sqs, redrive } = lake(groups, ({ body }) => isAsked(body));
  const before = Date.now();
  // What is put to the end of the DLQ is recognised by its time.
  sqs.now = () => before + 1;
  let [requests, entries] = [0, 0];
  const fault = () => faults[requests % faults.length] as Fault;
  for (const call of calls) {
    sqs.before = (name) => {
      requests++;
      if (fault() === "refused" && name !== "GetQueueAttributesCommand") throw serviceError(`${name}Unavailable`, 503);
    };
    sqs.after = (name) => {
      if (fault() === "lost answer" && name !== "GetQueueAttributesCommand") throw serviceError("TimeoutError", 500);
    };
    sqs.refuses = () => fault() === "entry refused" && entries++ % 2 === 0;
    await redrive({ max: call.max, before }).catch(() => undefined);
    nothingIsLost(sqs, groups);
    sqs.reveal(DLQ);
    if (call.forget) sqs.forget(QUEUE);
  }
  [sqs.before, sqs.after, sqs.refuses] = [() => undefined, () => undefined, () => false];
  await redrive({ max: 100, before });
  const sent = first(sqs.bodies(QUEUE));
  assert.deepEqual(
    [...sent].sort(),
    groups.flatMap((_, index) => (isAsked(String(index)) ? [String(index)] : [])).sort(),
  );
  for (const group of new Set(groups)) {
    const ofGroup = sent.filter((body) => groups[Number(body)] === group).map(Number);
    assert.deepEqual(
      ofGroup,
      [...ofGroup].sort((a, b) => a - b),
      `group ${group} came out of order`,
    );
  }
  const left = new Set(sqs.bodies(DLQ));
  assert.deepEqual([...left].filter(isAsked), []);
  assert.equal(left.size, groups.length - sent.length);
}

/** Every message is in the DLQ, in its queue, or in both. */
function nothingIsLost(sqs: FakeSqs, groups: number[]): void {
  const somewhere = new Set([...sqs.bodies(DLQ), ...sqs.bodies(QUEUE)]);
  assert.equal(somewhere.size, groups.length);
}

function first(bodies: string[]): string[] {
  return [...new Set(bodies)];
}

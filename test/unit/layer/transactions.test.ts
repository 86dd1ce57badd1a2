import fc from "fast-check";
import assert from "node:assert/strict";
import { TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import { useClients } from "../../../layer/clients";
import { newItem, register, transition, type ObjectItem } from "../../../layer/store/metadata";
import { commit } from "../../../layer/store/transactions";
import { FakeDynamoDb } from "./fakes/dynamodb";

function fake(): FakeDynamoDb {
  process.env.OBJECT_METADATA_TABLE = "objects";
  const dynamodb = new FakeDynamoDb({ objects: ["keyId", "version"] });
  useClients({ dynamodb: dynamodb as never });
  return dynamodb;
}

function item(id: number): ObjectItem {
  const version = `v${id}`;
  return newItem(
    {
      team: "t",
      dataset: "d",
      bucket: "b",
      key: "k",
      keyId: `key${id}`,
      version,
      sequencer: "1",
      etag: "",
      size: 1,
      eventTime: "",
    },
    "now",
  );
}

describe("layer: transactions", () => {
  it("write what its conditions allow, and report the rest with what stands in the way", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat(300), { maxLength: 260 }),
        fc.uniqueArray(fc.nat(300), { maxLength: 8 }),
        async (wanted, there) => {
          const dynamodb = fake();
          for (const id of there) dynamodb.put("objects", { ...item(id), status: "FAILED" });
          const answers = await commit(wanted.map((id) => [register(item(id))]));
          for (const [index, id] of wanted.entries()) {
            const answer = answers[index];
            assert.equal(answer?.written, !there.includes(id));
            if (answer && !answer.written) assert.equal(answer.refused.item?.status, "FAILED");
          }
          const refused = wanted.filter((id) => there.includes(id)).length;
          const most = Math.ceil(wanted.length / 100) + Math.min(refused, Math.ceil(wanted.length / 100)) + 1;
          assert.ok(
            (dynamodb.requests.TransactWriteCommand ?? 0) <= most,
            `${dynamodb.requests.TransactWriteCommand} requests`,
          );
        },
      ),
      { numRuns: 30 },
    );
  });

  it("write a unit as a whole or not at all", async () => {
    const dynamodb = fake();
    dynamodb.put("objects", { ...item(2), status: "PROCESSED" });
    const [answer] = await commit([[register(item(1)), transition(item(2), ["FAILED"], { rows: 1 })]]);
    assert.deepEqual([answer?.written, answer && !answer.written && answer.refused.index], [false, 1]);
    assert.equal(dynamodb.items("objects").length, 1);
  });

  it("write units about the same item one after the other", async () => {
    const dynamodb = fake();
    const answers = await commit([
      [register(item(1))],
      [transition(item(1), ["RECEIVED"], { status: "STAGE_A" })],
      [register(item(1))],
    ]);
    assert.deepEqual(
      answers.map(({ written }) => written),
      [true, true, false],
    );
    assert.equal(dynamodb.items<ObjectItem>("objects")[0]?.status, "STAGE_A");
  });

  it("come again when other writers are in the way, and give up after six tries", async () => {
    const dynamodb = fake();
    let conflicts = 2;
    dynamodb.before = () => {
      if (conflicts-- > 0)
        throw new TransactionCanceledException({
          message: "",
          $metadata: {},
          CancellationReasons: [{ Code: "TransactionConflict" }],
        });
    };
    assert.deepEqual(await commit([[register(item(1))]]), [{ written: true }]);
    conflicts = Infinity;
    await assert.rejects(commit([[register(item(2))]]), { code: "StoreBusy" });
  }).timeout(15_000);

  it("write nothing without asking", async () => {
    const dynamodb = fake();
    assert.deepEqual(await commit([]), []);
    assert.deepEqual(dynamodb.requests, {});
  });
});

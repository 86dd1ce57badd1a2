import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import type { Context } from "aws-lambda";
import assert from "node:assert/strict";
import { useClients } from "../../../layer/clients";
import { idempotent } from "../../../layer/idempotent";
import { log } from "../../../layer/log";
import type { StageBState } from "../../../layer/messages";
import type { Command } from "./fakes/command";

type Attributes = Record<string, { S?: string; N?: string }>;

const context = { getRemainingTimeInMillis: () => 60_000, functionName: "f" } as Context;
const state = (batchId: string): StageBState => ({
  team: "t",
  dataset: "d",
  batchId,
  startedAt: "",
  items: [],
  failed: [],
  failedCount: 0,
});

/** The idempotency table, as far as Powertools uses it: a conditional put, an update, a delete. */
function table() {
  const items = new Map<string, Attributes>();
  const send = async (command: Command): Promise<unknown> => {
    const input = command.input as { Item?: Attributes; Key?: Attributes; ExpressionAttributeValues?: Attributes };
    const id = (input.Item?.id ?? input.Key?.id)?.S as string;
    if (command.constructor.name === "PutItemCommand") {
      const Item = items.get(id);
      if (Item) throw new ConditionalCheckFailedException({ message: "", $metadata: {}, Item: Item as never });
      items.set(id, input.Item as Attributes);
    } else if (command.constructor.name === "UpdateItemCommand") {
      const values = Object.values(input.ExpressionAttributeValues ?? {});
      items.set(id, {
        ...items.get(id),
        status: { S: "COMPLETED" },
        data: values.find((value) => "M" in value) as never,
      });
    } else items.delete(id);
    return {};
  };
  useClients({
    dynamodb: {
      send,
      config: { serviceId: "DynamoDB" },
      middlewareStack: { addRelativeTo: () => undefined, identify: () => [] },
    } as never,
  });
  return items;
}

describe("layer: a batch is done once", () => {
  const counting = () => {
    const calls: string[] = [];
    const work = idempotent(async (input) => {
      calls.push(input.batchId);
      return { ...input, failedCount: calls.length };
    });
    return { calls, work };
  };

  beforeEach(() => {
    process.env.IDEMPOTENCY_TABLE = "idempotency";
    log.setLogLevel("SILENT");
  });

  it("a second call gets the first one's answer", async () => {
    table();
    const { calls, work } = counting();
    assert.equal((await work(state("one"), context)).failedCount, 1);
    assert.equal((await work(state("one"), context)).failedCount, 1);
    assert.equal((await work(state("two"), context)).failedCount, 2);
    assert.deepEqual(calls, ["one", "two"]);
  });

  it("what a call that was cut off left does not block the next one", async () => {
    const items = table();
    const { calls, work } = counting();
    await work(state("one"), context);
    const [[id, item]] = [...items] as [[string, Attributes]];
    items.set(id, { ...item, status: { S: "INPROGRESS" } });
    assert.equal((await work(state("one"), context)).failedCount, 2);
    assert.deepEqual(calls, ["one", "one"]);
  });

  it("what failed is done again", async () => {
    const items = table();
    let fail = true;
    const work = idempotent(async (input) => {
      if (fail) throw new RangeError("not now");
      return input;
    });
    await assert.rejects(work(state("one"), context), /not now/);
    assert.equal(items.size, 0);
    fail = false;
    assert.equal((await work(state("one"), context)).batchId, "one");
  });
});

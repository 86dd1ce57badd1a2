import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import type { Lake } from "../connect";
import { entries, type Entry } from "../executions";
import { itemsOf, keyId } from "../objects";
import { textsOf, type Condition } from "./condition";

/*
 * A rejection's message may quote the value that it was about, and the control tables keep it. So the messages about objects that
 * held such records go, whatever is in them, and those in which one of the values stands. Codes stay.
 */

/** Stands in the place of a message. */
const ERASED = "erased on request";

/** Erases the messages about all versions of an object; answers how many. */
export async function eraseMessagesOf(lake: Lake, key: string, dryRun: boolean): Promise<number> {
  const id = keyId(lake.outputs.rawBucket, key);
  const found = [...(await itemsWithMessages(lake, id)), ...(await entriesOf(lake, { datasets: [], keyId: id }))];
  if (!dryRun) for (const place of found) await erase(lake, place);
  return found.length;
}

/** Erases the messages of a dataset's failures in which one of the condition's values stands; answers how many. */
export async function eraseMessagesWith(
  lake: Lake,
  dataset: string,
  condition: Condition,
  dryRun: boolean,
): Promise<number> {
  const values = textsOf(condition).flat();
  let count = 0;
  for (const status of ["FAILED", "RETRIED"]) {
    for (const place of await entriesOf(lake, { datasets: [dataset], status })) {
      if (!values.some((value) => Buffer.from(place.message).includes(value))) continue;
      count++;
      if (dryRun) continue;
      await erase(lake, place);
      await erase(lake, { ...place, ...itemOf(lake, place.entry) });
    }
  }
  return count;
}

/** Where a message is kept. */
interface Place {
  table: string;
  key: Record<string, unknown>;
  message: string;
}

async function entriesOf(lake: Lake, filter: Parameters<typeof entries>[1]): Promise<(Place & { entry: Entry })[]> {
  const table = lake.outputs.executionHistoryTable;
  return (await entries(lake, filter)).flatMap((entry) => {
    const { datasetId, execution } = entry;
    const message = messageOf(entry.error);
    return message === undefined ? [] : [{ table, key: { datasetId, execution }, message, entry }];
  });
}

async function itemsWithMessages(lake: Lake, id: string): Promise<Place[]> {
  const table = lake.outputs.objectMetadataTable;
  return (await itemsOf(lake, id)).flatMap((item) => {
    const message = messageOf(item.error);
    return message === undefined ? [] : [{ table, key: { keyId: id, version: item.version }, message }];
  });
}

/** The item of the object version that an entry is about, which keeps the message of its failure, too. */
function itemOf(lake: Lake, { keyId: id, version }: Entry): Pick<Place, "table" | "key"> {
  return { table: lake.outputs.objectMetadataTable, key: { keyId: id, version } };
}

/** Undefined where there is none, or none any more. */
function messageOf(error: unknown): string | undefined {
  const { message } = (error ?? {}) as { message?: unknown };
  return typeof message === "string" && message !== ERASED ? message : undefined;
}

/** What expired or was redriven meanwhile has no message any more. */
async function erase(lake: Lake, { table, key }: Place): Promise<void> {
  const request = {
    TableName: table,
    Key: key,
    UpdateExpression: "SET #error.#message = :erased",
    ConditionExpression: "attribute_exists(#error.#message)",
    ExpressionAttributeNames: { "#error": "error", "#message": "message" },
    ExpressionAttributeValues: { ":erased": ERASED },
  };
  try {
    await lake.dynamodb.send(new UpdateCommand(request));
  } catch (error) {
    if ((error as Error).name !== "ConditionalCheckFailedException") throw error;
  }
}

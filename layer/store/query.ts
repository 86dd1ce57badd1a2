import { QueryCommand, type DynamoDBDocumentClient, type QueryCommandInput } from "@aws-sdk/lib-dynamodb";
import { client } from "../clients";
import type { Item } from "./transactions";

/** Who asks a table. */
export type Asking = Pick<DynamoDBDocumentClient, "send">;

/**
 * The pages of a query, in its order; a page may be empty.
 *
 * @param dynamodb @default the layer's client
 */
export async function* pagesOf(input: QueryCommandInput, dynamodb?: Asking): AsyncGenerator<Item[]> {
  const asking = dynamodb ?? (await client("dynamodb"));
  let ExclusiveStartKey: Item | undefined;
  do {
    const page = await asking.send(new QueryCommand({ ...input, ExclusiveStartKey }));
    yield page.Items ?? [];
    ExclusiveStartKey = page.LastEvaluatedKey;
  } while (ExclusiveStartKey !== undefined);
}

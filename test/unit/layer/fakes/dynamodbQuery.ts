import type { QueryCommandInput } from "@aws-sdk/lib-dynamodb";
import assert from "node:assert/strict";

type Item = Record<string, unknown>;

/** An index's partition key, sort key, and whether it holds whole items. */
export type Indexes = Record<string, { keys: [string, string]; holds: "keys" | "all" }>;

/** Items of a page: small, so that whoever forgets to ask on is found out. */
const PAGE = 7;

/** What DynamoDB answers to a query of a table or an index. Filters are not known: nobody needs them so far. */
export function query(items: Item[], input: QueryCommandInput, keys: string[], indexes: Indexes = {}) {
  const index = input.IndexName === undefined ? undefined : indexes[input.IndexName];
  assert.ok(input.IndexName === undefined || index, `no index ${input.IndexName}`);
  assert.ok(!(index && input.ConsistentRead), "an index is not read consistently");
  assert.equal(input.FilterExpression, undefined, "the fake DynamoDB knows no filters");
  const [hash, range] = index?.keys ?? (keys as [string, string?]);
  const found = items
    .filter((item) => typeof item[hash] === "string" && (!index || typeof item[index.keys[1]] === "string"))
    .filter((item) => meets(item, input, hash, range))
    .sort(
      (a, b) =>
        compare(order(a, [range ?? hash]), order(b, [range ?? hash])) || compare(order(a, keys), order(b, keys)),
    );
  if (input.ScanIndexForward === false) found.reverse();
  const start = input.ExclusiveStartKey;
  const from = start === undefined ? 0 : found.findIndex((item) => keys.every((key) => item[key] === start[key])) + 1;
  const page = found.slice(from, from + Math.min(PAGE, input.Limit ?? PAGE));
  const last = page.at(-1);
  return {
    Items: page.map((item) => (index?.holds === "keys" ? only(item, [...index.keys, ...keys]) : item)),
    ...(last && from + page.length < found.length
      ? { LastEvaluatedKey: only(last, [...keys, hash, range ?? hash]) }
      : {}),
  };
}

function order(item: Item, names: string[]): string {
  return names.map((name) => item[name] as string).join("\n");
}

function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function only(item: Item, names: string[]): Item {
  return Object.fromEntries(names.map((name) => [name, item[name]]));
}

function meets(item: Item, input: QueryCommandInput, hash: string, range: string | undefined): boolean {
  const name = (placeholder: string) => input.ExpressionAttributeNames?.[placeholder] ?? placeholder;
  const value = (placeholder: string) => {
    const found = input.ExpressionAttributeValues?.[placeholder] as unknown;
    assert.equal(typeof found, "string", `no value for ${placeholder}`);
    return found as string;
  };
  const expression = input.KeyConditionExpression as string;
  const parsed = /^(\S+) = (:\S+)(?: AND (.*))?$/.exec(expression);
  assert.ok(parsed && name(parsed[1] as string) === hash, `the fake DynamoDB does not know "${expression}"`);
  if (item[hash] !== value(parsed[2] as string)) return false;
  const rest = parsed[3];
  if (rest === undefined) return true;
  const between = /^(\S+) BETWEEN (:\S+) AND (:\S+)$/.exec(rest);
  const begins = /^begins_with\((\S+), (:\S+)\)$/.exec(rest);
  const compared = /^(\S+) (=|<|<=|>|>=) (:\S+)$/.exec(rest);
  const [, attribute] = between ?? begins ?? compared ?? [];
  assert.ok(attribute && name(attribute) === range, `the fake DynamoDB does not know "${expression}"`);
  const own = item[range as string] as string;
  if (between) return compare(own, value(between[2] as string)) >= 0 && compare(own, value(between[3] as string)) <= 0;
  if (begins) return own.startsWith(value(begins[2] as string));
  const difference = compare(own, value(compared?.[3] as string));
  const operator = compared?.[2] as string;
  return (
    (difference === 0 && operator.includes("=")) ||
    (difference < 0 && operator.startsWith("<")) ||
    (difference > 0 && operator.startsWith(">"))
  );
}

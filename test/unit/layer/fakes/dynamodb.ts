import { TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import type {
  BatchGetCommandInput,
  GetCommandInput,
  PutCommandInput,
  QueryCommandInput,
  TransactWriteCommandInput,
  UpdateCommandInput,
} from "@aws-sdk/lib-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import assert from "node:assert/strict";
import { serviceError, type Command } from "./command";
import { query, type Indexes } from "./dynamodbQuery";

type Item = Record<string, unknown>;
type Write = NonNullable<TransactWriteCommandInput["TransactItems"]>[number];
type Update = NonNullable<Write["Update"]>;

/**
 * DynamoDB as far as the layer uses it: transactions of updates and puts with conditions, all or nothing; reads. It refuses
 * what DynamoDB refuses (more than 100 writes, an item twice, unknown expressions) and answers what it answers.
 */
export class FakeDynamoDb {
  private readonly tables = new Map<string, Map<string, Item>>();
  /** How many requests it got, by name. */
  readonly requests: Record<string, number> = {};
  /** Called before each request; may throw. */
  before: (name: string, input: unknown) => void = () => undefined;

  /**
   * @param keys of each table
   * @param indexes of tables: partition and sort key by name
   */
  constructor(
    private readonly keys: Record<string, string[]>,
    private readonly indexes: Record<string, Indexes> = {},
  ) {
    for (const table of Object.keys(keys)) this.tables.set(table, new Map());
  }

  async send(command: Command): Promise<unknown> {
    const name = command.constructor.name;
    this.requests[name] = (this.requests[name] ?? 0) + 1;
    // What is sent is a copy, as over the network.
    const input = structuredClone(command.input);
    await Promise.resolve();
    this.before(name, input);
    if (name === "GetCommand") return this.get(input as GetCommandInput);
    if (name === "BatchGetCommand") return this.batchGet(input as BatchGetCommandInput);
    if (name === "TransactWriteCommand") return this.transact(input as TransactWriteCommandInput);
    if (name === "PutCommand") return this.write({ Put: input as PutCommandInput });
    if (name === "UpdateCommand") return this.write({ Update: input as Update });
    if (name === "QueryCommand") return this.query(input as QueryCommandInput);
    assert.fail(`the fake DynamoDB does not know ${name}`);
  }

  /** All items of a table, in no order. */
  items<T = Item>(table: string): T[] {
    return [...(this.tables.get(table) as Map<string, Item>).values()].map((item) => structuredClone(item)) as T[];
  }

  put(table: string, item: Item): void {
    this.tables.get(table)?.set(this.keyOf(table, item), item);
  }

  private query(input: QueryCommandInput) {
    const table = input.TableName as string;
    const keys = this.keys[table];
    assert.ok(keys, `no table ${table}`);
    return query(this.items(table), input, keys, this.indexes[table]);
  }

  private write(write: Write) {
    if (this.refusal(write).Code !== "None") throw serviceError("ConditionalCheckFailedException", 400);
    this.apply(write);
    return {};
  }

  private get({ TableName, Key }: GetCommandInput) {
    return {
      Item: structuredClone(this.tables.get(TableName as string)?.get(this.keyOf(TableName as string, Key as Item))),
    };
  }

  private batchGet({ RequestItems }: BatchGetCommandInput) {
    const Responses = Object.entries(RequestItems ?? {}).map(([table, { Keys = [] }]) => {
      assert.ok(Keys.length <= 100, "a BatchGet takes 100 keys");
      const names = Keys.map((key) => this.keyOf(table, key));
      assert.equal(new Set(names).size, names.length, "a BatchGet takes each key once");
      return [table, names.flatMap((name) => structuredClone(this.tables.get(table)?.get(name)) ?? [])];
    });
    return { Responses: Object.fromEntries(Responses) as Record<string, Item[]> };
  }

  private transact({ TransactItems = [] }: TransactWriteCommandInput) {
    assert.ok(TransactItems.length > 0 && TransactItems.length <= 100, "a transaction takes 1 to 100 writes");
    const touched = TransactItems.map((write) => JSON.stringify(this.target(write)));
    assert.equal(new Set(touched).size, touched.length, "a transaction takes each item once");
    const reasons = TransactItems.map((write) => this.refusal(write));
    if (reasons.some((reason) => reason.Code !== "None")) {
      const message = "Transaction cancelled";
      throw new TransactionCanceledException({ message, CancellationReasons: reasons as never, $metadata: {} });
    }
    for (const write of TransactItems) this.apply(write);
    return {};
  }

  private refusal(write: Write): { Code: string; Item?: unknown } {
    const conditional = write.Update ?? write.Put;
    if (conditional?.ConditionExpression === undefined) return { Code: "None" };
    const [table, key] = this.target(write);
    const item = this.tables.get(table)?.get(key);
    if (holds(conditional.ConditionExpression, item, conditional)) return { Code: "None" };
    const wanted = conditional.ReturnValuesOnConditionCheckFailure === "ALL_OLD" && item;
    return {
      Code: "ConditionalCheckFailed",
      ...(wanted ? { Item: marshall(item, { removeUndefinedValues: true }) } : {}),
    };
  }

  private apply(write: Write): void {
    const [table, key] = this.target(write);
    const items = this.tables.get(table) as Map<string, Item>;
    if (write.Put) items.set(key, JSON.parse(JSON.stringify(write.Put.Item)) as Item);
    else items.set(key, updated(items.get(key) ?? { ...write.Update?.Key }, write.Update as Update));
  }

  private target({ Put, Update }: Write): [string, string] {
    const table = (Put?.TableName ?? Update?.TableName) as string;
    return [table, this.keyOf(table, (Put?.Item ?? Update?.Key) as Item)];
  }

  private keyOf(table: string, item: Item): string {
    const names = this.keys[table];
    assert.ok(names, `no table ${table}`);
    for (const name of names)
      assert.ok(typeof item[name] === "string" && item[name] !== "", `${table} needs a key ${name}`);
    return JSON.stringify(names.map((name) => item[name]));
  }
}

type Conditional = Pick<UpdateCommandInput, "ExpressionAttributeNames" | "ExpressionAttributeValues">;

function holds(expression: string, item: Item | undefined, update: Conditional): boolean {
  const value = (placeholder: string) => update.ExpressionAttributeValues?.[placeholder.trim()] as never;
  const attribute = (name: string) => item?.[update.ExpressionAttributeNames?.[name] ?? name] as never;
  return expression.split(" AND ").every((condition) => {
    const absent = /^attribute_not_exists\((\S+)\)$/.exec(condition);
    if (absent) return item?.[absent[1] as string] === undefined;
    const present = /^attribute_exists\((\S+)\)$/.exec(condition);
    if (present) return at(item, pathOf(present[1] as string, update)) !== undefined;
    const among = /^(#\S+) IN \((.*)\)$/.exec(condition);
    if (among)
      return (
        item !== undefined &&
        (among[2] as string)
          .split(",")
          .map(value)
          .includes(attribute(among[1] as string))
      );
    const compared = /^(#\S+) ([=<]) (:\S+)$/.exec(condition);
    assert.ok(compared, `the fake DynamoDB does not know the condition "${condition}"`);
    const [left, right] = [attribute(compared[1] as string), value(compared[3] as string)];
    return left !== undefined && (compared[2] === "=" ? left === right : left < right);
  });
}

/** Names of a path such as `#error.#message`. */
function pathOf(placeholders: string, { ExpressionAttributeNames = {} }: Conditional): string[] {
  return placeholders.split(".").map((one) => {
    const found = one.startsWith("#") ? ExpressionAttributeNames[one] : one;
    assert.ok(found, `no name for ${one}`);
    return found;
  });
}

function at(item: Item | undefined, path: string[]): unknown {
  return path.reduce<unknown>((value, name) => (value as Item | undefined)?.[name], item);
}

function setAt(item: Item, path: string[], value: unknown): void {
  const holder = at(item, path.slice(0, -1)) as Item | undefined;
  assert.ok(holder, `the path ${path.join(".")} leads nowhere`);
  holder[path.at(-1) as string] = value;
}

function updated(item: Item, update: Update): Item {
  const [, sets = "", removes = "", adds = ""] =
    /^(?:SET (.*?))?\s*(?:REMOVE (.*?))?\s*(?:ADD (.*))?$/.exec(update.UpdateExpression as string) ?? [];
  const result = structuredClone(item);
  const name = (placeholder: string) => {
    const found = update.ExpressionAttributeNames?.[placeholder];
    assert.ok(found, `no name for ${placeholder}`);
    return found;
  };
  for (const assignment of sets.split(", ").filter(Boolean)) {
    const [left, right] = assignment.split(" = ") as [string, string];
    const value = update.ExpressionAttributeValues?.[right] as unknown;
    assert.notEqual(value, undefined, `no value for ${right}`);
    setAt(result, pathOf(left, update), value);
  }
  for (const addition of adds.split(", ").filter(Boolean)) {
    const [left, right] = addition.split(" ") as [string, string];
    const value: unknown = update.ExpressionAttributeValues?.[right];
    assert.equal(typeof value, "number", `${right} is no number to add`);
    result[name(left)] = Number(result[name(left)] ?? 0) + (value as number);
  }
  for (const removed of removes.split(", ").filter(Boolean)) delete result[name(removed)];
  return result;
}

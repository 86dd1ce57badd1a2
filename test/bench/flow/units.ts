import type { CountedRequest } from "./requests";

/** What is known about a table: how large its items are, and which attributes its indexes are by. */
export interface TableFacts {
  /** Mean of the items' sizes in KB, each rounded up as DynamoDB bills it. */
  kilobytes: number;
  /** Mean of the items' sizes in steps of 4 KB, as reads are billed. */
  readSteps: number;
  /** Key attributes of each index. */
  indexes: string[][];
}

interface Write {
  TableName?: string;
  Item?: Record<string, unknown>;
  ExpressionAttributeNames?: Record<string, string>;
  UpdateExpression?: string;
}

const single = new Set(["PutItem", "UpdateItem", "DeleteItem"]);

/**
 * Units of DynamoDB that requests are billed with. Items count with the mean size of their table; a write in a transaction
 * counts twice; one more for each index whose keys are written.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
 */
export function unitsOf(
  requests: readonly CountedRequest[],
  tables: ReadonlyMap<string, TableFacts>,
): { writeUnits: number; readUnits: number } {
  let [writeUnits, readUnits] = [0, 0];
  for (const { service, action, parameters } of requests) {
    if (service !== "dynamodb") continue;
    if (single.has(action)) writeUnits += written(parameters as Write, 1, tables);
    if (action === "TransactWriteItems") {
      for (const item of (parameters.TransactItems ?? []) as Record<string, Write>[]) {
        for (const write of Object.values(item)) writeUnits += written(write, 2, tables);
      }
    }
    readUnits += read(action, parameters, tables);
  }
  return { writeUnits, readUnits };
}

function written(write: Write, times: number, tables: ReadonlyMap<string, TableFacts>): number {
  const facts = factsOf(write.TableName, tables);
  // Names of an update stand behind placeholders; conditions name attributes, too, but no index's keys.
  const given = new Set([...Object.keys(write.Item ?? {}), ...Object.values(write.ExpressionAttributeNames ?? {})]);
  const indexed = facts.indexes.filter((keys) => keys.every((key) => given.has(key))).length;
  return times * facts.kilobytes + indexed;
}

/** Notes by which events without version ids are recognised: those of the local AWS. AWS's events have them, and nobody looks. */
const isNote = ({ Key }: Record<string, unknown>) => JSON.stringify(Key ?? {}).includes('"listed#');

function read(action: string, parameters: Record<string, unknown>, tables: ReadonlyMap<string, TableFacts>): number {
  if (action === "GetItem" && isNote(parameters)) return 0;
  if (action === "GetItem") return factsOf(parameters.TableName, tables).readSteps;
  if (action === "Query") return factsOf(parameters.TableName, tables).readSteps;
  if (action !== "BatchGetItem") return 0;
  const items = Object.entries((parameters.RequestItems ?? {}) as Record<string, { Keys: unknown[] }>);
  return items.reduce((sum, [table, { Keys }]) => sum + Keys.length * factsOf(table, tables).readSteps, 0);
}

function factsOf(table: unknown, tables: ReadonlyMap<string, TableFacts>): TableFacts {
  const name = String(table).split("/").at(-1) ?? "";
  return tables.get(name) ?? { kilobytes: 1, readSteps: 1, indexes: [] };
}

/** Bytes that SQS counts as one request. */
const CHUNK = 64 * 1024;

/** Requests to queues that are billed for what functions sent; what AWS's poller receives and deletes is added elsewhere. */
export function queueRequests(requests: readonly CountedRequest[]): { standard: number; fifo: number } {
  const found = { standard: 0, fifo: 0 };
  for (const { service, parameters } of requests) {
    if (service !== "sqs") continue;
    const kind = String(parameters.QueueUrl).endsWith(".fifo") ? "fifo" : "standard";
    found[kind] += Math.max(1, Math.ceil(JSON.stringify(parameters).length / CHUNK));
  }
  return found;
}

/** Messages that functions sent to queues whose URL ends so. */
export function messagesTo(requests: readonly CountedRequest[], suffix: string): number {
  return requests
    .filter(({ service, parameters }) => service === "sqs" && String(parameters.QueueUrl).endsWith(suffix))
    .reduce((sum, { action, parameters }) => {
      if (action === "SendMessageBatch") return sum + ((parameters.Entries ?? []) as unknown[]).length;
      return action === "SendMessage" ? sum + 1 : sum;
    }, 0);
}

/** Requests to S3, the dear and the cheap ones. */
export function fileRequests(requests: readonly CountedRequest[]): { puts: number; gets: number } {
  const actions = requests.filter(({ service }) => service === "s3").map(({ action }) => action);
  const count = (pattern: RegExp) => actions.filter((action) => pattern.test(action)).length;
  return { puts: count(/^(Put|Copy|Create|Upload|Complete|List)/), gets: count(/^(Get|Head)/) };
}

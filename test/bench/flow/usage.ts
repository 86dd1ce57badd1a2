import { DescribeTableCommand, DynamoDBClient, ListTablesCommand, paginateScan } from "@aws-sdk/client-dynamodb";
import { paginateGetExecutionHistory, paginateListExecutions, SFNClient } from "@aws-sdk/client-sfn";
import type { FlowUsage, FunctionUsage } from "../../../automation/costs";
import { connectClients, type LocalAws } from "../../../automation/local";
import { functionUsage } from "./logs";
import { type CountedRequest, requestsDuring } from "./requests";
import { fileRequests, messagesTo, queueRequests, type TableFacts, unitsOf } from "./units";

/** What the measurement needs of a stack's outputs. */
export interface LakeOutputs {
  functions: Record<string, string>;
  stageBStateMachineArn: string;
  datasets: Record<string, { stageAQueueUrl: string; stageBQueueUrl: string }>;
}

/** Messages that AWS's poller takes, and deletes, with one request. */
const POLLED = 10;

/**
 * Bytes that an Express execution of Stage A writes to its log (level ALL, no data): some 24 events of 450 bytes. An
 * estimate, the same for both sides: the local AWS writes no such log.
 */
const EXPRESS_LOG = 24 * 450;

/** What `objects` objects use from the first upload to the last outcome, as far as AWS bills it. */
export async function usageOf(
  aws: LocalAws,
  outputs: LakeOutputs,
  objects: number,
  send: () => Promise<void>,
): Promise<FlowUsage> {
  const started = Date.now();
  const requests = await requestsDuring(aws, send);
  const logged = await functionsSince(aws, outputs, started);
  const functions = Object.fromEntries(logged.map(([name, { logBytes: _, ...usage }]) => [name, usage]));
  const express = {
    executions: requests.filter(({ action }) => action === "StartSyncExecution").length,
    // Its router waits for it and does little else.
    seconds: (functions["stage-a-routing"]?.milliseconds ?? 0) / 1000,
  };
  return {
    objects,
    functions,
    express,
    standardTransitions: await transitionsSince(aws, outputs.stageBStateMachineArn, started),
    dynamodb: unitsOf(requests, await tableFacts(aws)),
    s3: fileRequests(requests),
    sqs: polled(queueRequests(requests), requests, functions, outputs, objects),
    events: objects,
    logBytes: logged.reduce((sum, [, { logBytes }]) => sum + logBytes, 0) + express.executions * EXPRESS_LOG,
  };
}

type Logged = Awaited<ReturnType<typeof functionUsage>>;

function functionsSince(aws: LocalAws, { functions }: LakeOutputs, started: number): Promise<[string, Logged][]> {
  const physical = (aliasArn: string) => aliasArn.split(":").at(-2) ?? "";
  return Promise.all(
    Object.entries(functions).map(async ([name, arn]): Promise<[string, Logged]> => {
      return [name, await functionUsage(aws, physical(arn), started)];
    }),
  );
}

/** What EventBridge sends, and what Lambda's poller receives and deletes, besides what functions sent. */
function polled(
  sent: FlowUsage["sqs"],
  requests: readonly CountedRequest[],
  functions: Record<string, FunctionUsage>,
  { datasets }: LakeOutputs,
  objects: number,
): FlowUsage["sqs"] {
  const twice = (router: string, messages: number) =>
    2 * Math.max(functions[router]?.invocations ?? 0, Math.ceil(messages / POLLED));
  const to = (end: "stageAQueueUrl" | "stageBQueueUrl") =>
    Object.values(datasets).reduce((sum, dataset) => sum + messagesTo(requests, dataset[end].split("/").at(-1)!), 0);
  return {
    standard: sent.standard + objects + twice("routing", objects),
    fifo: sent.fifo + twice("stage-a-routing", to("stageAQueueUrl")) + twice("stage-b-routing", to("stageBQueueUrl")),
  };
}

/** States that the machine's executions entered. */
async function transitionsSince(aws: LocalAws, stateMachineArn: string, started: number): Promise<number> {
  const { settings, close } = await connectClients(aws);
  const client = new SFNClient(settings);
  try {
    let entered = 0;
    for await (const page of paginateListExecutions({ client }, { stateMachineArn })) {
      for (const { executionArn, startDate } of page.executions ?? []) {
        if ((startDate?.getTime() ?? 0) < started) continue;
        for await (const { events } of paginateGetExecutionHistory({ client }, { executionArn }))
          entered += (events ?? []).filter(({ type }) => type?.endsWith("StateEntered")).length;
      }
    }
    return entered;
  } finally {
    client.destroy();
    close();
  }
}

async function tableFacts(aws: LocalAws): Promise<Map<string, TableFacts>> {
  const { settings, close } = await connectClients(aws);
  const client = new DynamoDBClient(settings);
  try {
    const { TableNames = [] } = await client.send(new ListTablesCommand({}));
    const facts = TableNames.map(async (TableName): Promise<[string, TableFacts]> => {
      const { Table } = await client.send(new DescribeTableCommand({ TableName }));
      const indexes = (Table?.GlobalSecondaryIndexes ?? []).map(({ KeySchema }) =>
        (KeySchema ?? []).map(({ AttributeName }) => AttributeName ?? ""),
      );
      return [TableName, { ...(await sizesOf(client, TableName)), indexes }];
    });
    return new Map(await Promise.all(facts));
  } finally {
    client.destroy();
    close();
  }
}

async function sizesOf(client: DynamoDBClient, TableName: string): Promise<Omit<TableFacts, "indexes">> {
  const sizes: number[] = [];
  for await (const { Items } of paginateScan({ client }, { TableName }))
    for (const item of Items ?? []) sizes.push(bytesOf(item));
  const mean = (step: number) =>
    sizes.length === 0 ? 1 : sizes.reduce((sum, size) => sum + Math.ceil(size / step), 0) / sizes.length;
  return { kilobytes: mean(1024), readSteps: mean(4096) };
}

/** An item's size: names and values, without the letters that tell types. */
function bytesOf(item: Record<string, unknown>): number {
  return Object.entries(item).reduce((sum, [name, value]) => {
    const [inner] = Object.values(value as Record<string, unknown>);
    return sum + Buffer.byteLength(name) + Buffer.byteLength(typeof inner === "string" ? inner : JSON.stringify(inner));
  }, 0);
}

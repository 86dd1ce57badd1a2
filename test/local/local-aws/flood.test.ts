import { strict as assert } from "node:assert";
import { setTimeout as sleep } from "node:timers/promises";
import { CreateTableCommand, ScanCommand } from "@aws-sdk/client-dynamodb";
import { CreateRoleCommand, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { CreateEventSourceMappingCommand, CreateFunctionCommand } from "@aws-sdk/client-lambda";
import { CreateQueueCommand, SendMessageBatchCommand } from "@aws-sdk/client-sqs";
import { silent } from "../../../automation/events";
import { ensureLocalAws, stopLocalAws } from "../../../automation/local";
import { ASSUMABLE, clientsOf, functionArchive, Roots } from "./support";

const HANDLER = `
import { DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
const dynamodb = new DynamoDBClient({});
export async function handler(event: { Records: { body: string }[] }) {
  for (const { body } of event.Records) {
    await dynamodb.send(new UpdateItemCommand({ TableName: "seen", Key: { id: { S: body } },
      UpdateExpression: "ADD times :one", ExpressionAttributeValues: { ":one": { N: "1" } } }));
  }
}`;

const MESSAGES = 2000;

type Clients = Awaited<ReturnType<typeof clientsOf>>;

async function build({ iam, lambda, sqs, dynamodb }: Clients, account: string): Promise<string> {
  await dynamodb.send(
    new CreateTableCommand({
      TableName: "seen",
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      BillingMode: "PAY_PER_REQUEST",
    }),
  );
  const { QueueUrl } = await sqs.send(
    new CreateQueueCommand({ QueueName: "flood", Attributes: { VisibilityTimeout: "5" } }),
  );
  await iam.send(new CreateRoleCommand({ RoleName: "counter", AssumeRolePolicyDocument: ASSUMABLE }));
  const statement = (Action: string[], Resource: string) => ({ Effect: "Allow", Action, Resource });
  await iam.send(
    new PutRolePolicyCommand({
      RoleName: "counter",
      PolicyName: "work",
      PolicyDocument: JSON.stringify({
        Version: "2012-10-17",
        Statement: [
          statement(["dynamodb:UpdateItem"], `arn:aws:dynamodb:*:${account}:table/seen`),
          statement(
            ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
            `arn:aws:sqs:*:${account}:flood`,
          ),
        ],
      }),
    }),
  );
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName: "counter",
      Runtime: "nodejs20.x",
      Handler: "index.handler",
      Role: `arn:aws:iam::${account}:role/counter`,
      Timeout: 5,
      Code: { ZipFile: await functionArchive(HANDLER) },
    }),
  );
  const EventSourceArn = `arn:aws:sqs:us-east-1:${account}:flood`;
  await lambda.send(new CreateEventSourceMappingCommand({ FunctionName: "counter", EventSourceArn, BatchSize: 5 }));
  return QueueUrl!;
}

async function send({ sqs }: Clients, QueueUrl: string): Promise<void> {
  for (let first = 0; first < MESSAGES; first += 10) {
    const Entries = Array.from({ length: 10 }, (_, n) => ({ Id: String(n), MessageBody: `message-${first + n}` }));
    await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
  }
}

async function seen({ dynamodb }: Clients): Promise<number> {
  const { Count } = await dynamodb.send(new ScanCommand({ TableName: "seen", Select: "COUNT", ConsistentRead: true }));
  return Count ?? 0;
}

describe("a stop of the local AWS in the middle of a flood", () => {
  const roots = new Roots();
  after(() => roots.removeAll());

  it("loses neither state nor a message", async () => {
    const root = await roots.create();
    const aws = await ensureLocalAws(root, silent);
    const queue = await build(await clientsOf(aws), aws.account);
    await send(await clientsOf(aws), queue);
    let count = 0;
    for (let round = 0; round < 3; round++) {
      const before = count;
      const running = await clientsOf(await ensureLocalAws(root, silent));
      while ((count = await seen(running)) <= before + 10) {
        await sleep(20);
      }
      assert.ok(count < MESSAGES, `round ${round} is in the middle: ${count}`);
      await stopLocalAws(root, silent);
      assert.equal((await ensureLocalAws(root, silent)).stateLost, false, `round ${round}, at ${count}`);
    }
    const clients = await clientsOf(await ensureLocalAws(root, silent));
    const end = Date.now() + 60_000;
    while ((await seen(clients)) < MESSAGES && Date.now() < end) {
      await sleep(300);
    }
    assert.equal(await seen(clients), MESSAGES);
  });
});

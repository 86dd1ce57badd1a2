import type { AthenaClient } from "@aws-sdk/client-athena";
import type { GlueClient } from "@aws-sdk/client-glue";
import type { LambdaClient } from "@aws-sdk/client-lambda";
import type { S3Client } from "@aws-sdk/client-s3";
import type { SFNClient } from "@aws-sdk/client-sfn";
import type { SQSClient } from "@aws-sdk/client-sqs";
import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";

/** The AWS clients that the layer uses. */
export interface Clients {
  s3: S3Client;
  dynamodb: DynamoDBDocumentClient;
  sqs: SQSClient;
  stepFunctions: SFNClient;
  glue: GlueClient;
  lambda: LambdaClient;
  athena: AthenaClient;
}

const made: { [Name in keyof Clients]?: Promise<Clients[Name]> } = {};

/** Tries of one request, the first included; standard mode waits between them (0.1 s and more). */
const TRIES = 5;

function options() {
  // No host prefixes where one host serves everything.
  return { maxAttempts: TRIES, ...(process.env.AWS_ENDPOINT_URL ? { disableHostPrefix: true } : {}) };
}

/** Each loads its SDK only when it is needed: most functions use one or two. */
const makers: { [Name in keyof Clients]: () => Promise<Clients[Name]> } = {
  async s3() {
    const { S3Client } = await import("@aws-sdk/client-s3");
    return new S3Client({ ...options(), forcePathStyle: Boolean(process.env.AWS_ENDPOINT_URL) });
  },
  async dynamodb() {
    const { DynamoDBClient } = await import("@aws-sdk/client-dynamodb");
    const { DynamoDBDocumentClient } = await import("@aws-sdk/lib-dynamodb");
    return DynamoDBDocumentClient.from(new DynamoDBClient(options()), {
      marshallOptions: { removeUndefinedValues: true },
    });
  },
  async sqs() {
    const { SQSClient } = await import("@aws-sdk/client-sqs");
    // A queue's URL holds the host of its making, which a local AWS may have left since.
    return new SQSClient({ ...options(), useQueueUrlAsEndpoint: !process.env.AWS_ENDPOINT_URL });
  },
  async stepFunctions() {
    const { SFNClient } = await import("@aws-sdk/client-sfn");
    return new SFNClient(options());
  },
  async glue() {
    const { GlueClient } = await import("@aws-sdk/client-glue");
    return new GlueClient(options());
  },
  async lambda() {
    const { LambdaClient } = await import("@aws-sdk/client-lambda");
    return new LambdaClient(options());
  },
  async athena() {
    const { AthenaClient } = await import("@aws-sdk/client-athena");
    return new AthenaClient(options());
  },
};

/** A client, made when it is first asked for and kept, with its connections, for the life of the function's process. */
export function client<Name extends keyof Clients>(name: Name): Promise<Clients[Name]> {
  return (made[name] ??= makers[name]() as never) as Promise<Clients[Name]>;
}

/** Puts others in their place; for tests. */
export function useClients(clients: Partial<Clients>): void {
  for (const [name, value] of Object.entries(clients)) made[name as keyof Clients] = Promise.resolve(value) as never;
}

import { AthenaClient } from "@aws-sdk/client-athena";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { S3Client } from "@aws-sdk/client-s3";
import { SFNClient } from "@aws-sdk/client-sfn";
import { SQSClient } from "@aws-sdk/client-sqs";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { TributaryError } from "../errors";
import { silent } from "../events";
import { findLocalAws, localAwsAs, localAwsDied, localClientSettings, localHttpsAgent } from "../local";
import type { Environment } from "../stacks/environments";
import { ensureFunctionHost } from "../stacks/functionHost";
import { outputsOf, readLocalState } from "../stacks/state";
import { roleCredentials, roleVariables, type RoleCredentials } from "../waves/accounts";
import { localAwsStopped } from "./stopped";
import { remoteOutputs } from "./remote";
import { lakeOutputs, type LakeOutputs } from "./outputs";

/** A deployed lake and the clients to work with it. */
export interface Lake {
  env: string;
  /** Whether it is on the local AWS. */
  local: boolean;
  outputs: LakeOutputs;
  s3: S3Client;
  dynamodb: DynamoDBDocumentClient;
  athena: AthenaClient;
  lambda: LambdaClient;
  sqs: SQSClient;
  stepFunctions: SFNClient;
  /** Gives a failure its real reason when that is a local AWS that is gone; else returns it as it is. */
  explain(error: unknown): Promise<unknown>;
  close(): void;
}

/** Connections at once to one service. */
const connections = 64;

/**
 * Connects to an environment's lake.
 *
 * @throws TributaryError `NotDeployed`, `LocalAwsStopped`
 */
export async function connect(root: string, environment: Environment): Promise<Lake> {
  if (!environment.local) {
    const accounts = { aws: undefined, roles: new Map<string, RoleCredentials>() };
    const credentials = await roleCredentials(accounts, environment);
    // A pipeline's build may read nothing by itself: the role may, which deploys the environment.
    const outputs = await remoteOutputs(root, environment, await roleVariables(accounts, environment));
    return connectWith(environment.name, outputs, credentials ? { credentials } : {}, async (error) => error);
  }
  const [state, running] = await Promise.all([readLocalState(root, environment), findLocalAws(root)]);
  const outputs = lakeOutputs(state ? outputsOf(state) : {}, environment.name);
  if (!running) throw localAwsStopped(`tributary deploy ${environment.env}`);
  const aws = localAwsAs(running, environment.account);
  // It ends with the machine, where the local AWS was started again.
  if (environment.image) await ensureFunctionHost(root, aws, silent);
  const agent = await localHttpsAgent(aws, connections);
  const lake = connectWith(
    environment.name,
    outputs,
    { ...localClientSettings(aws, agent), requestHandler: { httpsAgent: agent, connectionTimeout: 10_000 } },
    async (error) => (await localAwsDied(root, error)) ?? error,
  );
  return { ...lake, close: () => (lake.close(), agent.destroy()) };
}

function connectWith(env: string, outputs: LakeOutputs, options: ClientOptions, explain: Lake["explain"]): Lake {
  const common = { maxAttempts: 5, ...options, region: outputs.region };
  const dynamodb = new DynamoDBClient(common);
  const clients = {
    s3: new S3Client({ ...common, forcePathStyle: options.endpoint !== undefined }),
    athena: new AthenaClient(common),
    lambda: new LambdaClient(common),
    stepFunctions: new SFNClient({ ...common, disableHostPrefix: options.endpoint !== undefined }),
    sqs: new SQSClient({ ...common, useQueueUrlAsEndpoint: options.endpoint === undefined }),
  };
  const close = () => [dynamodb, ...Object.values(clients)].forEach((client) => client.destroy());
  return {
    env,
    local: options.endpoint !== undefined,
    outputs,
    ...clients,
    dynamodb: DynamoDBDocumentClient.from(dynamodb),
    explain,
    close,
  };
}

interface ClientOptions {
  endpoint?: string;
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  requestHandler?: { httpsAgent: Awaited<ReturnType<typeof localHttpsAgent>>; connectionTimeout: number };
}

/** Runs work on a lake; closes its connections, and gives a failure its real reason. */
export async function withLake<T>(
  root: string,
  environment: Environment,
  work: (lake: Lake) => Promise<T>,
): Promise<T> {
  const lake = await connect(root, environment);
  try {
    return await work(lake);
  } catch (error) {
    throw error instanceof TributaryError && error.source === "user"
      ? error
      : explainCloud(await lake.explain(error), environment.name);
  } finally {
    lake.close();
  }
}

/** A service's refusal as an error that names service, code and request; anything else stays as it is. */
export function explainCloud(error: unknown, env: string): unknown {
  if (error instanceof TributaryError || !isServiceError(error)) return error;
  const status = error.$metadata.httpStatusCode === undefined ? "no answer" : `HTTP ${error.$metadata.httpStatusCode}`;
  return new TributaryError(`AWS refused a request (${error.name}, ${status}): ${error.message}`, {
    code: "CloudRefused",
    source: "cloud",
    next: `tributary status ${env}`,
    cause: error,
  });
}

function isServiceError(error: unknown): error is Error & { $metadata: { httpStatusCode?: number } } {
  return error instanceof Error && typeof (error as { $metadata?: unknown }).$metadata === "object";
}

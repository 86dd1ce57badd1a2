import { DescribeExecutionCommand, StartExecutionCommand, type DescribeExecutionOutput } from "@aws-sdk/client-sfn";
import { randomUUID } from "node:crypto";
import { client } from "../clients";
import { env } from "../config";
import { digest } from "../identity";
import { log } from "../log";
import { datasetName } from "../manifest-schema";
import { findDataset } from "../store/datasets";
import { START_ROUTE, startBodySchema, STATUS_ROUTE, type HttpRequest } from "../trigger-messages";

/** An answer as the HTTP API takes it. */
export interface HttpAnswer {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
}

/** What is wrong with a request. */
class Refused extends Error {
  constructor(
    readonly statusCode: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** Ids of executions, as Step Functions takes them for names. */
const EXECUTION_ID = /^[A-Za-z0-9-]{1,80}$/;
/** What callers may send to have the same request started once. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,128}$/;

/**
 * Answers a request to the HTTP API: starts the processing of objects, or tells how far an execution is. Who may ask is IAM's
 * business; that a dataset takes requests at all is its manifest's.
 */
export async function answerRequest(request: HttpRequest): Promise<HttpAnswer> {
  try {
    const dataset = await datasetOf(request);
    if (request.routeKey === START_ROUTE) return await start(dataset, request);
    if (request.routeKey === STATUS_ROUTE) return await status(dataset, request.pathParameters.id ?? "");
    throw new Refused(404, "NotFound", "there is no such route");
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    log.info("refused", { code: error.code, status: error.statusCode });
    return answer(error.statusCode, { error: { code: error.code, message: error.message } });
  }
}

interface DatasetName {
  team: string;
  dataset: string;
}

async function datasetOf({ pathParameters }: HttpRequest): Promise<DatasetName> {
  const { team = "", dataset = "" } = pathParameters;
  const found = datasetName.test(team) && datasetName.test(dataset) ? await findDataset(team, dataset) : undefined;
  // One answer for both: who may not use a dataset does not learn that it is there.
  if (!found?.manifest.triggers.http) {
    throw new Refused(
      404,
      "UnknownDataset",
      "there is no dataset of that name whose manifest says triggers.http: true",
    );
  }
  return { team, dataset };
}

async function start({ team, dataset }: DatasetName, request: HttpRequest): Promise<HttpAnswer> {
  const wanted = startBodySchema.safeParse(bodyOf(request));
  if (!wanted.success) {
    const problems = wanted.error.issues.map(({ path, message }) => `${path.join(".") || "body"}: ${message}`);
    throw new Refused(400, "RequestInvalid", problems.join("; "));
  }
  const input = JSON.stringify({ team, dataset, ...wanted.data, origin: "http" });
  const id = idOf({ team, dataset }, request);
  try {
    const stateMachineArn = env("BACKFILL_STATE_MACHINE_ARN");
    await (await client("stepFunctions")).send(new StartExecutionCommand({ stateMachineArn, name: id, input }));
  } catch (error) {
    if ((error as Error).name !== "ExecutionAlreadyExists") throw error;
    return startedBefore(id, input);
  }
  const location = `/datasets/${team}/${dataset}/executions/${id}`;
  return answer(202, { id, status: "RUNNING" }, { location });
}

function idOf({ team, dataset }: DatasetName, { headers }: HttpRequest): string {
  const key = headers["idempotency-key"];
  if (key === undefined) return `http-${randomUUID()}`;
  if (!IDEMPOTENCY_KEY.test(key)) {
    throw new Refused(400, "RequestInvalid", "idempotency-key: at most 128 characters that can be printed, no blanks");
  }
  return `http-${digest(JSON.stringify([team, dataset, key]), 32)}`;
}

async function startedBefore(id: string, input: string): Promise<HttpAnswer> {
  const execution = await describe(id);
  if (execution?.input === input) return answer(200, statusOf(id, execution));
  throw new Refused(409, "KeyUsed", "the idempotency-key was used for another request");
}

async function status({ team, dataset }: DatasetName, id: string): Promise<HttpAnswer> {
  const execution = EXECUTION_ID.test(id) ? await describe(id) : undefined;
  const input = parsed(execution?.input) as Partial<DatasetName> | undefined;
  if (!execution || input?.team !== team || input.dataset !== dataset) {
    throw new Refused(404, "UnknownExecution", `${team}/${dataset} has no execution of that id`);
  }
  return answer(200, statusOf(id, execution));
}

async function describe(id: string): Promise<DescribeExecutionOutput | undefined> {
  const executionArn = `${env("BACKFILL_STATE_MACHINE_ARN").replace(":stateMachine:", ":execution:")}:${id}`;
  try {
    return await (await client("stepFunctions")).send(new DescribeExecutionCommand({ executionArn }));
  } catch (error) {
    if ((error as Error).name === "ExecutionDoesNotExist") return undefined;
    throw error;
  }
}

function statusOf(id: string, { status, startDate, stopDate, output, error }: DescribeExecutionOutput) {
  const result = parsed(output) as Record<string, unknown> | undefined;
  return {
    ...{ id, status, startedAt: startDate?.toISOString(), endedAt: stopDate?.toISOString() },
    ...(result && { result }),
    // The cause may hold what the function saw; the log has it.
    ...(error !== undefined && { error: { code: error, message: "the lake's log tells why" } }),
  };
}

function bodyOf({ body, isBase64Encoded }: HttpRequest): unknown {
  const text = isBase64Encoded ? Buffer.from(body ?? "", "base64").toString("utf8") : (body ?? "");
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Refused(400, "RequestInvalid", "the body is no JSON");
  }
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}

function answer(statusCode: number, body: object, headers: Record<string, string> = {}): HttpAnswer {
  return {
    statusCode,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
    body: JSON.stringify(body),
  };
}

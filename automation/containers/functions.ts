import { mkdir } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { userError } from "../errors";
import { LAMBDA } from "./limits";
import type { FunctionDescription } from "./pool";
import { CA_PATH } from "./spec";

/** What the host is asked to do: an event for a function as Lambda's API describes it. */
export const callSchema = z.object({
  requestId: z.string().min(1).max(200),
  /** JSON text. */
  event: z.string(),
  traceId: z.string().nullish(),
  /** The function's execution role's, and whatever else the local AWS gives its functions. */
  environment: z.record(z.string(), z.string()).default({}),
  /** As GetFunctionConfiguration answers, and the image. */
  function: z.object({
    FunctionName: z.string().regex(/^[\w-]{1,140}$/),
    FunctionArn: z.string(),
    ImageUri: z.string(),
    Version: z.string().default("$LATEST"),
    MemorySize: z.number().int().min(64).max(10_240).default(128),
    Timeout: z.number().positive().max(900).default(3),
    EphemeralStorage: z.object({ Size: z.number().int().positive() }).nullish(),
    Environment: z.object({ Variables: z.record(z.string(), z.string()).nullish() }).nullish(),
    ImageConfig: z
      .object({
        EntryPoint: z.array(z.string()).optional(),
        Command: z.array(z.string()).optional(),
        WorkingDirectory: z.string().optional(),
      })
      .nullish(),
  }),
});

/** A checked call. */
export type Call = z.infer<typeof callSchema>;

/** @throws TributaryError `ContainerCallInvalid` */
export function readCall(text: string): Call {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const result = callSchema.safeParse(value);
  if (result.success) return result.data;
  throw userError("ContainerCallInvalid", `this is no call of a function: ${z.prettifyError(result.error)}`);
}

/** What a function's environments are made from, out of a call for it. */
export function describeFunction(call: Call, aws: { endpoint: string; region: string }): FunctionDescription {
  const { FunctionName, ImageUri, Version, MemorySize, EphemeralStorage, Environment, ImageConfig } = call.function;
  const region = call.function.FunctionArn.split(":")[3] || aws.region;
  return {
    name: FunctionName,
    imageUri: ImageUri,
    memory: MemorySize,
    storage: EphemeralStorage?.Size ?? LAMBDA.tmpMegabytes,
    overrides: ImageConfig ?? undefined,
    environment: {
      AWS_ENDPOINT_URL: aws.endpoint,
      AWS_CA_BUNDLE: CA_PATH,
      NODE_EXTRA_CA_CERTS: CA_PATH,
      ...call.environment,
      ...Environment?.Variables,
      // From here on names that no function may set, as in Lambda.
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_LAMBDA_FUNCTION_NAME: FunctionName,
      AWS_LAMBDA_FUNCTION_VERSION: Version,
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(MemorySize),
      AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${FunctionName}`,
      AWS_LAMBDA_LOG_STREAM_NAME: `[${Version}]`,
      AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
      ...credentialsOf(call.environment),
    },
  };
}

function credentialsOf(environment: Record<string, string>): Record<string, string> {
  const names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
  return Object.fromEntries(names.flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])));
}

/** The file that a function's output goes to; function names hold no character that means something in paths. */
export async function logFileOf(logs: string, name: string): Promise<string> {
  await mkdir(logs, { recursive: true, mode: 0o700 });
  return path.join(logs, `${name}.log`);
}

import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";

/** A resource that the program registered. */
export interface Registered {
  type: string;
  name: string;
  /** Plain inputs, outputs resolved. */
  inputs: Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any -- inputs of any resource type
}

/** The account and region of all mocked programs. */
export const account = "123456789012";
export const region = "eu-west-1";

const services: Record<string, string> = { sfn: "states" };

/** What AWS would answer besides the inputs. Enough for the program; unknown invokes throw. */
function stateOf({ type, name, inputs }: pulumi.runtime.MockResourceArgs): Record<string, unknown> {
  const service = type.split(":")[1]?.split("/")[0] ?? "";
  const physical = inputs.name ?? inputs.bucket ?? name;
  const arn = `arn:aws:${services[service] ?? service}:${region}:${account}:${kind(type)}${physical}`;
  const state = { name: physical, ...inputs, arn, id: `${name}-id` };
  switch (type) {
    case "aws:kms/key:Key":
      return { ...state, keyId: `${name}-key-id`, arn: `arn:aws:kms:${region}:${account}:key/${name}` };
    case "aws:s3/bucket:Bucket":
      return { ...state, arn: `arn:aws:s3:::${physical}` };
    case "aws:cloudwatch/logGroup:LogGroup":
      return { ...state, arn: `arn:aws:logs:${region}:${account}:log-group:${physical}` };
    case "aws:s3/bucketObjectv2:BucketObjectv2":
      return { ...state, versionId: `${name}-version` };
    case "aws:sqs/queue:Queue":
      return { ...state, arn: `arn:aws:sqs:${region}:${account}:${physical}`, url: `https://sqs.example/${physical}` };
    case "aws:apigatewayv2/api:Api":
      return {
        ...state,
        apiEndpoint: `https://${name}.example`,
        executionArn: `arn:aws:execute-api:${region}:${account}:${name}`,
      };
    case "aws:lambda/function:Function":
      return { ...state, version: "1" };
    case "aws:lambda/alias:Alias":
      return { ...state, arn: `arn:aws:lambda:${region}:${account}:function:${inputs.functionName}:${inputs.name}` };
    case "aws:iam/role:Role":
      return { ...state, arn: `arn:aws:iam::${account}:role/${physical}` };
    case "aws:ecr/repository:Repository": {
      const registry = `${account}.dkr.ecr.${inputs.region ?? region}.amazonaws.com`;
      return { ...state, repositoryUrl: `${registry}/${physical}` };
    }
    case "docker-build:index:Image":
      return { ...state, digest: digestOf(name) };
    case "pulumi:index:Stash":
      return { ...state, output: inputs.input };
    default:
      return state;
  }
}

/** The digest that the mocked builder gives an image. */
export function digestOf(name: string): string {
  return `sha256:${createHash("sha256").update(name).digest("hex")}`;
}

function kind(type: string): string {
  const prefixes: Record<string, string> = {
    "aws:dynamodb/table:Table": "table/",
    "aws:lambda/function:Function": "function:",
    "aws:sfn/stateMachine:StateMachine": "stateMachine:",
  };
  return prefixes[type] ?? "";
}

/**
 * Runs a program on Pulumi mocks and waits for everything that it registered.
 *
 * @returns the resources, components included, in no particular order, and what the program returned
 */
export async function run<T>(
  program: () => T | Promise<T>,
  options: {
    config?: Record<string, string>;
    stack?: string;
    project?: string;
    /** Outputs of other stacks, by their full name. */
    stacks?: Record<string, object>;
    /** What resources have in the state already and keep, by their logical names. */
    recorded?: Record<string, object>;
  } = {},
): Promise<{ resources: Registered[]; outputs: pulumi.Unwrap<T> }> {
  const resources: Registered[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource(args) {
        resources.push({ type: args.type, name: args.name, inputs: args.inputs });
        if (args.type === "pulumi:pulumi:StackReference") {
          return { id: args.name, state: { name: args.name, outputs: options.stacks?.[args.name] ?? {} } };
        }
        return { id: `${args.name}-id`, state: { ...stateOf(args), ...options.recorded?.[args.name] } };
      },
      call({ token, inputs }) {
        if (token === "docker:index/getRegistryImage:getRegistryImage") return { sha256Digest: digestOf(inputs.name) };
        if (token === "aws:index/getCallerIdentity:getCallerIdentity") return { accountId: account };
        if (token === "aws:index/getPartition:getPartition") return { partition: "aws", dnsSuffix: "amazonaws.com" };
        if (token === "pulumi:pulumi:readStackOutputs") {
          // The engine's own words, where its answer has them.
          const details = `unknown stack "${inputs.name}"`;
          if (!options.stacks?.[inputs.name]) throw Object.assign(new Error(details), { details });
          return { name: inputs.name, outputs: options.stacks[inputs.name] };
        }
        throw new TypeError(`the mocks do not know the invoke ${token}`);
      },
    },
    options.project ?? "tributary",
    options.stack ?? "dev",
    false,
    "organization",
  );
  pulumi.runtime.setAllConfig(options.config ?? {});
  const outputs = await withoutStackTraces(async () => {
    const returned = await pulumi.runtime.runInPulumiStack(async () => program());
    // The stack's outputs may be there before everything is registered.
    await pulumi.runtime.disconnect();
    return returned;
  });
  return { resources, outputs: outputs as pulumi.Unwrap<T> };
}

/** Pulumi takes a stack trace for every promise, and each is mapped to its TypeScript: four fifths of a test's time. */
async function withoutStackTraces<T>(work: () => Promise<T>): Promise<T> {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return await work();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** The resources of a type. */
export function ofType(resources: readonly Registered[], type: string): Registered[] {
  return resources.filter((resource) => resource.type === type);
}

/** The inputs of the only resource of a type, or of the one with this name. */
export function inputsOf(resources: readonly Registered[], type: string, name?: string): Registered["inputs"] {
  return only(resources, type, name).inputs;
}

/** The only resource of a type, or the one with this name. */
export function only(resources: readonly Registered[], type: string, name?: string): Registered {
  const found = ofType(resources, type).filter((resource) => name === undefined || resource.name === name);
  if (found.length !== 1) {
    const names = found.map((one) => one.name).join(", ");
    throw new RangeError(`${found.length} resources of type ${type} named ${name ?? "anything"}: ${names}`);
  }
  return found[0]!;
}

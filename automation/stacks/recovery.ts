import type { PendingOperation, RecordedResource } from "./state";

/** What to do about operations that were in flight when an engine was killed. */
export interface RecoveryPlan {
  /** Creations whose resource, if it came to be, has this id: looked up in the cloud, and part of the state when it is there. */
  adopt: { urn: string; id: string }[];
  /** Creations that are simply made again: either that changes nothing, or what came to be of them can never be found. */
  forget: string[];
  /** Updates and deletions: the resource is in the state and is looked up there. */
  repeat: string[];
}

/** Account and region of the environment, for ids that are ARNs or URLs. */
export interface Place {
  account: string;
  region: string;
  /** ARN partition. @default "aws" */
  partition?: string;
  /** `https://localhost:<port>` for the local AWS; undefined on AWS. */
  endpoint?: string;
}

/**
 * Plans recovery from a recorded state's pending operations.
 *
 * @param found ids that were looked up in the cloud beforehand, by URN, for resources whose id the cloud chooses
 */
export function planRecovery(
  pending: PendingOperation[],
  place: Place,
  found = new Map<string, string>(),
): RecoveryPlan {
  const plan: RecoveryPlan = { adopt: [], forget: [], repeat: [] };
  for (const { type, resource } of pending) {
    if (type !== "creating" && type !== "importing") {
      plan.repeat.push(resource.urn);
      continue;
    }
    const id = resource.id || found.get(resource.urn) || deriveId(resource, place);
    if (id === undefined) plan.forget.push(resource.urn);
    else plan.adopt.push({ urn: resource.urn, id });
  }
  return plan;
}

/**
 * A deployment with its pending operations settled according to a plan: what is adopted stands among the resources, last,
 * because nothing can depend on it yet. A refresh has to follow, which fills it in or drops it.
 */
export function applyPlan(deployment: object, plan: RecoveryPlan, pending: PendingOperation[]): object {
  const { resources = [] } = deployment as { resources?: RecordedResource[] };
  const ids = new Map(plan.adopt.map(({ urn, id }) => [urn, id]));
  const known = new Set(resources.map(({ urn }) => urn));
  const adopted = pending
    .map(({ resource }) => ({ ...resource, id: ids.get(resource.urn), outputs: outputsOf(resource) }))
    .filter(({ urn, id }) => id !== undefined && !known.has(urn));
  return { ...deployment, resources: [...resources, ...adopted], pending_operations: [] };
}

/**
 * Resources that were put into the state but never looked up, because a recovery was itself interrupted. What a provider
 * read always has its id among the outputs.
 */
export function unread(resources: RecordedResource[]): string[] {
  return resources
    .filter(({ custom, id, type, outputs }) => custom && id && type.startsWith("aws:") && outputs?.id === undefined)
    .map(({ urn }) => urn);
}

/**
 * What a refresh starts from: what the provider answered, if the engine was killed after that. Without any outputs the provider imports by id, as it should; but a table's item cannot be
 * imported: its provider reads it by what the state says.
 */
function outputsOf({ type, inputs, outputs }: RecordedResource): Record<string, unknown> {
  if (outputs?.id !== undefined) return outputs;
  return type === "aws:dynamodb/tableItem:TableItem" ? (inputs ?? {}) : {};
}

type Derive = (input: (name: string) => string | undefined, place: Place) => string | undefined;

const byName: Derive = (input) => input("name");

/**
 * Id of each type whose creation fails when the resource is there already, or makes a second one where the engine chose its name,
 * as the provider gives it (import section of the type's page in the provider's documentation). Types that are not here are put,
 * not created: once more is the same.
 */
const rules: Record<string, Derive> = {
  "aws:s3/bucket:Bucket": (input) => input("bucket"),
  "aws:dynamodb/table:Table": byName,
  "aws:dynamodb/tableItem:TableItem": tableItemId,
  "aws:lambda/function:Function": byName,
  "aws:iam/role:Role": byName,
  "aws:iam/rolePolicy:RolePolicy": join("role", ":", "name"),
  "aws:ecr/repository:Repository": byName,
  "aws:cloudwatch/logGroup:LogGroup": byName,
  "aws:kms/alias:Alias": byName,
  "aws:athena/workgroup:Workgroup": byName,
  "aws:lambda/alias:Alias": join("functionName", "/", "name"),
  "aws:lambda/permission:Permission": join("function", "/", "statementId"),
  "aws:sqs/queue:Queue": (input, place) => queueUrl(input("name"), place),
  "aws:sfn/stateMachine:StateMachine": (input, place) =>
    prefixed(
      `arn:${place.partition ?? "aws"}:states:${place.region}:${place.account}:stateMachine`,
      input("name"),
      ":",
    ),
  "aws:glue/catalogDatabase:CatalogDatabase": (input, place) =>
    prefixed(input("catalogId") ?? place.account, input("name"), ":"),
  "aws:glue/catalogTable:CatalogTable": (input, place) =>
    prefixed(prefixed(input("catalogId") ?? place.account, input("databaseName"), ":"), input("name"), ":"),
};

/** Id that a resource has once it exists, from what the program asked for; undefined when only the cloud knows it. */
export function deriveId(resource: RecordedResource, place: Place): string | undefined {
  const inputs = resource.inputs ?? {};
  const input = (name: string): string | undefined => {
    const value = inputs[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  return rules[resource.type]?.(input, place);
}

function join(first: string, separator: string, second: string): Derive {
  return (input) => prefixed(input(first), input(second), separator);
}

function prefixed(prefix: string | undefined, name: string | undefined, separator: string): string | undefined {
  return name === undefined || prefix === undefined ? undefined : `${prefix}${separator}${name}`;
}

function queueUrl(name: string | undefined, place: Place): string | undefined {
  if (name === undefined) return undefined;
  const host =
    place.endpoint ?? `https://sqs.${place.region}.amazonaws.com${place.partition === "aws-cn" ? ".cn" : ""}`;
  return `${host}/${place.account}/${name}`;
}

/** `table|hash key|its value[|range key's value]`, as the provider builds it (internal/service/dynamodb/table_item.go). */
function tableItemId(input: (name: string) => string | undefined): string | undefined {
  const [table, hashKey, rangeKey] = [input("tableName"), input("hashKey"), input("rangeKey")];
  if (table === undefined || hashKey === undefined) return undefined;
  try {
    const item = JSON.parse(input("item") ?? "") as Record<string, Record<string, string> | undefined>;
    const values = [hashKey, rangeKey].flatMap((key) => (key === undefined ? [] : [Object.values(item[key] ?? {})[0]]));
    return values.includes(undefined) ? undefined : [table, hashKey, ...values].join("|");
  } catch {
    return undefined;
  }
}

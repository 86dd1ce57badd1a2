import { createHash } from "node:crypto";

/** Where a lake stands: every physical name and every computed ARN is made from it. */
export interface Scope {
  /** Pulumi project: lower-case letters, digits, hyphens. */
  project: string;
  /** Environment, e.g. `dev`; the part of the stack's name before its first dot. */
  env: string;
  /** Stack name, e.g. `dev` or `dev.eu-central-1`. */
  stack: string;
  /** 12-digit AWS account. */
  account: string;
  /** AWS region. */
  region: string;
  /** AWS partition, e.g. `aws`. */
  partition: string;
  /** ARN of the policy that every role gets as its permissions boundary; a deploy role of a pipeline makes no role without. */
  permissionsBoundary?: string;
  /** Suffix of the partition's service principals, e.g. `amazonaws.com`. */
  dnsSuffix: string;
}

/** Whether a stack is the first of its environment, which owns what exists once for all regions. */
export function isPrimary({ stack }: Pick<Scope, "stack">): boolean {
  return !stack.includes(".");
}

/**
 * Declares resources that exist once for all regions of an environment, such as those of IAM without a region in their name, or
 * settings of the whole account: only the environment's first stack makes them. The other stacks may refer to them by name; they
 * are deployed later, and removed before.
 *
 * @returns undefined in every other stack
 */
export function onlyInPrimary<T>(scope: Pick<Scope, "stack">, create: () => T): T | undefined {
  return isPrimary(scope) ? create() : undefined;
}

interface NameRule {
  /** Longest name that the service takes, suffix included. */
  max: number;
  /** Characters that the service refuses (after lower-casing, where `lower`). */
  illegal: RegExp;
  separator: "-" | "_";
  lower?: true;
  /** What the name needs besides project and environment, because other accounts or regions share its name space. */
  qualifiers: readonly ("account" | "region")[];
  /** Characters of `<project>-<env>-` that even the shortest name keeps: {@link nameStart}. @default 8 */
  keeps?: number;
}

/** {@link NameRule.keeps} where a rule does not say it. */
const KEEPS = 8;

const word = { illegal: /[^A-Za-z0-9_-]/g, separator: "-", qualifiers: [] } as const;

/** Limits from each service's API reference (CreateBucket, CreateTable, CreateQueue, …). */
const rules = {
  s3Bucket: { max: 63, illegal: /[^a-z0-9-]/g, separator: "-", lower: true, qualifiers: ["account", "region"] },
  dynamodbTable: { ...word, max: 255 },
  // Policies name the queues of all datasets by what their names begin with.
  sqsQueue: { ...word, max: 80, keeps: 24 },
  lambdaFunction: { ...word, max: 64 },
  lambdaLayer: { ...word, max: 64 },
  // IAM is global: a further region's lake must not meet the first one's roles.
  iamRole: { ...word, max: 64, qualifiers: ["region"] },
  logGroup: { ...word, max: 400 },
  stateMachine: { ...word, max: 80 },
  eventRule: { ...word, max: 64 },
  schedule: { ...word, max: 64 },
  httpApi: { ...word, max: 128 },
  glueJob: { ...word, max: 255 },
  // Policies name the crawlers of all datasets by what their names begin with.
  glueCrawler: { ...word, max: 255, keeps: 24 },
  glueSecurityConfiguration: { ...word, max: 255 },
  athenaWorkgroup: { ...word, max: 128 },
  glueDatabase: { max: 255, illegal: /[^a-z0-9_]/g, separator: "_", lower: true, qualifiers: [] },
  ecrRepository: { max: 256, illegal: /[^a-z0-9-]/g, separator: "-", lower: true, qualifiers: [] },
  kmsAlias: { ...word, max: 250 },
  iamPolicy: { ...word, max: 128, qualifiers: ["region"] },
  codepipeline: { ...word, max: 100 },
  codebuildProject: { ...word, max: 150 },
  snsTopic: { ...word, max: 256 },
  dashboard: { ...word, max: 255 },
  chatConfiguration: { ...word, max: 128 },
  securityGroup: { ...word, max: 255 },
} as const satisfies Record<string, NameRule>;

/** The kinds of resources that {@link physicalName} knows the limits of. */
export type NameKind = keyof typeof rules;

/** The name rules as data: for tests and documentation. */
export const nameRules: Readonly<Record<NameKind, NameRule>> = rules;

const DIGEST = 10;

/**
 * The physical name of a resource: `<project>-<env>-<what>` and the qualifiers of its kind. A name that is too long, or
 * has characters that the service refuses, is mended and gets a digest of what was asked for, so that two different
 * requests never meet; the part that tells resources apart (`what`) is kept longest.
 *
 * @param suffix stands unchanged at the end, e.g. `.fifo`
 */
export function physicalName(kind: NameKind, scope: Scope, what: string, suffix = ""): string {
  const rule = nameRules[kind];
  const prefix = [scope.project, scope.env].join(rule.separator);
  const tail = [what, ...rule.qualifiers.map((qualifier) => scope[qualifier])].join(rule.separator);
  const asked = prefix + rule.separator + tail;
  if (clean(rule, asked) === asked && asked.length + suffix.length <= rule.max) return asked + suffix;
  const digest = createHash("sha256").update(asked).digest("hex").slice(0, DIGEST);
  const room = rule.max - suffix.length - DIGEST - 2;
  const keptTail = clean(rule, tail).slice(0, room - (rule.keeps ?? KEEPS));
  return [clean(rule, prefix).slice(0, room - keptTail.length), keptTail, digest].join(rule.separator) + suffix;
}

/** What the physical names of a kind begin with in a scope, whatever they name: policies may end it with `*`. */
export function nameStart(kind: NameKind, scope: Scope): string {
  const rule = nameRules[kind];
  const prefix = clean(rule, [scope.project, scope.env].join(rule.separator));
  return (prefix + rule.separator).slice(0, rule.keeps ?? KEEPS);
}

/** Without what the service refuses. A separator at the end is refused by some (ECR), and says nothing anywhere. */
function clean(rule: NameRule, text: string): string {
  return (rule.lower ? text.toLowerCase() : text).replace(rule.illegal, rule.separator).replace(/[-_]+$/, "");
}

/**
 * An ARN in the scope's account and region, for resources whose physical name is known before they exist: policies that
 * name them need not wait for them.
 */
export function arn(scope: Scope, service: string, resource: string): string {
  return `arn:${scope.partition}:${service}:${scope.region}:${scope.account}:${resource}`;
}

import { z } from "zod";
import { logRetentionDays } from "../../components/compute/EncryptedLogGroup";
import { type Duration, toSeconds } from "../../components/units";
import type { Compute, ExecutionMode, RepositoryProvider } from "../pipeline/model/types";
import { distributionSchema } from "./distribution";
import { checks, driverShape } from "./driver";
import { gatesShape } from "./gates";
import { backend, days, isRegion, leaf, line, secretsProvider, tags, yesOrNo } from "./values";

const slugPattern = /^[a-z][a-z0-9-]{0,30}$/;
const slugText = "a letter, then up to 30 lower-case letters, digits and hyphens";
const slug = leaf<string>((value) => typeof value === "string" && slugPattern.test(value), slugText);

const account = leaf<string>(
  (value) => typeof value === "string" && /^\d{12}$/.test(value),
  '12 digits in quotation marks, e.g. "123456789012"',
);

const roleArn = leaf<string>(
  (value) => typeof value === "string" && /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/.test(value),
  'the ARN of a role, e.g. "arn:aws:iam::123456789012:role/name"',
);

const oneOf = <T extends string>(...values: T[]) =>
  leaf<T>((value) => values.includes(value), `${values.slice(0, -1).join(", ")} or ${values.at(-1)!}`);

const lastingFrom = (from: number, to: number, allowed: string) =>
  leaf<Duration>((value) => toSeconds(value, "") >= from && toSeconds(value, "") <= to, allowed);

/** A list of different texts of one form. */
function listOf(accepts: (text: string) => boolean, allowed: string, most = 20, least = 0) {
  return leaf<string[]>(
    (value) =>
      Array.isArray(value) &&
      value.length <= most &&
      value.length >= least &&
      value.every((each) => typeof each === "string" && accepts(each)) &&
      new Set(value).size === value.length,
    allowed,
  );
}

const isPattern = (text: string) => /^(?!-)[\w./*{},@+-]{1,255}$/.test(text);
/** As many as a filter of CodePipeline takes (API reference: GitBranchFilterCriteria, GitFilePathFilterCriteria). */
const patterns = listOf(
  isPattern,
  '1 to 8 different patterns of up to 255 letters, digits and ._/*{},@+-, e.g. "layer/**"',
  8,
  1,
);

const command = line(1_000);

const repository = z.strictObject({
  /** Where it is: GitHub, GitLab and Bitbucket by a connection, CodeCommit, or an archive in S3. */
  provider: oneOf<RepositoryProvider>("codeconnections", "codecommit", "s3"),
  /** The connection, which a person makes once in the console: its handshake cannot be automated. */
  connection: leaf<string>(
    (value) =>
      typeof value === "string" &&
      /^arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:\d{12}:connection\/[0-9a-f-]{36}$/.test(value),
    'the ARN of a connection, e.g. "arn:aws:codeconnections:eu-west-1:123456789012:connection/<id>"',
  ).optional(),
  /** `owner/name`; a CodeCommit repository's name; `bucket/key.zip` in S3. */
  repository: leaf<string>(
    (value) => typeof value === "string" && /^(?!.*\.\.)[\w.-]{1,100}(\/[\w.-]{1,100}){0,8}$/.test(value),
    '"<owner>/<name>", the name of a CodeCommit repository, or "<bucket>/<key>.zip"',
  ),
  /** The branch that is delivered. */
  branch: leaf<string>(
    (value) => typeof value === "string" && /^(?!-)(?!.*\.\.)[\w./+@-]{1,100}$/.test(value),
    "the name of a branch",
  ).default("main"),
});

const resilience = leaf<string>(
  (value) =>
    typeof value === "string" && /^arn:aws[a-z-]*:resiliencehub:[a-z0-9-]+:\d{12}:app\/[0-9a-f-]{36}$/.test(value),
  'the ARN of an application of Resilience Hub, e.g. "arn:aws:resiliencehub:eu-west-1:123456789012:app/<id>"',
);

const environment = z.strictObject({
  /** The account that it is in. @default that of the pipelines */
  account: account.optional(),
  /** Regions that its deploy role may work in. @default the pipelines' own */
  regions: listOf(isRegion, 'different AWS regions, e.g. ["eu-central-1"]', 60).optional(),
  /** A role of that account that may make the deploy role: for another account than the pipelines' own. */
  bootstrapRole: roleArn.optional(),
  /** The key of its state's secrets, as `tributary:secretsProvider` of its own settings. @default the pipelines' own */
  secretsProvider: secretsProvider.optional(),
  /** Names that the deploy role may give to what it makes: `<project>-<env>-…`. @default the environment's own name */
  resources: slug.optional(),
  /** Of branches' environments: the environment whose settings file theirs are made from. @default the environment's own name */
  template: slug.optional(),
  /** `always`: a person approves every deployment; `gates`: where a gate waits for somebody. */
  approval: oneOf("always", "gates").default("gates"),
  /** Its application in Resilience Hub: an assessment that misses the policy stops the deployment. */
  resilience: resilience.optional(),
  /** What its verification asks beside `tributary:checks` of the environment. */
  verify: checks.default([]),
  /** What is delivered to it beside the lake. */
  steps: distributionSchema.default([]),
});

const testSettings = z.strictObject({
  /** What tests run, with the reports that it writes below `reports/`. */
  command: command.default("npm run test:reports"),
  /** Whether `reports/coverage/cobertura-coverage.xml` is written. */
  coverage: yesOrNo.default(true),
  compute: oneOf<Compute>("small", "medium", "large").default("medium"),
  timeout: lastingFrom(300, 28_800, '"5 minutes" to "8 hours"').default("30 minutes"),
});

const scan = z.strictObject({
  /** Most critical findings. */
  critical: leaf<number>((value) => Number.isInteger(value) && value >= 0, "a whole number from 0").default(0),
  /** Most findings of high severity. */
  high: leaf<number>((value) => Number.isInteger(value) && value >= 0, "a whole number from 0").default(0),
});

const branches = z.strictObject({
  /** Names of branches that get a pipeline and an environment of their own. */
  include: patterns.default(["feature/**"]),
  /** The environment whose deploy role, account and settings they get. */
  environment: slug,
  /** How long an environment lives after its last deployment. */
  ttl: lastingFrom(3_600, 30 * 86_400, '"1 hour" to "30 days"').default("3 days"),
});

const layer = z.strictObject({
  /** Only changes of these paths start its pipeline. */
  paths: patterns.default(["layer/**", "package-lock.json"]),
  /** Key of `repositories`, where the layer has one of its own. @default the pipeline's own */
  repository: slug.optional(),
  /** Name of the Pulumi project there, which its registry is named after; another one than here. */
  project: slug.optional(),
});

const pipeline = z.strictObject({
  /** Key of `repositories`. */
  repository: slug,
  /** Second part of its release tags, `<env>_<region>/<team>/<version>`. @default the pipeline's name */
  team: slug.optional(),
  /** The common layer: its changes start a pipeline of its own, whose digest starts this one. `false`: it has none. */
  layer: z
    .union([z.literal(false), layer], {
      error: `false, or { paths: [<pattern>, …] }, or { repository, project }, both ${slugText}`,
    })
    .prefault({}),
  /** Only changes of these paths start it. */
  paths: patterns.optional(),
  test: testSettings.prefault({}),
  /** Most findings of the images' scan; `false`: they are not asked. */
  scan: z.union([z.literal(false), scan], { error: "false, or { critical, high }" }).prefault({}),
  /** Environments by waves; those of one wave are deployed side by side. */
  waves: leaf<string[][]>(
    (value) =>
      Array.isArray(value) &&
      value.length > 0 &&
      value.length <= 12 &&
      value.every(
        (wave) =>
          Array.isArray(wave) && wave.length > 0 && wave.length <= 10 && wave.every((env) => slugPattern.test(env)),
      ) &&
      new Set(value.flat()).size === value.flat().length,
    "1 to 12 waves, each a list of 1 to 10 different environments, e.g. [[dev], [prod]]",
  ),
  /** Executions wait for each other, or a newer one takes the place of one that waits. */
  mode: oneOf<ExecutionMode>("QUEUED", "SUPERSEDED").default("QUEUED"),
  /** What happens when a deployment or its verification failed. */
  onFailure: oneOf("stop", "retry", "rollback").default("stop"),
  /** Pipelines for branches. */
  branches: branches.optional(),
  /** A pipeline that looks at open pull requests to these branches; `true`: to the one that is delivered. */
  pullRequests: z
    .union([yesOrNo, z.strictObject({ targets: patterns })], {
      error: "true, false, or { targets: [<pattern>, …] } with 1 to 8 different patterns",
    })
    .default(false),
  /** Pipelines that a tag of the form `<env>_<region>/<team>/<version>` starts. */
  tags: yesOrNo.default(false),
});

const chat = z
  .strictObject({
    /** Slack's workspace, which a person has authorised once in the console. */
    slackTeam: leaf<string>(
      (value) => typeof value === "string" && /^T[A-Z0-9]{5,20}$/.test(value),
      "an id of a Slack workspace, T…",
    ).optional(),
    slackChannel: leaf<string>(
      (value) => typeof value === "string" && /^[CG][A-Z0-9]{5,20}$/.test(value),
      "an id of a Slack channel, C…",
    ).optional(),
  })
  .optional();

const notifications = z.strictObject({
  /** Addresses that are asked to confirm their subscription once. */
  emails: listOf((text) => /^[^\s@]{1,64}@[^\s@]{1,190}$/.test(text), "different e-mail addresses").default([]),
  /** What is told. */
  on: listOf(
    (text) => ["failure", "approval", "success"].includes(text),
    "different ones of failure, approval, success",
    3,
  ).default(["failure", "approval", "success"]),
  /** A channel of Slack, by Amazon Q Developer in chat applications. */
  chat,
});

const buildSettings = z.strictObject({
  /** Processor of the build machines; images for the other one are built under emulation, slowly. */
  architecture: oneOf("arm64", "x86_64").default("arm64"),
  /** Image of the build machines. @default Amazon Linux 2023 of CodeBuild, for that processor */
  image: leaf<string>(
    (value) => typeof value === "string" && /^[a-z0-9][\w./:@-]{0,254}$/.test(value),
    "an image",
  ).optional(),
  timeout: lastingFrom(300, 28_800, '"5 minutes" to "8 hours"').default("1 hour"),
  queuedTimeout: lastingFrom(300, 28_800, '"5 minutes" to "8 hours"').default("1 hour"),
  /** Keeps what earlier builds downloaded on the build machine. */
  cache: yesOrNo.default(true),
  /** Network of the builds: `create` makes one of two zones with private subnets; otherwise its ids. Without it, AWS's own. */
  vpc: z
    .union(
      [
        z.literal("create"),
        z.strictObject({
          id: leaf<string>((value) => /^vpc-[0-9a-f]{8,17}$/.test(value), "a VPC's id, vpc-…"),
          subnets: listOf((text) => /^subnet-[0-9a-f]{8,17}$/.test(text), "different subnets, subnet-…", 16),
          securityGroups: listOf((text) => /^sg-[0-9a-f]{8,17}$/.test(text), "different security groups, sg-…", 5),
        }),
      ],
      { error: "create, or { id, subnets, securityGroups }" },
    )
    .optional(),
});

const named = <S extends z.ZodType>(schema: S, what: string) =>
  z.record(z.string(), schema, { error: `an object of ${what}` }).superRefine((given, context) => {
    for (const key of Object.keys(given)) {
      if (slugPattern.test(key)) continue;
      context.addIssue({ code: "custom", path: [key], message: `another key: ${slugText}` });
    }
  });

/** Settings of the stack `delivery`, and of stacks named `delivery.<anything>`: the keys `tributary:<key>` of Pulumi.delivery.yaml. */
export const deliverySettingsSchema = z.strictObject({
  /** Where sources are, by a name of their own. */
  repositories: named(repository, "repositories"),
  /** Key of the repository that holds this file: only its commits change pipelines. @default the only one that pipelines deliver */
  definition: slug.optional(),
  /** Environments that pipelines deploy; each has a file Pulumi.<env>.yaml in its repository. */
  environments: named(environment, "environments"),
  /** The pipelines, by name: one for each team or application. */
  pipelines: named(pipeline, "pipelines"),
  notifications: notifications.prefault({}),
  build: buildSettings.prefault({}),
  /** Branches that have a pipeline now, by pipeline. The driver writes this for each run from what the repository has. */
  openBranches: z
    .record(
      z.string(),
      listOf((text) => text.length > 0 && text.length <= 250, "names of branches", 200),
    )
    .default({}),
  /** How long artifacts of pipelines are kept. */
  artifactRetention: days(1, 3_650).default("30 days"),
  /** Logs of builds. */
  logRetention: leaf<Duration>(
    (value) => logRetentionDays(value, "") > 0,
    'a retention that CloudWatch Logs offers, e.g. "30 days"',
  ).default("90 days"),
  /** How long the deleted key of artifacts can still be recovered. */
  keyDeletionWindow: days(7, 30).default("30 days"),
  /** Deletes artifacts, too, when the stack is destroyed. */
  forceDestroy: yesOrNo.default(false),
  /** Creates the artifact bucket's lifecycle rules. */
  lifecycle: yesOrNo.default(true),
  /** Where the driver keeps this stack's state, e.g. `s3://<bucket>?region=<region>`; deploy roles may read and write there. */
  backend: backend.optional(),
  /** Tags of every resource, besides project, env and stack. */
  tags: tags.default({}),
  // The pipelines' own stack has gates, too: a pipeline cannot give itself more permissions without somebody's approval.
  ...driverShape,
  ...gatesShape,
});

/** Settings of the stack `delivery`, complete. */
export type DeliverySettings = z.output<typeof deliverySettingsSchema>;
/** A pipeline's settings, complete. */
export type PipelineSettings = DeliverySettings["pipelines"][string];
/** An environment's settings, complete. */
export type DeliveryEnvironment = DeliverySettings["environments"][string];

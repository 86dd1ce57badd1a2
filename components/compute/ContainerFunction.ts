import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { Component, type Transform, transformed } from "../Component";
import { type Grantee, type Statement, unscopableStatement } from "../iam";
import { arn, physicalName, type Scope } from "../scope";
import { type Duration, type Size, toMegabytes, toSeconds } from "../units";
import type { Architecture } from "./CommonLayer";
import { type FunctionPackage, packageArgs } from "./functionPackage";
import { ServiceRole, type ServiceRoleArgs } from "./ServiceRole";
import { EncryptedLogGroup, type LogSettings } from "./EncryptedLogGroup";

/** Arguments of {@link ContainerFunction}. */
export interface ContainerFunctionArgs {
  scope: Scope;
  /** What the function does; its name is `<project>-<env>-<what>`. */
  what: string;
  /** What it runs: an image by digest, or an archive with layers. */
  package: FunctionPackage;
  /** Environment variables; never secrets. @default none */
  environment?: Record<string, pulumi.Input<string>>;
  /** "1 second" to "15 minutes". @default "30 seconds" */
  timeout?: Duration;
  /** "128 MB" to "10240 MB"; also its share of processors. @default "256 MB" */
  memory?: Size;
  /** Size of /tmp, "512 MB" to "10 GB". @default "512 MB" */
  tmp?: Size;
  /** @default "x86_64" */
  architecture?: Architecture;
  /** Where and how long its log is kept. */
  logs: LogSettings;
  /** Traces invocations with X-Ray. @default true */
  tracing?: boolean;
  /**
   * Most invocations at a time, taken from the account's quota and kept for this function.
   * @default no reservation
   */
  reservedConcurrency?: number;
  /** Changes to the children. */
  transform?: {
    function?: Transform<aws.lambda.FunctionArgs>;
    alias?: Transform<aws.lambda.AliasArgs>;
    logGroup?: Transform<aws.cloudwatch.LogGroupArgs>;
    role?: ServiceRoleArgs["transform"];
  };
}

/** The parts of a {@link ContainerFunction}. */
export interface ContainerFunctionNodes {
  function: aws.lambda.Function;
  alias: aws.lambda.Alias;
  logGroup: EncryptedLogGroup;
  role: ServiceRole;
}

/** Alias that callers use: it names the version that was deployed last. */
export const LIVE = "live";

/** A Lambda function with a role of its own, its log group, and published versions behind the alias `live`. */
export class ContainerFunction extends Component<ContainerFunctionNodes> implements Grantee {
  readonly nodes: ContainerFunctionNodes;
  /** The function's name. */
  readonly functionName: string;
  /** ARN of the alias `live`: what everything invokes. */
  readonly aliasArn: pulumi.Output<string>;

  constructor(name: string, args: ContainerFunctionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("compute:ContainerFunction", name, opts);
    const { scope, what, transform = {}, tracing = true } = args;
    this.functionName = physicalName("lambdaFunction", scope, what);
    const role = new ServiceRole(
      name,
      { scope, what, service: "lambda", sourceAccount: false, transform: transform.role },
      this.child(),
    );
    const logGroup = new EncryptedLogGroup(
      name,
      { scope, ...args.logs, logGroupName: `/aws/lambda/${this.functionName}`, transform: transform.logGroup },
      this.child(),
    );
    const lambda = new aws.lambda.Function(
      `${name}-function`,
      transformed(transform.function, {
        ...packageArgs(args.package, { name, key: what, parent: this }),
        ...settingsOf(name, args),
        name: this.functionName,
        role: role.arn,
      }),
      // Without its log group, the function's first invocation would make one that keeps everything for ever.
      this.child({ dependsOn: logGroup.nodes.group }),
    );
    const alias = new aws.lambda.Alias(
      `${name}-alias`,
      transformed(transform.alias, { name: LIVE, functionName: lambda.name, functionVersion: lambda.version }),
      this.child(),
    );
    this.aliasArn = alias.arn;
    this.nodes = { function: lambda, alias, logGroup, role };
    logGroup.grantWrite(this);
    if (tracing) this.addStatements(unscopableStatement("tracing"));
    this.registerOutputs({ aliasArn: this.aliasArn });
  }

  /** Allows invoking the alias `live`, and no other version. */
  grantInvoke(grantee: Grantee): void {
    grantee.addStatements({ actions: ["lambda:InvokeFunction"], resources: [this.aliasArn] });
  }

  addStatements(...statements: Statement[]): void {
    this.nodes.role.addStatements(...statements);
  }
}

function settingsOf(name: string, args: ContainerFunctionArgs): Omit<aws.lambda.FunctionArgs, "role"> {
  return {
    publish: true,
    timeout: toSeconds(args.timeout ?? "30 seconds", `${name}.timeout`),
    memorySize: toMegabytes(args.memory ?? "256 MB", `${name}.memory`),
    ephemeralStorage: { size: toMegabytes(args.tmp ?? "512 MB", `${name}.tmp`) },
    architectures: [args.architecture ?? "x86_64"],
    tracingConfig: { mode: args.tracing === false ? "PassThrough" : "Active" },
    reservedConcurrentExecutions: args.reservedConcurrency,
    environment: { variables: args.environment ?? {} },
  };
}

/** The ARN of a function's alias `live`, known before the function exists. */
export function liveArn(scope: Scope, what: string): string {
  return arn(scope, "lambda", `function:${physicalName("lambdaFunction", scope, what)}:${LIVE}`);
}

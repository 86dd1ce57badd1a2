import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Component, type Transform, transformed } from "../Component";
import type { ContainerFunction } from "../compute/ContainerFunction";
import { EncryptedLogGroup, type LogSettings } from "../compute/EncryptedLogGroup";
import { ServiceRole, type ServiceRoleArgs } from "../compute/ServiceRole";
import { type Grantee, unscopableStatement } from "../iam";
import { arn, physicalName, type Scope } from "../scope";
import type { StateMachineDefinition } from "./asl";

/** What the stages have in common. */
export interface StageArgs {
  scope: Scope;
  /** Where and how long the machine's log is kept. */
  logs: LogSettings;
  /** Traces executions with X-Ray. @default true */
  tracing?: boolean;
  /** Changes to the children. */
  transform?: {
    machine?: Transform<aws.sfn.StateMachineArgs>;
    logGroup?: Transform<aws.cloudwatch.LogGroupArgs>;
    role?: ServiceRoleArgs["transform"];
  };
}

/** Arguments of {@link StateMachine}. */
export interface StateMachineArgs<Role extends string> extends StageArgs {
  /** What the machine does; part of its physical name. */
  what: string;
  /** Express: up to 5 minutes, can be waited for. Standard: up to a year, each execution name runs once. */
  type: "EXPRESS" | "STANDARD";
  /** The functions that it calls, by their role in the definition; it may invoke these aliases and nothing else. */
  functions: Record<Role, ContainerFunction>;
  /** Makes the definition from the functions' alias ARNs. */
  definition: (arns: Record<Role, string>) => StateMachineDefinition;
}

/** The parts of a {@link StateMachine}. */
export interface StateMachineNodes {
  machine: aws.sfn.StateMachine;
  logGroup: EncryptedLogGroup;
  role: ServiceRole;
}

/** A state machine with a role of its own, a log without the data that passes through, and tracing. */
export class StateMachine<Role extends string> extends Component<StateMachineNodes> {
  readonly nodes: StateMachineNodes;
  /** The machine's ARN. */
  readonly arn: pulumi.Output<string>;

  constructor(name: string, args: StateMachineArgs<Role>, opts?: pulumi.ComponentResourceOptions) {
    super("stages:StateMachine", name, opts);
    const { scope, what, type, transform = {}, tracing = true } = args;
    const machineName = physicalName("stateMachine", scope, what);
    const role = new ServiceRole(name, { scope, what, service: "states", transform: transform.role }, this.child());
    // Only groups below this prefix keep Logs' resource policy, which has a size limit, from growing with each machine.
    const logGroupName = `/aws/vendedlogs/states/${machineName}`;
    const logGroup = new EncryptedLogGroup(
      name,
      { scope, ...args.logs, logGroupName, transform: transform.logGroup },
      this.child(),
    );
    const machine = new aws.sfn.StateMachine(
      `${name}-machine`,
      transformed(transform.machine, {
        name: machineName,
        type,
        roleArn: role.arn,
        definition: definitionOf(args),
        loggingConfiguration: {
          // An Express execution leaves no other history.
          level: type === "EXPRESS" ? "ALL" : "ERROR",
          includeExecutionData: false,
          logDestination: pulumi.interpolate`${logGroup.arn}:*`,
        },
        ...(tracing && { tracingConfiguration: { enabled: true } }),
      }),
      // AWS checks at creation that the role may deliver logs.
      this.child({ dependsOn: role.policy }),
    );
    for (const target of functionsOf(args)) target.grantInvoke(role);
    role.addStatements(unscopableStatement("logDelivery"));
    if (tracing) role.addStatements(unscopableStatement("tracing"));
    this.arn = machine.arn;
    this.nodes = { machine, logGroup, role };
    this.registerOutputs({ arn: this.arn });
  }

  /**
   * Allows starting executions.
   *
   * @param how `sync` waits for the outcome (Express only)
   */
  grantStart(grantee: Grantee, how: "async" | "sync"): void {
    const action = how === "sync" ? "states:StartSyncExecution" : "states:StartExecution";
    grantee.addStatements({ actions: [action], resources: [this.arn] });
  }
}

/** The ARN of a state machine, known before it exists. */
export function stateMachineArn(scope: Scope, what: string): string {
  return arn(scope, "states", `stateMachine:${physicalName("stateMachine", scope, what)}`);
}

/** The ARNs of all executions of a Standard machine. */
export function executionsArn(scope: Scope, what: string): string {
  return arn(scope, "states", `execution:${physicalName("stateMachine", scope, what)}:*`);
}

function functionsOf<Role extends string>(args: StateMachineArgs<Role>): ContainerFunction[] {
  return Object.values<ContainerFunction>(args.functions);
}

function definitionOf<Role extends string>(args: StateMachineArgs<Role>): pulumi.Output<string> {
  const roles = Object.keys(args.functions) as Role[];
  return pulumi.all(roles.map((role) => args.functions[role].aliasArn)).apply((arns) => {
    const byRole = Object.fromEntries(roles.map((role, index) => [role, arns[index]])) as Record<Role, string>;
    return JSON.stringify(args.definition(byRole));
  });
}

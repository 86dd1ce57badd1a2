import type * as pulumi from "@pulumi/pulumi";
import { Component } from "../Component";
import type { ContainerFunction } from "../compute/ContainerFunction";
import type { Engines } from "../engines/Engines";
import type { Grantee } from "../iam";
import type { Scope } from "../scope";
import { toSeconds } from "../units";
import { type StageBFunctions, stageBDefinition } from "./stageBDefinition";
import { executionsArn, type StageArgs, StateMachine } from "./StateMachine";
import { StoppedBatches } from "./StoppedBatches";
import { timings } from "./timings";

/** Name of Stage B's machine in physical names. */
export const STAGE_B = "stage-b";

/** Arguments of {@link StageB}. */
export interface StageBArgs extends StageArgs {
  functions: StageBFunctions<ContainerFunction>;
  /** What works besides DuckDB. */
  engines: Engines;
}

/** The parts of {@link StageB}. */
export interface StageBNodes {
  machine: StateMachine<keyof StageBFunctions>;
  /** What its executions leave without outcomes when they are ended from outside. */
  stopped: StoppedBatches;
}

/** Stage B: a Standard machine, whose executions are named by their batch, so that none runs twice. */
export class StageB extends Component<StageBNodes> {
  readonly nodes: StageBNodes;
  readonly machine: StateMachine<keyof StageBFunctions>;
  private readonly scope: Scope;

  constructor(name: string, args: StageBArgs, opts?: pulumi.ComponentResourceOptions) {
    super("stages:StageB", name, opts);
    const { machine } = timings.stageB;
    this.scope = args.scope;
    const timeout = toSeconds(machine, "timings.stageB.machine");
    this.machine = new StateMachine(
      name,
      {
        ...args,
        what: STAGE_B,
        type: "STANDARD",
        functions: { ...args.functions },
        definition: (arns) =>
          stageBDefinition(arns, { partition: args.scope.partition, timeout, engines: args.engines.states }),
      },
      this.child(),
    );
    args.engines.grantRun(this.machine.nodes.role);
    const stopped = new StoppedBatches(
      `${name}-stopped`,
      { scope: args.scope, machine: STAGE_B, function: args.functions.error },
      this.child(),
    );
    this.nodes = { machine: this.machine, stopped };
    this.registerOutputs({ arn: this.machine.arn });
  }

  /** Allows asking what became of a batch. */
  grantDescribe(grantee: Grantee): void {
    grantee.addStatements({ actions: ["states:DescribeExecution"], resources: [executionsArn(this.scope, STAGE_B)] });
  }
}

import type * as pulumi from "@pulumi/pulumi";
import { Component } from "../Component";
import type { ContainerFunction } from "../compute/ContainerFunction";
import { toSeconds } from "../units";
import type { Engines } from "../engines/Engines";
import { type StageBFunctions, stageBDefinition } from "./stageBDefinition";
import { type StageArgs, StateMachine } from "./StateMachine";
import { timings } from "./timings";

/** Name of Stage B's machine in physical names. */
export const STAGE_B = "stage-b";

/** Arguments of {@link StageB}. */
export interface StageBArgs extends StageArgs {
  functions: StageBFunctions<ContainerFunction>;
  /** What works besides DuckDB. */
  engines: Engines;
}

/** Stage B: a Standard machine, whose executions are named by their batch, so that none runs twice. */
export class StageB extends Component<{ machine: StateMachine<keyof StageBFunctions> }> {
  readonly nodes: { machine: StateMachine<keyof StageBFunctions> };
  readonly machine: StateMachine<keyof StageBFunctions>;

  constructor(name: string, args: StageBArgs, opts?: pulumi.ComponentResourceOptions) {
    super("stages:StageB", name, opts);
    const { machine } = timings.stageB;
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
    this.nodes = { machine: this.machine };
    this.registerOutputs({ arn: this.machine.arn });
  }
}

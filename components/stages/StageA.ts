import type * as pulumi from "@pulumi/pulumi";
import { Component } from "../Component";
import type { ContainerFunction } from "../compute/ContainerFunction";
import { toSeconds } from "../units";
import { type StageAFunctions, stageADefinition } from "./stageADefinition";
import { type StageArgs, StateMachine } from "./StateMachine";
import { timings } from "./timings";

/** Name of Stage A's machine in physical names. */
export const STAGE_A = "stage-a";

/** Arguments of {@link StageA}. */
export interface StageAArgs extends StageArgs {
  functions: StageAFunctions<ContainerFunction>;
}

/** Stage A: an Express machine that its router waits for. */
export class StageA extends Component<{ machine: StateMachine<keyof StageAFunctions> }> {
  readonly nodes: { machine: StateMachine<keyof StageAFunctions> };
  readonly machine: StateMachine<keyof StageAFunctions>;

  constructor(name: string, args: StageAArgs, opts?: pulumi.ComponentResourceOptions) {
    super("stages:StageA", name, opts);
    const timeout = toSeconds(timings.stageA.machine, "timings.stageA.machine");
    this.machine = new StateMachine(
      name,
      {
        ...args,
        what: STAGE_A,
        type: "EXPRESS",
        functions: { ...args.functions },
        definition: (arns) => stageADefinition(arns, { partition: args.scope.partition, timeout }),
      },
      this.child(),
    );
    this.nodes = { machine: this.machine };
    this.registerOutputs({ arn: this.machine.arn });
  }
}

import * as pulumi from "@pulumi/pulumi";
import { Component } from "../Component";
import type { ContainerFunction } from "../compute/ContainerFunction";
import type { Grantee } from "../iam";
import type { Scope } from "../scope";
import type { SecureBucket } from "../storage/SecureBucket";
import { toSeconds } from "../units";
import { backfillDefinition } from "./backfillDefinition";
import { executionsArn, StateMachine, stateMachineArn, type StageArgs } from "./StateMachine";
import { timings } from "./timings";

/** Name of the machine in physical names; its role must not have the name of the role of the function `backfill`. */
export const BACKFILL = "backfills";

/** Where results of runs go in the analytics bucket. */
export const BACKFILL_RESULTS = "backfill/";

/** Most batches at a time; each is a call of the function `backfill`, which looks at 100 objects. */
const CONCURRENCY = 10;

/** Arguments of {@link Backfill}. */
export interface BackfillArgs extends StageArgs {
  function: ContainerFunction;
  /** Whose objects are listed. */
  raw: SecureBucket;
  /** Takes the results of runs, below `backfill/`. */
  analytics: SecureBucket;
}

/** A Standard machine whose Distributed Map lists the objects of a dataset and sends those that have no outcome. */
export class Backfill extends Component<{ machine: StateMachine<"backfill"> }> {
  readonly nodes: { machine: StateMachine<"backfill"> };
  readonly machine: StateMachine<"backfill">;
  private readonly scope: Scope;

  constructor(name: string, args: BackfillArgs, opts?: pulumi.ComponentResourceOptions) {
    super("stages:Backfill", name, opts);
    const { scope, raw, analytics } = args;
    this.scope = scope;
    const seconds = (what: "call" | "machine") => toSeconds(timings.backfill[what], `timings.backfill.${what}`);
    this.machine = new StateMachine(
      name,
      {
        ...args,
        what: BACKFILL,
        type: "STANDARD",
        functions: { backfill: args.function },
        definition: ({ backfill }) =>
          backfillDefinition({
            partition: scope.partition,
            functionArn: backfill,
            rawBucket: raw.physicalName,
            results: { bucket: analytics.physicalName, prefix: BACKFILL_RESULTS.replace(/\/$/, "") },
            concurrency: CONCURRENCY,
            timeouts: { call: seconds("call"), machine: seconds("machine") },
          }),
      },
      this.child(),
    );
    const { role } = this.machine.nodes;
    raw.grantList(role, "");
    analytics.grantRead(role, BACKFILL_RESULTS);
    analytics.grantWrite(role, BACKFILL_RESULTS);
    role.addStatements(
      // What the results' writer needs besides, for large ones.
      {
        actions: ["s3:ListMultipartUploadParts"],
        resources: [pulumi.interpolate`${analytics.arn}/${BACKFILL_RESULTS}*`],
      },
      // A Distributed Map starts its children as executions of its own machine.
      { actions: ["states:StartExecution"], resources: [stateMachineArn(scope, BACKFILL)] },
      { actions: ["states:DescribeExecution", "states:StopExecution"], resources: [executionsArn(scope, BACKFILL)] },
    );
    this.nodes = { machine: this.machine };
    this.registerOutputs({ arn: this.machine.arn });
  }

  /** Allows starting runs, and looking at them. */
  grantRuns(grantee: Grantee): void {
    this.machine.grantStart(grantee, "async");
    grantee.addStatements({ actions: ["states:DescribeExecution"], resources: [executionsArn(this.scope, BACKFILL)] });
  }
}

import type * as pulumi from "@pulumi/pulumi";
import type { Manifest } from "../../layer/manifest-schema";
import { Component } from "../Component";
import type { ContainerFunction } from "../compute/ContainerFunction";
import { Backfill } from "../stages/Backfill";
import type { StageArgs } from "../stages/StateMachine";
import type { LakeStorage } from "../storage/LakeStorage";
import { HttpApi } from "./HttpApi";
import { type ScheduledManifest, Schedules } from "./Schedules";

/** Arguments of {@link Ingress}. */
export interface IngressArgs extends Omit<StageArgs, "transform"> {
  storage: LakeStorage;
  /** The datasets. */
  manifests: readonly Manifest[];
  functions: { backfill: ContainerFunction; trigger?: ContainerFunction | undefined };
}

/** The parts of {@link Ingress}. */
export interface IngressNodes {
  backfill: Backfill;
  /** Only where a manifest has a schedule. */
  schedules?: Schedules;
  /** Only where a manifest says `triggers.http: true`. */
  api?: HttpApi;
}

/** What brings objects into the flow besides their events: backfills, and what starts them by the clock or by request. */
export class Ingress extends Component<IngressNodes> {
  readonly nodes: IngressNodes;

  constructor(name: string, args: IngressArgs, opts?: pulumi.ComponentResourceOptions) {
    super("triggers:Ingress", name, opts);
    const { scope, logs, tracing, storage, functions, manifests } = args;
    const { raw, analytics } = storage;
    const backfill = new Backfill(
      `${name}-backfill`,
      { scope, logs, tracing, raw, analytics, function: functions.backfill },
      this.child(),
    );
    const { machine } = backfill;
    const scheduled = manifests.filter(isScheduled);
    this.nodes = {
      backfill,
      ...(scheduled.length > 0 && {
        schedules: new Schedules(`${name}-schedules`, { scope, machine, manifests: scheduled }, this.child()),
      }),
      ...(functions.trigger && {
        api: new HttpApi(`${name}-http`, { scope, logs, function: functions.trigger }, this.child()),
      }),
    };
    this.registerOutputs({});
  }

  /** As the stack's outputs show it. */
  get outputs() {
    const { backfill, api } = this.nodes;
    return { backfillStateMachineArn: backfill.machine.arn, ...(api && { httpApiUrl: api.url }) };
  }
}

/** Whether any of the datasets takes requests. */
export function takesRequests(manifests: readonly Manifest[]): boolean {
  return manifests.some(({ triggers }) => triggers.http);
}

function isScheduled(manifest: Manifest): manifest is Manifest & ScheduledManifest {
  return manifest.triggers.schedule !== undefined;
}

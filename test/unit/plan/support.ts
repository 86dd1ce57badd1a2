import type { EngineEvent } from "@pulumi/pulumi/automation";
import { PlanCollector } from "../../../automation/plan/collect";
import { environmentPlan } from "../../../automation/plan/environmentPlan";
import type { EnvironmentPlan, StackPlan } from "../../../automation/plan/types";
import type { StackTarget } from "../../../automation/stacks/target";

type Step = NonNullable<EngineEvent["resourcePreEvent"]>["metadata"];

export const mark = "4dabf18193072939515e22adb298388d";
export const secret = { [mark]: "1b47061264138c4ac30d75fd1eb44270", ciphertext: "[secret]" };
export const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export function code(hash: string): Record<string, string> {
  return { [mark]: "0def7320c3a5731c473e5ecbe6d01bc7", hash };
}

export const target: StackTarget = { env: "dev", region: "eu-west-1", stack: "dev", wave: 0 };

/** A resource in a preview; what is left out is as the engine gives it for a resource of a program. */
export interface Given {
  op: string;
  type: string;
  name: string;
  old?: Record<string, unknown>;
  new?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
  keys?: string[];
  diffs?: string[];
  retainOnDelete?: boolean;
  custom?: boolean;
  /** The old state is the rest of an interrupted replacement. */
  leftOver?: boolean;
}

/** The event in which the engine tells of a step. */
export function event(given: Given, stack = "dev"): EngineEvent {
  const urn = `urn:pulumi:${stack}::tributary::${given.type}::${given.name}`;
  const state = (inputs: Record<string, unknown> | undefined, outputs: Record<string, unknown> = {}) =>
    inputs && {
      type: given.type,
      urn,
      custom: given.custom ?? true,
      id: "",
      parent: "",
      inputs,
      outputs,
      provider: "",
      ...(given.retainOnDelete ? { retainOnDelete: true } : {}),
    };
  const old = state(given.old, given.outputs);
  const metadata = {
    op: given.op as Step["op"],
    urn,
    type: given.type,
    old: old && given.leftOver ? { ...old, delete: true } : old,
    new: state(given.new),
    keys: given.keys,
    diffs: given.diffs,
    provider: "",
  };
  return { sequence: 1, timestamp: 1, resourcePreEvent: { metadata } } as unknown as EngineEvent;
}

/** The plan of one stack whose preview gives these events. */
export function stackPlan(given: Given[], where: StackTarget = target): StackPlan {
  const collector = new PlanCollector(where);
  for (const each of given) collector.onEvent(event(each, where.stack));
  return collector.plan();
}

/** The plan of an environment with these stacks. */
export function planOf(...stacks: StackPlan[]): EnvironmentPlan {
  return environmentPlan("dev", "tributary", stacks, new Date("2026-11-21T12:00:00Z"));
}

export const table = "aws:dynamodb/table:Table";
export const queue = "aws:sqs/queue:Queue";
export const rolePolicy = "aws:iam/rolePolicy:RolePolicy";

/** A policy document as a program writes it. */
export function policy(...statements: Record<string, unknown>[]): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: statements });
}

import { isPolicy, isUnknown, type Reading, readPolicy } from "../documents";
import type { Grant, ResourceState, Subject } from "../types";
import { OTHER_LANGUAGES, POLICY_INPUT, policyTypes, shortType } from "./policyTypes";
import { accountOf, known, logicalName, type StateIndex } from "./states";

/** All policies of resources: of the types that are known to carry one, and of any input that holds one. */
export function resourceGrants(index: StateIndex): Grant[] {
  return index.resources.flatMap((state) => {
    if (state.type.startsWith("aws:iam/")) return [];
    return policyTypes[shortType(state.type)] ? declared(state, index) : found(state, state.inputs, "", 0);
  });
}

function declared(state: ResourceState, index: StateIndex): Grant[] {
  const type = shortType(state.type);
  const { policy = "policy", of, owners = [], limit, single } = policyTypes[type] ?? {};
  const reading = readPolicy(state.inputs[policy]);
  if (!reading) return [];
  const reference = single ? `the account's ${type.split("/")[0]}` : of === undefined ? undefined : state.inputs[of];
  const subject = resourceSubject(index, state, reference, owners);
  return [{ subject, effect: limit ? "limit" : "grant", source: { urn: state.urn, property: policy }, ...reading }];
}

/** Inputs of inputs are looked into this deep. */
const DEPTH = 4;

/** A policy where this program does not expect one: it counts all the same. */
function found(state: ResourceState, inputs: object, path: string, depth: number): Grant[] {
  return Object.entries(inputs).flatMap(([name, value]: [string, unknown]): Grant[] => {
    const property = Array.isArray(inputs) ? `${path}[${name}]` : path === "" ? name : `${path}.${name}`;
    const grant = (reading: Exclude<Reading, undefined>): Grant[] => [
      { subject: ownSubject(state), effect: "grant", source: { urn: state.urn, property }, ...reading },
    ];
    if (isUnknown(value)) {
      const reading = POLICY_INPUT.test(name) && !OTHER_LANGUAGES.test(state.type) ? readPolicy(value) : undefined;
      return reading ? grant(reading) : [];
    }
    if (typeof value === "string" ? value.includes("Statement") : isPolicy(value)) {
      const reading = readPolicy(value);
      return reading && "document" in reading ? grant(reading) : [];
    }
    return typeof value === "object" && value !== null && depth < DEPTH ? found(state, value, property, depth + 1) : [];
  });
}

/**
 * The resource that a policy is about: found in the set by its name, else told apart by that name.
 *
 * @param reference what the policy's resource says; undefined if the policy is an input of the resource itself
 */
export function resourceSubject(
  index: StateIndex,
  state: ResourceState,
  reference: unknown,
  owners: readonly string[],
): Subject {
  const owner = reference === undefined ? state : index.find(owners, reference);
  if (owner) return ownSubject(owner);
  const isNamed = typeof reference === "string" && !isUnknown(reference) && !index.isAmbiguous(owners, reference);
  const name = isNamed ? reference : logicalName(state.urn);
  const account = accountOf(name);
  return {
    key: `resource ${isNamed ? name : state.urn}`,
    kind: "resource",
    label: name,
    ...(account !== undefined && { account }),
  };
}

function ownSubject(state: ResourceState): Subject {
  const arn = known(state, "arn");
  const account = accountOf(arn);
  const label = arn ?? known(state, "bucket", "name", "url") ?? logicalName(state.urn);
  return { key: `resource ${state.urn}`, kind: "resource", label, ...(account !== undefined && { account }) };
}

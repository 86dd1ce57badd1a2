import { isUnknown, readPolicy } from "../documents";
import type { Grant, PolicySource, ResourceState, Subject } from "../types";
import { accountOf, known, logicalName, objects, type StateIndex, texts } from "./states";

/** How the holders of a managed policy are named: it can be attached outside of the stack. */
export const HOLDERS = "whoever has policy ";

/** Kinds of identities that policies are attached to. */
type Identity = "role" | "user" | "group";

const identities: readonly Identity[] = ["role", "user", "group"];
const typeOf = (identity: Identity) => `aws:iam/${identity}`;

/** All policies of roles, users and groups: inline, attached, inherited from groups, boundaries and trust policies. */
export function identityGrants(index: StateIndex): Grant[] {
  const own = index.resources.flatMap((state) => grantsOf(state, index));
  return [...own, ...inherited(index)];
}

function grantsOf(state: ResourceState, index: StateIndex): Grant[] {
  const [, name = ""] = /^aws:iam\/([A-Za-z]+):/.exec(state.type) ?? [];
  if (name === "role") return roleGrants(state, index);
  if (name === "user") return boundary(state, subjectOf("user", state), index);
  if (name === "policy") return managedPolicy(state);
  if (name === "policyAttachment") {
    return identities.flatMap((identity) => {
      const holders = texts(state.inputs[`${identity}s`]);
      return holders.flatMap((holder) => attached(state, identity, holder, "policyArn", state.inputs.policyArn, index));
    });
  }
  return identities.flatMap((identity) => ownPolicies(state, name, identity, index));
}

function roleGrants(state: ResourceState, index: StateIndex): Grant[] {
  const role = subjectOf("role", state);
  const trust = { ...role, key: `trust ${state.urn}`, kind: "trust" as const };
  return [
    ...document(trust, { urn: state.urn, property: "assumeRolePolicy" }, state.inputs.assumeRolePolicy),
    ...objects(state.inputs.inlinePolicies).flatMap((inline, at) =>
      document(role, { urn: state.urn, property: `inlinePolicies[${at}].policy` }, inline.policy),
    ),
    ...texts(state.inputs.managedPolicyArns).flatMap((arn, at) =>
      managed(role, { urn: state.urn, property: `managedPolicyArns[${at}]` }, arn, index),
    ),
    ...boundary(state, role, index),
  ];
}

function boundary(state: ResourceState, subject: Subject, index: StateIndex): Grant[] {
  const arn = state.inputs.permissionsBoundary;
  if (typeof arn !== "string" || arn === "") return [];
  const source = { urn: state.urn, property: "permissionsBoundary" };
  return managed(subject, source, arn, index).map((grant) => ({ ...grant, effect: "limit" }));
}

function ownPolicies(state: ResourceState, name: string, identity: Identity, index: StateIndex): Grant[] {
  const { inputs, urn } = state;
  switch (name) {
    case `${identity}Policy`:
      return document(subjectOf(identity, state, inputs[identity], index), { urn, property: "policy" }, inputs.policy);
    case `${identity}PolicyAttachment`:
      return attached(state, identity, inputs[identity], "policyArn", inputs.policyArn, index);
    case `${identity}PolicyAttachmentsExclusive`:
      return texts(inputs.policyArns).flatMap((arn, at) =>
        attached(state, identity, inputs[`${identity}Name`], `policyArns[${at}]`, arn, index),
      );
    default:
      return [];
  }
}

function attached(
  state: ResourceState,
  identity: Identity,
  holder: unknown,
  property: string,
  arn: unknown,
  index: StateIndex,
): Grant[] {
  return managed(subjectOf(identity, state, holder, index), { urn: state.urn, property }, arn, index);
}

/** The identity itself, or the one that a policy names; the attachment stands for it where that is not known yet. */
function subjectOf(identity: Identity, state: ResourceState, holder?: unknown, index?: StateIndex): Subject {
  const owner = index ? index.find([typeOf(identity)], holder) : state;
  const isName = typeof holder === "string" && !isUnknown(holder) && !index?.isAmbiguous([typeOf(identity)], holder);
  const name = isName ? holder : undefined;
  const arn = known(owner, "arn");
  const account = accountOf(arn);
  return {
    key: `identity ${owner?.urn ?? (name === undefined ? state.urn : `${identity}/${name}`)}`,
    kind: "identity",
    label: `${identity}/${known(owner, "name") ?? name ?? logicalName((owner ?? state).urn)}`,
    ...(account !== undefined && { account }),
  };
}

function managedPolicy(state: ResourceState): Grant[] {
  const label = `${HOLDERS}${known(state, "name") ?? logicalName(state.urn)}`;
  const subject: Subject = { key: `policy ${state.urn}`, kind: "policy", label };
  return document(subject, { urn: state.urn, property: "policy" }, state.inputs.policy);
}

function managed(subject: Subject, source: PolicySource, arn: unknown, index: StateIndex): Grant[] {
  if (typeof arn !== "string" || isUnknown(arn)) {
    return [{ subject, effect: "grant", source, unknown: "which managed policy it is, only the deployment will know" }];
  }
  const policy = index.find(["aws:iam/policy"], arn);
  if (!policy) return [{ subject, effect: "grant", source, reference: arn }];
  return document(subject, { urn: policy.urn, property: "policy" }, policy.inputs.policy);
}

function document(subject: Subject, source: PolicySource, value: unknown): Grant[] {
  const reading = readPolicy(value);
  return reading ? [{ subject, effect: "grant", source, ...reading }] : [];
}

/** What users have through their groups. */
function inherited(index: StateIndex): Grant[] {
  return memberships(index).flatMap(({ state, user, group }) => {
    const subject = subjectOf("user", state, user, index);
    const key = subjectOf("group", state, group, index).key;
    return index.resources
      .filter(({ type }) => /^aws:iam\/group|^aws:iam\/policyAttachment/.test(type))
      .flatMap((each) => grantsOf(each, index))
      .filter((grant) => grant.subject.key === key)
      .map((grant) => ({ ...grant, subject }));
  });
}

function memberships({ resources }: StateIndex) {
  return resources.flatMap((state) => {
    const { inputs, type } = state;
    if (type.startsWith("aws:iam/groupMembership:")) {
      return texts(inputs.users).map((user) => ({ state, user: user as unknown, group: inputs.group }));
    }
    if (!type.startsWith("aws:iam/userGroupMembership:")) return [];
    return texts(inputs.groups).map((group) => ({ state, user: inputs.user, group: group as unknown }));
  });
}

import { isUnknown } from "../documents";
import type { Grant, ResourceState, Subject } from "../types";
import { known, logicalName, type StateIndex } from "./states";

/** How inputs are called that say as which role something runs. */
const ROLE_INPUT =
  /^(role|roleArn|executionRole|executionRoleArn|taskRoleArn|serviceRole|serviceRoleArn|iamRole|iamRoleArn)$/;

/** Something that runs as a role. */
export interface Workload {
  subject: Subject;
  /** Key of the role; undefined as long as only the deployment knows it. */
  role: string | undefined;
  grants: Grant[];
}

/**
 * Functions, state machines, jobs and the like, with what the role allows that they run as. One that is given a mightier role gains
 * permissions without any policy being touched.
 *
 * @param own policies of the roles themselves
 */
export function workloadsOf(index: StateIndex, own: readonly Grant[]): Workload[] {
  return index.resources.flatMap((state) => {
    if (!state.type.startsWith("aws:") || state.type.startsWith("aws:iam/")) return [];
    const inputs = Object.entries(state.inputs).filter(([property, value]) => ROLE_INPUT.test(property) && value);
    return inputs.flatMap(([property, value]) =>
      typeof value === "string" ? [workload(state, property, value, index, own)] : [],
    );
  });
}

function workload(
  state: ResourceState,
  property: string,
  value: string,
  index: StateIndex,
  own: readonly Grant[],
): Workload {
  const label = `${known(state, "name") ?? logicalName(state.urn)} (runs as a role)`;
  const subject: Subject = { key: `workload ${state.urn} ${property}`, kind: "identity", label };
  const source = { urn: state.urn, property };
  if (isUnknown(value)) {
    const unknown = "which role it runs as, only the deployment will know";
    return { subject, role: undefined, grants: [{ subject, effect: "grant", source, unknown }] };
  }
  const role = index.find(["aws:iam/role"], value);
  if (!role)
    return {
      subject,
      role: `identity role/${value}`,
      grants: [{ subject, effect: "grant", source, reference: value }],
    };
  const key = `identity ${role.urn}`;
  return {
    subject,
    role: key,
    grants: own.filter((grant) => grant.subject.key === key).map((grant) => ({ ...grant, subject })),
  };
}

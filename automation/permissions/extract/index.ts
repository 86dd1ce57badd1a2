import type { Grants, ResourceState } from "../types";
import { barriersOf } from "./barriers";
import { identityGrants } from "./identity";
import { resourceGrants } from "./resources";
import { StateIndex } from "./states";
import { syntheticGrants } from "./synthetic";
import { workloadsOf } from "./workloads";

/**
 * Every policy in a set of resources, and whose it is: policies of roles, users and groups (inline, managed, boundaries), trust
 * policies, policies of resources, and permissions that are resources of their own.
 *
 * @param resources the state of a stack before a change, or as it will be after it
 */
export function extractGrants(resources: readonly ResourceState[]): Grants {
  const index = new StateIndex(resources);
  const own = resources.flatMap(({ urn }) => [`identity ${urn}`, `trust ${urn}`, `resource ${urn}`, `policy ${urn}`]);
  const identities = identityGrants(index);
  const workloads = workloadsOf(index, identities);
  const { home } = index;
  const all = [
    ...[...identities, ...workloads.flatMap(({ grants }) => grants)],
    ...[...resourceGrants(index), ...syntheticGrants(index)],
  ];
  return {
    grants: home === undefined ? all : all.map((grant) => ({ ...grant, subject: { ...grant.subject, home } })),
    barriers: barriersOf(index),
    runsAs: new Map(workloads.flatMap(({ subject, role }) => (role === undefined ? [] : [[subject.key, role]]))),
    owned: new Set([...own, ...workloads.map(({ subject }) => subject.key)]),
  };
}

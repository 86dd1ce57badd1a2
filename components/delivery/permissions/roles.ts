import type { Statement } from "../../iam";
import type { Scope } from "../../scope";
import { named } from "./services";

/**
 * Making and changing roles: only those that are named, only with one of these boundaries, which whoever has these permissions can
 * neither change nor take away; and handing them only to services that the program uses.
 *
 * @param boundaries ARNs of the policies that such a role may have as its permissions boundary
 * @param roles resources without `arn:<partition>:iam::<account>:`
 * @param services that they may be handed to
 */
export function roleManagement(
  { partition, account, dnsSuffix }: Pick<Scope, "partition" | "account" | "dnsSuffix">,
  boundaries: readonly string[],
  roles: readonly string[],
  services: readonly string[],
): Statement[] {
  const resources = roles.map((role) => `arn:${partition}:iam::${account}:${role}`);
  const bounded = {
    StringEquals: { "iam:PermissionsBoundary": [...boundaries] },
  } as unknown as Statement["conditions"];
  const handed = { StringEquals: { "iam:PassedToService": services.map((service) => `${service}.${dnsSuffix}`) } };
  return [
    {
      actions: named(
        "iam",
        "GetRole GetRolePolicy ListAttachedRolePolicies ListInstanceProfilesForRole ListRolePolicies ListRoleTags",
      ),
      resources,
    },
    {
      actions: named("iam", "CreateRole DeleteRolePolicy PutRolePermissionsBoundary PutRolePolicy"),
      resources,
      conditions: bounded,
    },
    // None of these gives anybody a permission that the boundary of the role does not allow.
    {
      actions: named("iam", "DeleteRole TagRole UntagRole UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription"),
      resources,
    },
    { actions: ["iam:PassRole"], resources, conditions: handed as unknown as Statement["conditions"] },
  ];
}

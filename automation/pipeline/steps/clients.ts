import { connectClients, findLocalAws, localAwsAs, type localClientSettings } from "../../local";
import { localAwsStopped } from "../../lake/stopped";
import { userError } from "../../errors";
import type { Environment } from "../../stacks/environments";
import { roleCredentials, type RoleCredentials } from "../../waves/accounts";

/** What every client of the SDK takes. */
type ClientSettings = { region: string; maxAttempts: number } & Partial<
  Omit<ReturnType<typeof localClientSettings>, "credentials">
> & { credentials?: Pick<RoleCredentials, "accessKeyId" | "secretAccessKey"> & { sessionToken?: string } };

/** Settings of SDK clients that work in an environment, with its role; region included. */
export interface EnvironmentClients {
  settings: ClientSettings;
  /** On the local AWS. */
  local: boolean;
  close(): void;
}

/**
 * How clients reach an environment's account: with the role of its settings, or the local AWS.
 *
 * @throws user error `RegionMissing`; TributaryError `LocalAwsStopped`, `RoleNotAssumed`
 */
export async function clientsOf(root: string, stack: Environment): Promise<EnvironmentClients> {
  const { region, local, env } = stack;
  if (region === undefined) {
    throw userError("RegionMissing", `nothing says which region ${env} is in`, `add aws:region to Pulumi.${env}.yaml`);
  }
  const common = { region, maxAttempts: 5 };
  if (!local) {
    const credentials = await roleCredentials({ aws: undefined, roles: new Map() }, stack);
    return { settings: { ...common, ...(credentials ? { credentials } : {}) }, local, close: () => undefined };
  }
  const running = await findLocalAws(root);
  if (!running) throw localAwsStopped(`tributary deploy ${env}`);
  const { settings, close } = await connectClients(localAwsAs(running, stack.account));
  return { settings: { ...settings, ...common }, local, close };
}

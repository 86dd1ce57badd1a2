import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { userError } from "../../automation/errors";
import { pipelinesOf } from "../../automation/pipeline/model";
import { type DeliveryStackSettings, parseDeliverySettings, type RawSettings } from "../../automation/settings";
import type { Scope } from "../scope";
import { Delivery, type WorkloadAccount } from "./Delivery";

/**
 * The program of the stack `delivery`. It reads settings and nothing else: neither images nor what the application is made of, so that
 * nothing that the application breaks keeps the pipelines from being mended.
 *
 * @throws user errors for wrong settings, before anything is created
 */
export async function deliveryProgram(raw: RawSettings) {
  const settings = parseDeliverySettings(raw);
  const models = pipelinesOf(settings);
  const scope = await scopeOf(settings);
  const accounts = accountsOf(settings, scope);
  return new Delivery("delivery", { scope, settings, models, accounts }).outputs;
}

async function scopeOf({ project, env, stack, region }: DeliveryStackSettings): Promise<Scope> {
  const [identity, partition] = await Promise.all([aws.getCallerIdentity(), aws.getPartition()]);
  const { partition: name, dnsSuffix } = partition;
  return { project, env, stack, region, account: identity.accountId, partition: name, dnsSuffix };
}

/**
 * The account of each environment, with a provider for those of others.
 *
 * @throws user error `BootstrapRoleMissing` for another account without a role to make roles with
 */
function accountsOf(settings: DeliveryStackSettings, scope: Scope): Record<string, WorkloadAccount> {
  const providers = new Map<string, pulumi.ProviderResource>();
  const entries = Object.entries(settings.environments).map(([env, { account = scope.account, bootstrapRole }]) => {
    if (account === scope.account) return [env, { scope }] as const;
    const local = settings.target === "local";
    if (bootstrapRole === undefined && !local) throw bootstrapMissing(env, account, scope.account);
    const key = `${account} ${bootstrapRole ?? ""}`;
    const provider =
      providers.get(key) ?? otherAccount(scope, account, local ? undefined : bootstrapRole, providers.size);
    providers.set(key, provider);
    return [env, { scope: { ...scope, account }, provider }] as const;
  });
  return Object.fromEntries(entries);
}

function otherAccount(scope: Scope, account: string, role: string | undefined, index: number): aws.Provider {
  const common = { region: scope.region as aws.Region, allowedAccountIds: [account] };
  if (role !== undefined) {
    return new aws.Provider(`account-${index}`, {
      ...common,
      assumeRoles: [{ roleArn: role, sessionName: "delivery" }],
    });
  }
  // The local AWS: an access key is the account, for its root user.
  return new aws.Provider(`account-${index}`, {
    ...common,
    accessKey: account,
    secretKey: "local",
    s3UsePathStyle: true,
    skipCredentialsValidation: true,
    skipMetadataApiCheck: true,
    skipRegionValidation: true,
  });
}

function bootstrapMissing(env: string, account: string, own: string) {
  return userError(
    "BootstrapRoleMissing",
    `tributary:environments.${env} in Pulumi.delivery.yaml is in the account ${account}, and the pipelines are in ${own}: no role says how its deploy role is made there`,
    `set bootstrapRole to a role of ${account} that may make roles and policies named ${env}, and that the pipelines' account may take`,
  );
}

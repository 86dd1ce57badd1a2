import type { ECRClientConfig } from "@aws-sdk/client-ecr";
import { TributaryError } from "../errors";
import type { Login, LoginSource } from "./logins";

/** Which registry of ECR, and how its login is asked for. */
export interface EcrRegistry {
  /** 12 digits. */
  account: string;
  region: string;
  /** `host:port` that is pushed to instead of ECR's own address: the local AWS's. */
  address?: string;
  /** For the SDK: endpoint, credentials. @default the SDK's own search, in `region` */
  client?: ECRClientConfig;
}

/** ECR's address of an account in a region. */
export function ecrAddress(account: string, region: string): string {
  const suffix = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return `${account}.dkr.ecr.${region}.${suffix}`;
}

/** Logins of an ECR registry: GetAuthorizationToken, whose tokens live 12 hours. */
export function ecrLogins(registry: EcrRegistry): LoginSource {
  return {
    address: registry.address ?? ecrAddress(registry.account, registry.region),
    fetch: () => fetchToken(registry),
  };
}

async function fetchToken({ account, region, client: settings }: EcrRegistry): Promise<Login> {
  // Loaded when it is needed: most commands push nothing.
  const { ECRClient, GetAuthorizationTokenCommand } = await import("@aws-sdk/client-ecr");
  const client = new ECRClient({ region, ...settings });
  try {
    const answer = await client.send(new GetAuthorizationTokenCommand({ registryIds: [account] }));
    return parseToken(answer.authorizationData?.[0]);
  } finally {
    client.destroy();
  }
}

/**
 * Reads what GetAuthorizationToken answered: base64 of "user:password", and when it expires.
 *
 * @throws TributaryError RegistryTokenInvalid, without what was in the token
 */
export function parseToken(data: { authorizationToken?: string; expiresAt?: Date } | undefined): Login {
  const text = Buffer.from(data?.authorizationToken ?? "", "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 1 || colon === text.length - 1) {
    throw new TributaryError("ECR answered with a token that is not base64 of user:password", {
      code: "RegistryTokenInvalid",
      source: "cloud",
      next: "run the command again; if it stays, check which endpoint answers for ECR",
    });
  }
  return { username: text.slice(0, colon), password: text.slice(colon + 1), expiresAt: data?.expiresAt };
}

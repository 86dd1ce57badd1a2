import { createRequire } from "node:module";
import * as os from "node:os";
import type * as sts from "@aws-sdk/client-sts";
import { gitText } from "../git";
import type { Approver } from "./approvals";

const load = () => createRequire(__filename)("@aws-sdk/client-sts") as typeof sts;

/** How a person is recognised; given, so that tests need neither AWS nor git. */
export interface IdentitySources {
  /** ARN of the credentials in use; undefined without any. */
  arn(): Promise<string | undefined>;
  /** `user.email` of git. */
  email(): Promise<string | undefined>;
  user(): string;
}

/**
 * Who runs this command: by AWS where the environment is there, because that is proven; otherwise by git, or by the name on
 * this machine.
 */
export async function whoAmI(sources: IdentitySources): Promise<Approver> {
  const arn = await sources.arn();
  if (arn !== undefined) return { name: arn, source: "aws" };
  const email = await sources.email();
  if (email !== undefined) return { name: `git:${email}`, source: "git" };
  return { name: `user:${sources.user()}`, source: "user" };
}

/**
 * The sources of a checkout. On the local AWS everybody is root, so it is not asked.
 *
 * @param region whose STS is asked
 */
export function identitySources(root: string, local: boolean, region: string | undefined): IdentitySources {
  return {
    arn: async () => (local ? undefined : callerArn(region)),
    email: async () => {
      const email = (await gitText(root, "config", "user.email"))?.trim();
      return email !== undefined && /^\S{1,254}$/.test(email) ? email : undefined;
    },
    user: () => os.userInfo().username,
  };
}

/** Undefined without credentials, and where AWS does not answer: then there is no proof. */
async function callerArn(region: string | undefined): Promise<string | undefined> {
  const { STSClient, GetCallerIdentityCommand } = load();
  const client = new STSClient({ region: region ?? "us-east-1", maxAttempts: 2 });
  try {
    return (await client.send(new GetCallerIdentityCommand({}))).Arn;
  } catch {
    return undefined;
  } finally {
    client.destroy();
  }
}

import { createRequire } from "node:module";
import type * as sts from "@aws-sdk/client-sts";
import { TributaryError, userError } from "../errors";
import { connectClients, localAwsAs, type LocalAws } from "../local";
import type { Environment } from "../stacks/environments";

/** Credentials of a role for a limited time. */
export interface RoleCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expiration: Date | undefined;
}

/** What is known about the accounts of an environment's stacks: they are the right ones. */
export interface Accounts {
  aws: LocalAws | undefined;
  /** By the role's ARN. */
  roles: Map<string, RoleCredentials>;
}

/** Whose credentials are in use. */
export interface Caller {
  /** 12 digits. */
  account: string;
  arn: string;
}

/** Loaded when it is needed: most environments name neither account nor role. */
const load = () => createRequire(__filename)("@aws-sdk/client-sts") as typeof sts;

/** How long credentials of a role are asked for (s): what every role allows. */
const sessionSeconds = 3_600;
/** Credentials with less time left are asked for anew (ms). */
const renewBefore = 15 * 60_000;

/**
 * Checks for each stack that the credentials in use are of its account, and assumes its role, before anything is touched. Asks
 * nothing where neither `tributary:account` nor `tributary:role` is set.
 *
 * @throws user error `WrongAccount` that names all stacks that would be in another one; TributaryError `RoleNotAssumed`,
 *   `CallerUnknown`
 */
export async function checkAccounts(stacks: Environment[], aws?: LocalAws): Promise<Accounts> {
  const accounts: Accounts = { aws, roles: new Map() };
  const asked = stacks.filter(({ account, role }) => account !== undefined || role !== undefined);
  const callers = new Map<string, Promise<Caller>>();
  const wrong: string[] = [];
  for (const stack of asked) {
    const key = `${stack.role ?? ""} ${aws ? stack.account : ""}`;
    if (!callers.has(key)) callers.set(key, callerOf(accounts, stack));
    const { account, arn } = await callers.get(key)!;
    if (stack.account !== undefined && account !== stack.account)
      wrong.push(`${stack.name}: tributary:account says ${stack.account}, the credentials are of ${account} (${arn})`);
  }
  if (wrong.length === 0) return accounts;
  const message = `nothing was touched, because these stacks would be in a wrong account:\n  ${wrong.join("\n  ")}`;
  throw userError(
    "WrongAccount",
    message,
    "use credentials of that account (AWS_PROFILE, aws sso login), or correct tributary:account",
  );
}

/**
 * Credentials of a stack's role, for clients of this process.
 *
 * @returns undefined where it has no role
 * @throws TributaryError `RoleNotAssumed`
 */
export async function roleCredentials(accounts: Accounts, stack: Environment): Promise<RoleCredentials | undefined> {
  if (stack.role === undefined) return undefined;
  const known = accounts.roles.get(stack.role);
  const fresh = known?.expiration !== undefined && known.expiration.getTime() - Date.now() > renewBefore;
  return fresh ? known : assume(accounts, stack, stack.role);
}

/**
 * Variables with the credentials of a stack's role, for its engine: never in its arguments, its settings or its state.
 *
 * @returns empty where it has no role
 * @throws TributaryError `RoleNotAssumed`
 */
export async function roleVariables(accounts: Accounts, stack: Environment): Promise<Record<string, string>> {
  const credentials = await roleCredentials(accounts, stack);
  if (!credentials) return {};
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  return {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
    // A profile would be asked before these variables.
    AWS_PROFILE: "",
  };
}

async function callerOf(accounts: Accounts, stack: Environment): Promise<Caller> {
  const credentials = stack.role === undefined ? undefined : await assume(accounts, stack, stack.role);
  return withSts(accounts, stack, credentials, async (client, { GetCallerIdentityCommand }) => {
    try {
      const { Account, Arn } = await client.send(new GetCallerIdentityCommand({}));
      return { account: Account ?? "", arn: Arn ?? "" };
    } catch (cause) {
      throw new TributaryError(`AWS does not tell whose credentials are in use: ${said(cause)}`, {
        code: "CallerUnknown",
        source: "cloud",
        next: expired(cause) ?? "check your AWS credentials: aws sts get-caller-identity",
        cause,
      });
    }
  });
}

async function assume(accounts: Accounts, stack: Environment, role: string): Promise<RoleCredentials> {
  return withSts(accounts, stack, undefined, async (client, { AssumeRoleCommand }) => {
    const session = `tributary-${stack.env}`.replace(/[^\w+=,.@-]/g, "-").slice(0, 64);
    try {
      const request = { RoleArn: role, RoleSessionName: session, DurationSeconds: sessionSeconds };
      const { Credentials } = await client.send(new AssumeRoleCommand(request));
      const found: RoleCredentials = {
        accessKeyId: Credentials?.AccessKeyId ?? "",
        secretAccessKey: Credentials?.SecretAccessKey ?? "",
        sessionToken: Credentials?.SessionToken ?? "",
        expiration: Credentials?.Expiration,
      };
      accounts.roles.set(role, found);
      return found;
    } catch (cause) {
      throw new TributaryError(`${stack.name}: the role ${role} cannot be assumed: ${said(cause)}`, {
        code: "RoleNotAssumed",
        source: "cloud",
        next:
          expired(cause) ??
          "check that it exists and that its trust policy names whoever runs this command (aws sts get-caller-identity)",
        cause,
      });
    }
  });
}

async function withSts<T>(
  { aws }: Accounts,
  { account, region }: Environment,
  credentials: RoleCredentials | undefined,
  work: (client: sts.STSClient, module: typeof sts) => Promise<T>,
): Promise<T> {
  const module = load();
  // The owner of a role may be another account than the one that assumes it: on the local AWS its root does.
  const local = aws && localAwsAs(aws, account);
  const { settings, close } = await connectClients(local);
  const connection = new module.STSClient({
    ...settings,
    ...(region === undefined ? {} : { region }),
    ...(credentials ? { credentials } : {}),
    maxAttempts: 5,
  });
  try {
    return await work(connection, module);
  } finally {
    connection.destroy();
    close();
  }
}

const said = (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : String(error));

/** What to do when credentials are too old; undefined when that is not the cause. */
export function expired(error: unknown): string | undefined {
  return /expired|ExpiredToken|token has expired|security token.*invalid/i.test(said(error))
    ? "your credentials have expired: log in again (aws sso login), then run the same command; what is done is kept"
    : undefined;
}

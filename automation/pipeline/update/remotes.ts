import { TributaryError } from "../../errors";
import { git } from "../../git";
import type { DeliverySettings } from "../../settings";
import { definitionOf } from "../model";

/** The remote that a checkout was cloned from. */
const ORIGIN = "origin";

/** Git's login with the build's role, for repositories that the build's source is not (AWS's command line). */
const roleLogin = [
  ...["-c", "credential.helper=", "-c", "credential.helper=!aws codecommit credential-helper $@"],
  ...["-c", "credential.UseHttpPath=true"],
];

/**
 * The branches of a remote.
 *
 * @param remote a URL. @default the one that the checkout was cloned from
 * @throws TributaryError `RemoteUnreachable`
 */
export async function remoteHeads(root: string, remote = ORIGIN): Promise<string[]> {
  const env = { GIT_TERMINAL_PROMPT: "0", GIT_SSH_COMMAND: "ssh -oBatchMode=yes" };
  const login = remote === ORIGIN ? [] : roleLogin;
  const { exitCode, stdout, stderr } = await git(root, [...login, "ls-remote", "--heads", "--", remote], {
    timeout: 60_000,
    env,
  });
  if (exitCode === 0)
    return stdout.split("\n").flatMap((line) => /^[0-9a-f]+\trefs\/heads\/(.+)$/.exec(line)?.[1] ?? []);
  const reason = stderr.trim().split("\n").at(-1) ?? "no answer within a minute";
  throw new TributaryError(`the remote ${remote} of ${root} does not tell its branches: ${reason}`, {
    code: "RemoteUnreachable",
    source: "cloud",
    next: "check the connection of the pipeline's source; the pipelines of branches stay as they are",
  });
}

/**
 * Where the branches of each pipeline are looked for: in its own repository, which need not be the one that the update was cloned from.
 *
 * @returns remote by pipeline, of those that have pipelines for branches
 */
export function remotesOf(settings: DeliverySettings): Record<string, string> {
  const { pipelines, repositories } = settings;
  const watched = Object.entries(pipelines).filter(([, { branches }]) => branches !== undefined);
  const remote = (key: string) => (key === definitionOf(settings) ? ORIGIN : connectionUrl(repositories[key]!));
  return Object.fromEntries(watched.map(([name, { repository }]) => [name, remote(repository)]));
}

/** Git's address of a connection's repository; branches are watched in connections only. */
function connectionUrl({ connection = "", repository }: DeliverySettings["repositories"][string]): string {
  const [, partition, service, region, account, connectionId = ""] = connection.split(":");
  const id = connectionId.split("/").at(-1);
  const suffix = partition === "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com";
  return `https://${service}.${region}.${suffix}/git-http/${account}/${region}/${id}/${repository}.git`;
}

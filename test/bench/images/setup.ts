import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { execa } from "execa";
import { ensureBaseImage } from "../../../automation/baseImage";
import { type Builder, ecrLogins, ensureBuilder, eraseBuilder, RegistryLogins } from "../../../automation/builder";
import { silent } from "../../../automation/events";
import { type LocalAws, localClientSettings, localHttpsAgent } from "../../../automation/local";
import type { Bench } from "./sides";

/** The checkout's own builder, started when it does not run. */
export const builderOf = (root: string, aws: LocalAws): Promise<Builder> =>
  ensureBuilder(
    root,
    { registries: [{ address: `localhost:${aws.port}`, caFile: aws.caFile }], sources: ["buildkitd"] },
    silent,
  );

/** Logins of the local AWS's registry. */
export async function loginsOf(root: string, aws: LocalAws): Promise<RegistryLogins> {
  const client = localClientSettings(aws, await localHttpsAgent(aws));
  const source = ecrLogins({ account: aws.account, region: aws.region, address: `localhost:${aws.port}`, client });
  return RegistryLogins.open(path.join(root, ".tributary", "bench-docker"), [source], silent);
}

/** Who builds, and where to. */
export async function benchOf(root: string, aws: LocalAws, logins: RegistryLogins): Promise<Bench> {
  const builder = await builderOf(root, aws);
  const { stdout } = await execa("npm", ["root", "--global"]);
  return {
    builder,
    env: await builder.environment(logins.folder),
    registry: `localhost:${aws.port}`,
    base: await ensureBaseImage(aws, silent),
    npm: await fs.realpath(path.join(stdout.trim(), "npm")),
    certificates: process.env["NODE_EXTRA_CA_CERTS"] ?? "/etc/ssl/certs/ca-certificates.crt",
  };
}

/** A builder that has never built anything. */
export async function freshBuilder(root: string, aws: LocalAws): Promise<void> {
  await eraseBuilder(root);
  await builderOf(root, aws);
}

/** Which machine the figures belong to. */
export function machine(): string {
  const gibibytes = Math.round(os.totalmem() / 2 ** 30);
  return `${os.cpus().length} x ${os.cpus()[0]?.model ?? "unknown"}, ${gibibytes} GiB, Node ${process.version}`;
}

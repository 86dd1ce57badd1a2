import os from "node:os";
import path from "node:path";
import { readIfThere } from "../local/files";
import type { BuilderFiles } from "./files";
import { authorityFile, certificatesOf, type KnownRegistry } from "./registries";

/**
 * How many steps of builds run at once. Steps that wait or download need no core, so it is several times the cores; each
 * is given half a gigabyte of memory.
 */
export function parallelSteps(cores = os.availableParallelism(), memory = os.totalmem()): number {
  return Math.max(2, Math.min(Math.max(8, cores * 4), Math.floor(memory / 2 ** 29)));
}

/** A string in TOML: what JSON escapes, TOML escapes in the same way. */
const text = (value: string) => JSON.stringify(value);

/**
 * The daemon's configuration: one worker with runc, the host's network for build steps, a Unix socket and nothing else to
 * listen on, and a cache of at most 20 GB that leaves 5 GB of the disk free.
 *
 * @param runc path of the program
 */
export function configurationText(files: BuilderFiles, runc: string, registries: KnownRegistry[]): string {
  const lines = [
    `root = ${text(files.state)}`,
    "[grpc]",
    `  address = [${text(`unix://${files.socket}`)}]`,
    "[otel]",
    `  socketPath = ${text(files.traces)}`,
    "[cdi]",
    "  disabled = true",
    "[history]",
    "  maxAge = 172800",
    "  maxEntries = 100",
    "[worker.containerd]",
    "  enabled = false",
    "[worker.oci]",
    "  enabled = true",
    `  binary = ${text(runc)}`,
    '  networkMode = "host"',
    `  max-parallelism = ${parallelSteps()}`,
    "  gc = true",
    '  reservedSpace = "2GB"',
    '  maxUsedSpace = "20GB"',
    '  minFreeSpace = "5GB"',
    ...registries.flatMap(({ address, http }) => [
      `[registry.${text(address)}]`,
      `  http = ${http}`,
      `  tlsconfigdir = [${text(certificatesOf(files, address))}]`,
    ]),
  ];
  return `${lines.join("\n")}\n`;
}

/**
 * The configuration of a BuildKit in a container: only registries. buildx copies the files that it names into the container,
 * so a changed authority needs a new one, and none may be named that is not there.
 */
export async function containerConfiguration(files: BuilderFiles, registries: KnownRegistry[]): Promise<string> {
  const sections = registries.map(async ({ address, http }) => {
    const authority = path.join(certificatesOf(files, address), authorityFile);
    const there = (await readIfThere(authority)) !== undefined;
    return [`[registry.${text(address)}]`, `  http = ${http}`, ...(there ? [`  ca = [${text(authority)}]`] : [])];
  });
  return `${(await Promise.all(sections)).flat().join("\n")}\n`;
}

/** Names of variables that tell a program how to reach the network, which the daemon needs where a proxy stands between. */
const network = /^(https?_proxy|no_proxy|all_proxy|ssl_cert_file|ssl_cert_dir)$/i;

/** The daemon's whole environment: fixed, but for the person's proxy and certificates. */
export function daemonEnvironment(files: BuilderFiles, inherited: NodeJS.ProcessEnv = process.env) {
  const kept = Object.entries(inherited).filter(([name]) => network.test(name));
  const direct = ["localhost", "127.0.0.1", "::1"];
  const known = (inherited["NO_PROXY"] ?? inherited["no_proxy"] ?? "").split(",").filter(Boolean);
  const exceptions = [...new Set([...known, ...direct])].join(",");
  return {
    ...(Object.fromEntries(kept) as Record<string, string>),
    NO_PROXY: exceptions,
    no_proxy: exceptions,
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: files.home,
    TMPDIR: files.tmp,
    LANG: "C.UTF-8",
  };
}

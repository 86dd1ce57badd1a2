import { LAMBDA, USER } from "./limits";
import type { FunctionDescription } from "./pool";
import type { PreparedImage } from "./images";

/** Files of this machine that a function needs to reach the local AWS. */
export interface SharedFiles {
  /** Certificate of the local AWS's authority. */
  ca: string;
  /** What becomes /tmp; where it lacks, /tmp is memory. */
  tmp?: string;
}

/** Where a function finds the certificate of the local AWS's authority. */
export const CA_PATH = "/etc/tributary/local-ca.pem";

const NO_CAPABILITIES = { bounding: [], effective: [], inheritable: [], permitted: [], ambient: [] };

/** What a container's /proc and /sys do not show, or do not let it change: the same as with Docker. */
const MASKED = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list"];
const READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

interface Mount {
  destination: string;
  type: string;
  source: string;
  options: string[];
}

const own = (destination: string, type: string, options: string[], source = type): Mount => ({
  destination,
  type,
  source,
  options,
});

const shared = (source: string, destination = source): Mount =>
  own(destination, "bind", ["bind", "ro", "nosuid", "nodev", "noexec"], source);

/**
 * The command of a function's container: the image's entry point and command, unless the function's settings name others.
 */
export function commandOf({ settings }: PreparedImage, { overrides }: FunctionDescription): string[] {
  const given = (list?: string[]) => (list && list.length > 0 ? list : undefined);
  return [...(given(overrides?.EntryPoint) ?? settings.Entrypoint), ...(given(overrides?.Command) ?? settings.Cmd)];
}

/** The variables of a container: the image's, then the function's and Lambda's. */
export function variablesOf({ settings }: PreparedImage, environment: Record<string, string>): string[] {
  const image = settings.Env.map((line) => [line.split("=")[0]!, line.slice(line.indexOf("=") + 1)] as const);
  return Object.entries({ ...Object.fromEntries(image), ...environment }).map(([name, value]) => `${name}=${value}`);
}

/**
 * The OCI runtime's configuration of a function's container, version 1.0.2: a read-only root, no capabilities, Lambda's
 * user, its own processes and nobody else's. The network is the machine's, because the local AWS answers on its loopback.
 *
 * @param cgroup where its memory and processes are counted; undefined where this machine cannot limit them
 */
export function containerSpec(
  image: PreparedImage,
  description: FunctionDescription,
  environment: Record<string, string>,
  files: SharedFiles,
  cgroup: string | undefined,
): object {
  const { memory, storage, overrides } = description;
  // What is in a /tmp of memory counts as the function's memory, so that there has to be room for both.
  const limit = (files.tmp ? memory : memory + storage) * 2 ** 20;
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user: USER,
      args: commandOf(image, description),
      env: variablesOf(image, environment),
      cwd: overrides?.WorkingDirectory || image.settings.WorkingDir,
      capabilities: NO_CAPABILITIES,
      rlimits: [{ type: "RLIMIT_NOFILE", hard: LAMBDA.files, soft: LAMBDA.files }],
      noNewPrivileges: true,
    },
    root: { path: image.rootfs, readonly: true },
    hostname: "localhost",
    mounts: mounts(storage, files),
    linux: {
      ...(cgroup ? { cgroupsPath: cgroup, resources: { memory: { limit }, pids: { limit: LAMBDA.processes } } } : {}),
      namespaces: ["pid", "ipc", "uts", "mount"].map((type) => ({ type })),
      maskedPaths: [...MASKED, "/proc/sched_debug", "/proc/scsi", "/sys/firmware"],
      readonlyPaths: READ_ONLY,
    },
  };
}

function mounts(storage: number, { ca, tmp }: SharedFiles): Mount[] {
  return [
    own("/proc", "proc", ["nosuid", "noexec", "nodev"]),
    own("/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
    own("/dev/pts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
    own("/dev/shm", "tmpfs", ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"], "shm"),
    own("/sys", "bind", ["rbind", "ro", "nosuid", "noexec", "nodev"], "/sys"),
    tmp
      ? own("/tmp", "bind", ["bind", "nosuid", "nodev"], tmp)
      : own("/tmp", "tmpfs", [
          "nosuid",
          "nodev",
          "mode=0700",
          `uid=${USER.uid}`,
          `gid=${USER.gid}`,
          `size=${storage}m`,
        ]),
    shared("/etc/hosts"),
    shared("/etc/resolv.conf"),
    shared(ca, CA_PATH),
  ];
}

import { readFile } from "node:fs/promises";
import { TributaryError } from "../errors";
import { runStep, type RunStep } from "../toolchain/go";

/** How the scripts of the recipe say that the machine lacks something: `TRIBUTARY_LACKS <what>: <details>`. */
const LACKS = /^TRIBUTARY_LACKS (\w+): ?(.*)$/m;

/**
 * Runs a command of the base image's recipe in an environment that is the same on every machine, as far as the commands
 * let it matter.
 *
 * @throws TributaryError `BaseImageLacks` where the machine lacks something, else what `runStep` throws
 */
export const runRecipe: RunStep = async (command, context) => {
  const { PATH, HOME, TMPDIR, HTTP_PROXY, HTTPS_PROXY, NO_PROXY, http_proxy, https_proxy, no_proxy } = process.env;
  const proxies = { HTTP_PROXY, HTTPS_PROXY, NO_PROXY, http_proxy, https_proxy, no_proxy };
  const npm = Object.entries(process.env).filter(([name]) =>
    /^(npm_config_|SSL_CERT_|NODE_EXTRA_CA_CERTS)/i.test(name),
  );
  const path = `${PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;
  const fixed = { LC_ALL: "C", TZ: "UTC", SOURCE_DATE_EPOCH: "0", DEBIAN_FRONTEND: "noninteractive" };
  const env = { ...Object.fromEntries(npm), ...proxies, HOME, TMPDIR, PATH: path, ...fixed };
  try {
    await runStep([...alone(), ...command], { ...context, env });
  } catch (error) {
    const [, what, details] = LACKS.exec(error instanceof Error ? error.message : "") ?? [];
    throw what ? lacks(what, details ?? "", error) : error;
  }
};

/**
 * Runs a command in process and mount namespaces of its own, which end with it and with this process: an interrupted build
 * leaves no compiler that goes on, and no mount in what the next one removes. Who is not root cannot, and is told by the
 * first command what the build needs.
 */
function alone(): string[] {
  if (process.getuid?.() !== 0) return [];
  const namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "--mount-proc"];
  return ["setpriv", "--pdeathsig", "KILL", "unshare", ...namespaces, "--"];
}

/** What a build depends on beside its recipe: Debian's release, such as "debian-12.11". */
export async function debianRelease(): Promise<string> {
  const version = await readFile("/etc/debian_version", "utf8").catch(() => "none");
  return `debian-${version.trim().replaceAll(/[^\w.-]/g, "_")}`;
}

function lacks(what: string, details: string, cause: unknown): TributaryError {
  const own = "or name a base image that this machine can reach: `imageBuild.baseImages` in the stack's settings";
  const mends: Record<string, string> = {
    root: `run the command as root (sudo), ${own}`,
    debian: `use a Debian machine or container, ${own}`,
    packages: `apt-get install -y --no-install-recommends ${details}`,
    mirror: `add a mirror to apt's sources and run \`apt-get update\`, ${own}`,
  };
  return new TributaryError(
    `the stand-in base image cannot be built here; lacking: ${what}${details && `: ${details}`}`,
    {
      code: "BaseImageLacks",
      source: "user",
      next: mends[what],
      cause,
    },
  );
}

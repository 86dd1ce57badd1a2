import { createHash } from "node:crypto";
import { mkdir, stat } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { step, type EventSink } from "../events";
import { readIfThere, writeWhole } from "../local/files";
import { builderName, type Builder, type OwnRegistry } from "./types";
import { containerConfiguration } from "./configuration";
import type { BuilderFiles } from "./files";
import { currentContext, engineVariables, runBuildx } from "./instances";
import { dockerFolder } from "./program";
import { authorityFile, certificatesOf, rememberRegistries } from "./registries";
import { messageOf } from "../errors";

/** How long getting BuildKit's image and starting it may take (ms). */
const bootMs = 3 * 60_000;

/** An engine that could not run a builder is not asked again for so long (ms). */
const rememberMs = 15 * 60_000;

/** Whether there is a sign of a Docker engine: a variable, a chosen context, or a socket. Connects to nothing. */
export async function engineLikely(env: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  if (env.DOCKER_HOST || env.DOCKER_CONTEXT || (await currentContext(dockerFolder(env)))) return true;
  const sockets = ["/var/run/docker.sock", path.join(os.homedir(), ".docker", "run", "docker.sock")];
  const found = await Promise.all(sockets.map((file) => stat(file).catch(() => undefined)));
  return found.some((entry) => entry?.isSocket());
}

/**
 * A container with BuildKit in the person's Docker engine, one for each checkout. On the host's network, so that on Linux it
 * reaches registries on loopback.
 *
 * @returns undefined, with a message that says why, where the engine cannot run one: the caller has another way
 */
export async function containerBuilder(
  files: BuilderFiles,
  buildx: string,
  wanted: OwnRegistry[],
  sink: EventSink,
): Promise<Builder | undefined> {
  if (await refusedLately(files)) return undefined;
  await mkdir(files.home, { recursive: true, mode: 0o700 });
  try {
    await boot(files, buildx, wanted, sink);
  } catch (error) {
    const lines = messageOf(error).trim().split("\n");
    await removeInstance(files, buildx);
    await writeWhole(refusal(files), JSON.stringify({ until: Date.now() + rememberMs, engine: engine() }));
    sink({
      type: "message",
      level: "warning",
      text: `the Docker engine cannot run a builder: ${lines.slice(-3).join("; ")}`,
    });
    return undefined;
  }
  return {
    name: builderName,
    source: "docker",
    buildx,
    description: `a BuildKit container in the Docker engine (${nodeName(files)})`,
    environment: (dockerConfig) => engineVariables(builderName, dockerConfig, files.buildx),
  };
}

async function boot(files: BuilderFiles, buildx: string, wanted: OwnRegistry[], sink: EventSink): Promise<void> {
  const registries = await rememberRegistries(files, wanted);
  const text = await containerConfiguration(files, registries);
  const authorities = await Promise.all(
    registries.map(({ address }) => readIfThere(path.join(certificatesOf(files, address), authorityFile))),
  );
  const configuration = path.join(files.home, "container.toml");
  const fingerprint = path.join(files.home, "container.fingerprint");
  const hash = createHash("sha256")
    .update(JSON.stringify([engine(), text, authorities]))
    .digest("hex");
  const env = await engineVariables(builderName, path.join(files.home, "docker"), files.buildx);
  const bootstrap = () => runBuildx(buildx, ["inspect", "--bootstrap", builderName], env, { timeoutMs: bootMs });
  if ((await readIfThere(fingerprint)) === hash) {
    await bootstrap();
    return;
  }
  await step(sink, "Starting the image builder in Docker", async () => {
    await writeWhole(configuration, text);
    // Its cache is kept: it lies in a volume that belongs to the name.
    await runBuildx(buildx, ["rm", "--force", "--keep-state", builderName], env).catch(() => undefined);
    const options = [
      "--driver",
      "docker-container",
      "--driver-opt",
      "network=host",
      "--buildkitd-config",
      configuration,
    ];
    await runBuildx(buildx, ["create", "--name", builderName, "--node", nodeName(files), ...options], env);
    await bootstrap();
    await writeWhole(fingerprint, hash);
  });
}

async function removeInstance(files: BuilderFiles, buildx: string): Promise<void> {
  const env = await engineVariables(builderName, path.join(files.home, "docker"), files.buildx);
  await runBuildx(buildx, ["rm", "--force", builderName], env).catch(() => undefined);
}

/** Ends and removes the checkout's container, where there was one. */
export async function removeContainer(files: BuilderFiles, buildx: string, keepState: boolean): Promise<void> {
  if ((await readIfThere(path.join(files.home, "container.fingerprint"))) === undefined) return;
  if (!keepState) return removeInstance(files, buildx);
  const env = await engineVariables(builderName, path.join(files.home, "docker"), files.buildx);
  await runBuildx(buildx, ["stop", builderName], env).catch(() => undefined);
}

/** Which engine the environment means. */
function engine(): string {
  return `${process.env.DOCKER_HOST ?? ""} ${process.env.DOCKER_CONTEXT ?? ""}`;
}

/** Containers of several checkouts share an engine, so each has a name of its own. */
function nodeName(files: BuilderFiles): string {
  return `${builderName}-${createHash("sha256").update(files.home).digest("hex").slice(0, 8)}`;
}

function refusal(files: BuilderFiles): string {
  return path.join(files.home, "container.refused.json");
}

async function refusedLately(files: BuilderFiles): Promise<boolean> {
  try {
    const known = JSON.parse((await readIfThere(refusal(files))) ?? "") as { until: number; engine: string };
    return known.engine === engine() && known.until > Date.now() && known.until <= Date.now() + rememberMs;
  } catch {
    return false;
  }
}

import { ECRClient, GetAuthorizationTokenCommand } from "@aws-sdk/client-ecr";
import { readFile } from "node:fs/promises";
import * as path from "node:path";
import { rootCertificates } from "node:tls";
import { ensureBaseImage, type BaseLanguage } from "../baseImage";
import { ecrLogins, ensureBuilder, RegistryLogins, type Builder, type LoginSource } from "../builder";
import type { CommandContext } from "../commands/context";
import { TributaryError } from "../errors";
import { defaultParallelism } from "../../components/images/BuildSlots";
import type { LocalAws } from "../local";
import { writeWhole } from "../local/files";
import { DEFAULT_BASE_IMAGE } from "../images";
import { cacheRoot } from "../toolchain";
import { workFolder, type Environment } from "./environments";
import { engineFolder } from "./folders";
import { allOrFirstFailure } from "./together";
import { registryReachable } from "./reachable";

/** Resources that are waiting or ready to be made while all places for images are taken. */
const besideImages = 8;

/** Images that stay on this machine run on it. */
export const hostPlatform = process.arch === "arm64" ? "linux/arm64" : "linux/amd64";

/** Everything that a run needs to build and push images, beside toolchain and local AWS. */
export interface ImageBuild {
  builder: Builder;
  /** To be laid over the engine's environment. */
  env: Record<string, string>;
  /** How many resources the engine has to work on at a time, so that it does not hold the images up. */
  parallel: number;
  /** Keys of `tributary:imageBuild` that this machine decides. */
  settings: Record<string, unknown>;
  /** Forgets the run's logins; to be called whatever came of the run. */
  close(): Promise<void>;
}

/**
 * Makes builder, base image and logins ready for a run that builds images.
 *
 * @throws TributaryError of builder, base image and logins; `RegistryLoginFailed`
 */
export async function prepareImageBuild(
  context: CommandContext,
  environment: Environment,
  aws: LocalAws | undefined,
): Promise<ImageBuild> {
  const { root, sink, signal } = context;
  const registries = aws ? [{ address: registryOf(aws), caFile: aws.caFile }] : [];
  const [builder, settings] = await allOrFirstFailure([
    ensureBuilder(root, { builder: environment.builder, registries, signal }, sink),
    aws ? decidedSettings(context, environment, aws) : Promise.resolve(layerOf(environment)),
  ]);
  const sources = aws ? [] : [await awsLogins(environment)];
  const logins = await RegistryLogins.open(dockerFolder(root, environment), sources, sink);
  try {
    const env = await builder.environment(logins.folder);
    return {
      builder,
      env: aws ? { ...env, ...(await trustOf(root, environment, aws)) } : env,
      settings,
      parallel: (environment.parallelism ?? defaultParallelism()) + besideImages,
      close: () => logins.close(),
    };
  } catch (error) {
    await logins.close();
    throw error;
  }
}

/** Keys of `tributary:imageBuild` that this machine decides in a run that builds into the local AWS. */
export async function decidedSettings(
  context: CommandContext,
  environment: Environment,
  aws: LocalAws,
): Promise<Record<string, unknown>> {
  const baseImages = await standIn(context, environment, aws);
  return {
    registry: registryOf(aws),
    platform: hostPlatform,
    // A key of its own protects nothing here, and the provider waits 10 s for it.
    repository: { encryption: "aes256" },
    ...layerOf(environment),
    ...(baseImages ? { baseImages } : {}),
  };
}

/** A layer image that this run was given goes before that of the settings. */
const layerOf = ({ layer }: Environment) => (layer === undefined ? {} : { layer });

/** `localhost:<port>`: the local AWS is a registry, too. */
export function registryOf(aws: Pick<LocalAws, "port">): string {
  return `localhost:${aws.port}`;
}

/** The run's DOCKER_CONFIG; it has nothing to do with the person's own. */
export function dockerFolder(root: string, environment: Environment): string {
  return path.join(workFolder(root), "tmp", environment.name, "docker");
}

/**
 * Programs in Go look at this one file for authorities and at nothing else then: it holds those that Node knows, those of
 * the person's own file, and the local AWS's.
 */
async function trustOf(root: string, environment: Environment, aws: LocalAws): Promise<Record<string, string>> {
  const file = path.join(engineFolder(root, environment), "authorities.pem");
  const files = [aws.caFile, process.env.SSL_CERT_FILE].filter((name) => name !== undefined && name !== "");
  const texts = await Promise.all(files.map((name) => readFile(name!, "utf8").catch(() => "")));
  await writeWhole(file, [...texts, ...rootCertificates].join("\n"));
  return { SSL_CERT_FILE: file };
}

/**
 * The base images of a local build: stand-ins take the place of AWS's own where those cannot be pulled.
 *
 * @returns undefined where the settings' base images are used as they are
 */
async function standIn(
  { sink, signal }: CommandContext,
  { baseImages }: Environment,
  aws: LocalAws,
): Promise<Record<string, unknown> | undefined> {
  const given = { BASE_IMAGE: DEFAULT_BASE_IMAGE, ...baseImages };
  const replaced = Object.entries(given).flatMap(([key, image]) => {
    const language = awsLanguage(image);
    return language === undefined ? [] : [{ key, language }];
  });
  if (replaced.length === 0 || (await registryReachable("public.ecr.aws", cacheRoot()))) return undefined;
  const found: Record<string, unknown> = { ...baseImages };
  for (const { key, language } of replaced) found[key] = await ensureBaseImage(aws, sink, { language, signal });
  return found;
}

/** The language of AWS's base image for functions that there is a stand-in for. */
export function awsLanguage(image: unknown): BaseLanguage | undefined {
  const [, name] = /^public\.ecr\.aws\/lambda\/(nodejs|python)[:@]/.exec(String(image)) ?? [];
  return name === "nodejs" ? "node" : (name as "python" | undefined);
}

/** Logins of the registry of the account whose credentials are in use, in the environment's region. */
async function awsLogins({ region, name }: Environment): Promise<LoginSource> {
  const client = new ECRClient({ ...(region === undefined ? {} : { region }) });
  try {
    const { authorizationData } = await client.send(new GetAuthorizationTokenCommand({}));
    const host = new URL(authorizationData?.[0]?.proxyEndpoint ?? "").hostname;
    const [, account, of] = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\./.exec(host) ?? [];
    if (account === undefined || of === undefined) throw new TypeError(`${host} is no address of ECR`);
    return ecrLogins({ account, region: of });
  } catch (cause) {
    throw new TributaryError(
      `no login for the registry of ${name}${region === undefined ? "" : ` in ${region}`}: ${(cause as Error).message}`,
      {
        code: "RegistryLoginFailed",
        source: "cloud",
        next: "check your AWS credentials (aws sts get-caller-identity) and that they allow ecr:GetAuthorizationToken",
        cause,
      },
    );
  } finally {
    client.destroy();
  }
}

import { z } from "zod";
import { isImageByDigest } from "../../components/compute/functionPackage";
import { type FunctionName, functionNames } from "../../components/lake/functions";
import { DEFAULT_BASE_IMAGE, type Platform } from "../images/types";
import { days, isRegion, leaf, yesOrNo } from "./values";

/** Where a lake's images come from. */
export type ImagesSource = "build" | { stack: string } | Partial<Record<FunctionName, string>>;

const stackName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** The setting `images`. */
export const imagesSource = z.custom<ImagesSource>().superRefine((value, context) => {
  const problem = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
  if (value === "build") return;
  const forms = 'build, { stack: <stack> }, or an entry for each function: "<repository>@sha256:<64 hex digits>"';
  if (typeof value !== "object" || value === null || Array.isArray(value)) return problem([], forms);
  if ("stack" in value) {
    const { stack, ...others } = value;
    if (typeof stack !== "string" || !stackName.test(stack)) problem(["stack"], "the name of a stack, e.g. images");
    for (const key of Object.keys(others)) problem([key], "nothing beside stack");
    return;
  }
  for (const [name, uri] of Object.entries(value)) {
    if (!functionNames.includes(name as FunctionName)) problem([name], `another key: ${functionNames.join(", ")}`);
    else if (typeof uri !== "string" || !isImageByDigest(uri))
      problem([name], "an image by its digest: <repository>@sha256:<64 hex digits>");
  }
});

/** Build arguments that the build itself gives. */
const reserved = ["LAYER_IMAGE", "RUNTIME_IMAGE", "SOURCE_DATE_EPOCH"];

const reference = /^[a-z0-9][a-z0-9.:_/-]{0,254}(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$/;

const baseImages = z
  .record(
    z.string(),
    leaf<string>(
      (value) => typeof value === "string" && reference.test(value),
      "an image: <repository>:<tag>, or <repository>@sha256:<64 hex digits>",
    ),
    { error: "an object of build arguments and images" },
  )
  .superRefine((given, context) => {
    for (const key of Object.keys(given)) {
      if (/^[A-Z][A-Z0-9_]{0,62}$/.test(key) && !reserved.includes(key)) continue;
      const message = `another key: a build argument in capitals, e.g. PYTHON_IMAGE, not ${reserved.join(", ")}`;
      context.addIssue({ code: "custom", path: [key], message });
    }
  })
  .transform((given): Record<string, string> => ({ BASE_IMAGE: DEFAULT_BASE_IMAGE, ...given }));

const listOf = (accepts: (value: unknown) => boolean, allowed: string) =>
  leaf<string[]>(
    (value) => Array.isArray(value) && value.every(accepts) && new Set(value).size === value.length,
    allowed,
  );

const repositorySchema = z.strictObject({
  /** How many images of each function are kept; what is deployed stays anyway. */
  keep: leaf<number>(
    (value) => Number.isInteger(value) && value >= 1 && value <= 1_000,
    "a whole number from 1 to 1000",
  ).default(100),
  /** How long the builder's cache is kept. */
  keepCache: days(1, 365).default("14 days"),
  /** `customer`: a KMS key of our own (1 USD a month); `aws`: the account's key for ECR; `aes256`: ECR's own. */
  encryption: leaf<"customer" | "aws" | "aes256">(
    (value) => ["customer", "aws", "aes256"].includes(value),
    "customer, aws or aes256",
  ).default("customer"),
  /** How long the deleted key can still be recovered. */
  keyDeletionWindow: days(7, 30).default("30 days"),
  /** Scans every image for known vulnerabilities when it is pushed. */
  scanOnPush: yesOrNo.default(true),
  /** Other accounts whose functions run these images. */
  accounts: listOf(
    (value) => typeof value === "string" && /^\d{12}$/.test(value),
    'different accounts, each 12 digits in quotation marks, e.g. ["123456789012"]',
  ).default([]),
  /** Regions that images are copied to. Replaces the account's replication configuration in this region. */
  replicateTo: listOf(isRegion, 'different AWS regions, e.g. ["eu-central-1"]').default([]),
  /** Deletes the images, too, when the stack is destroyed. */
  forceDelete: yesOrNo.default(false),
});

/** The setting `imageBuild`. */
export const imageBuildSchema = z.strictObject({
  /** Name of the BuildKit builder; without it, the current one of the machine. */
  builder: leaf<string>(
    (value) => typeof value === "string" && /^[A-Za-z][A-Za-z0-9._-]{0,62}$/.test(value),
    "the name of a buildx builder",
  ).optional(),
  /** Images that Dockerfiles may be built from, by build argument. One that is named by a tag is resolved to its digest. */
  baseImages: baseImages.prefault({}),
  /** A layer image that is there already, of a layer with a repository of its own; without it, the checkout's layer is built. */
  layer: leaf<string>(
    (value) => typeof value === "string" && isImageByDigest(value),
    "an image by its digest: <repository>@sha256:<64 hex digits>",
  ).optional(),
  /** Registry that images are pushed to instead of ECR's own address; of a local AWS. */
  registry: leaf<string>(
    (value) => typeof value === "string" && /^[a-z0-9.-]{1,253}:\d{1,5}$/.test(value),
    "<host>:<port>, e.g. localhost:4566",
  ).optional(),
  /** Where the images run. Without it: `linux/arm64`, or this machine's where `registry` says that they stay here. */
  platform: leaf<Platform>(
    (value) => ["linux/arm64", "linux/amd64"].includes(value),
    "linux/arm64 or linux/amd64",
  ).optional(),
  /** Most images that are built at a time; without it, by cores and memory. */
  parallelism: leaf<number>(
    (value) => Number.isInteger(value) && value >= 1 && value <= 64,
    "a whole number from 1 to 64",
  ).optional(),
  /** Keeps what the commands of a Dockerfile did in the registry, for builders that have never built it. */
  cache: yesOrNo.default(true),
  /** Address of the sources, for the label `org.opencontainers.image.source`. */
  source: leaf<string>(
    (value) => typeof value === "string" && /^https:\/\/[^\s"@]{1,200}$/.test(value),
    "an https:// address without a login",
  ).optional(),
  /** The repository in ECR. */
  repository: repositorySchema.prefault({}),
});

/** How images are built, complete. */
export type ImageBuildSettings = z.output<typeof imageBuildSchema>;

/** Where a layer image that is there already is pulled from: for a local AWS its registry stands for all addresses of ECR. */
export function readyLayer(settings: { layer?: string; registry?: string }): { layer?: string } {
  const { layer, registry } = settings;
  if (layer === undefined) return {};
  return { layer: registry === undefined ? layer : layer.replace(/^\d{12}\.dkr\.ecr[^/]*/, registry) };
}

/** The platform that images are built for. */
export function platformOf({ platform, registry }: Pick<ImageBuildSettings, "platform" | "registry">): Platform {
  if (platform !== undefined) return platform;
  return registry !== undefined && process.arch === "x64" ? "linux/amd64" : "linux/arm64";
}

/**
 * What images are made of: finds the functions, checks their Dockerfiles, stages exactly what is copied, and computes the
 * digest that decides whether an image is built. docs/decisions/0008-images.md tells why.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { TributaryError } from "../errors";
import { step, type EventSink } from "../events";
import { type PackagedCode, packageCode } from "../packaging";
import { withBuildLock } from "../packaging/lock";
import { selectFiles } from "./context";
import { checkDockerfile, type CheckedDockerfile } from "./dockerfile";
import { functionsOf, nameProblems } from "./discover";
import { digestOf, SOURCE_DATE_EPOCH, stage } from "./staging";
import {
  type ImageProblem,
  type ImageSource,
  LAYER,
  type OwnImage,
  type Platform,
  type PreparedImage,
  type PreparedImages,
  RUNTIME,
} from "./types";

export { DEFAULT_DOCKERFILE, functionsOf } from "./discover";
export { type Revision, revisionOf } from "./revision";
export { SOURCE_DATE_EPOCH } from "./staging";
export * from "./types";

/** What images are prepared with. */
export interface PrepareOptions {
  platform: Platform;
  /** Images that Dockerfiles may be built from, by build argument, each by its digest; `BASE_IMAGE` at least. */
  baseImages: Readonly<Record<string, string>>;
  /** A layer image that is there already, by its digest: it takes the place of the checkout's own, which is not built then. */
  layer?: string;
  /** Where the sources are: the label `org.opencontainers.image.source`. */
  source?: string;
  /** The label `org.opencontainers.image.version`. */
  version: string;
}

/** Raise when the same content is built in another way. */
const RECIPE = 2;

/**
 * The layer's Dockerfile. Its context holds the files below `opt/`, with times that depend on nothing but their content, so that
 * the builder need not pack them a second time to rewrite times.
 */
const LAYER_DOCKERFILE = "FROM scratch\nCOPY --link . /\n";

/** The base with a layer image that is there already. */
const READY_RUNTIME_DOCKERFILE =
  "ARG BASE_IMAGE\nARG LAYER_IMAGE\nFROM ${LAYER_IMAGE} AS layer\nFROM ${BASE_IMAGE}\nCOPY --link --from=layer / /\n";

/** The base with the layer. The builder copies and packs the same context once for both, and they are built side by side. */
const RUNTIME_DOCKERFILE = "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY --link . /\n";

/** Where the layer's files are in images. */
const LAYER_FOLDER = "opt";

const OWN: readonly OwnImage[] = ["LAYER_IMAGE", "RUNTIME_IMAGE"];

/** A layer image that is there already is one more image to build from. */
const withLayer = ({ layer, ...options }: PrepareOptions): PrepareOptions =>
  layer === undefined ? options : { ...options, layer, baseImages: { ...options.baseImages, LAYER_IMAGE: layer } };

/**
 * Packs the code, checks every Dockerfile, and stages what the layer image and all function images are made of below
 * `.tributary/build/images`. Nothing is built. An unchanged checkout costs some hundred milliseconds at most.
 *
 * @throws user error `InvalidImages` with all problems at once; errors of `packageCode`
 */
export async function prepareImages(root: string, given: PrepareOptions, sink: EventSink): Promise<PreparedImages> {
  const options = withLayer(given);
  const sources = functionsOf(root);
  refuse(nameProblems(sources));
  const code = await packageCode(root, sink, { target: targetOf(options.platform) });
  const checked = await Promise.all(sources.map((source) => check(root, source, code, options)));
  refuse(checked.flatMap(({ problems }) => problems));
  return withBuildLock(path.join(root, ".tributary", "build", "images"), () =>
    step(sink, "stage images", () => stageAll(root, code, checked, options)),
  );
}

/** The packed layer's target for a platform, e.g. `linux-x64`. */
function targetOf(platform: Platform): "linux-arm64" | "linux-x64" {
  return platform === "linux/arm64" ? "linux-arm64" : "linux-x64";
}

/** A source whose Dockerfile was read. */
interface Checked extends CheckedDockerfile {
  source: ImageSource;
  /** Absolute path of its build context. */
  context: string;
}

async function check(
  root: string,
  source: ImageSource,
  code: PackagedCode,
  { baseImages }: PrepareOptions,
): Promise<Checked> {
  const { name, dockerfile: file = "" } = source;
  const context = source.kind === "bundle" ? code.functions[name]! : path.join(root, "functions", name);
  try {
    const text = await readFile(path.join(root, file), "utf8");
    return { source, context, ...checkDockerfile(text, { name, file }, [...Object.keys(baseImages), ...OWN]) };
  } catch (error) {
    const problem = unreadable(name, file, error);
    return { source, context, text: "", copies: [], imageArguments: [], runs: false, problems: [problem] };
  }
}

function unreadable(name: string, file: string, error: unknown): ImageProblem {
  const { code, message } = error as NodeJS.ErrnoException;
  return { name, file, text: `cannot be read (${code ?? message})`, next: "make it a readable file" };
}

async function stageAll(
  root: string,
  code: PackagedCode,
  functions: readonly Checked[],
  options: PrepareOptions,
): Promise<PreparedImages> {
  const layer = options.layer === undefined ? [builtIn(LAYER, LAYER_DOCKERFILE, code.layer)] : [];
  const text = options.layer === undefined ? RUNTIME_DOCKERFILE : READY_RUNTIME_DOCKERFILE;
  const runtime = { ...builtIn(RUNTIME, text, code.layer), copies: [] };
  const problems: ImageProblem[] = [];
  const staged = await Promise.all(
    [...layer, runtime, ...functions].map((checked) => stageOne(root, checked, options, problems)),
  );
  refuse(problems);
  return options.layer === undefined
    ? completeAll(staged as [StagedImage, StagedImage, ...StagedImage[]], options)
    : completeWithout(staged as [StagedImage, ...StagedImage[]], options);
}

/** An image whose Dockerfile is part of this program. */
function builtIn(name: typeof LAYER | typeof RUNTIME, text: string, context: string): Checked {
  const where = { name, file: name };
  return {
    ...checkDockerfile(text, where, ["BASE_IMAGE", ...OWN]),
    source: { name, kind: name, dockerfile: undefined },
    context,
  };
}

function completeAll(
  [first, second, ...others]: [StagedImage, StagedImage, ...StagedImage[]],
  options: PrepareOptions,
): PreparedImages {
  const layer = complete(first, options, {});
  const { filesDigest, files, bytes } = first;
  const runtime = { ...complete({ ...second, filesDigest, files, bytes }, options, {}), context: layer.context };
  const own = { LAYER_IMAGE: layer.contentDigest, RUNTIME_IMAGE: runtime.contentDigest };
  return { layer, runtime, functions: others.map((one) => complete(one, options, own)) };
}

/** Without a layer of one's own. */
function completeWithout([first, ...others]: [StagedImage, ...StagedImage[]], options: PrepareOptions): PreparedImages {
  const runtime = complete(first, options, {});
  const own = { RUNTIME_IMAGE: runtime.contentDigest };
  return { layer: undefined, runtime, functions: others.map((one) => complete(one, options, own)) };
}

type StagedImage = Checked & Awaited<ReturnType<typeof stage>> & { folder: string };

async function stageOne(
  root: string,
  checked: Checked,
  { platform }: PrepareOptions,
  problems: ImageProblem[],
): Promise<StagedImage> {
  const { source, context, text } = checked;
  const file = source.dockerfile ?? LAYER;
  const folder = path.posix.join(".tributary/build/images", platform.replace("/", "-"), source.name);
  try {
    const ignoreFiles = [`${path.join(root, file)}.dockerignore`, path.join(context, ".dockerignore")];
    const { entries, problems: found } = await selectFiles(context, checked.copies, ignoreFiles);
    problems.push(...found.map((problem) => ({ name: source.name, file, ...problem })));
    if (found.length > 0) return { ...checked, folder, filesDigest: "", files: 0, bytes: 0 };
    const below = source.kind === LAYER ? { below: LAYER_FOLDER } : {};
    const target = path.join(root, folder);
    return { ...checked, folder, ...(await stage({ context, entries, dockerfile: text, target, ...below })) };
  } catch (error) {
    problems.push(unreadable(source.name, (error as NodeJS.ErrnoException).path ?? context, error));
    return { ...checked, folder, filesDigest: "", files: 0, bytes: 0 };
  }
}

/** @param own content digests of our own images that it may be built from */
function complete(staged: StagedImage, options: PrepareOptions, own: Partial<Record<OwnImage, string>>): PreparedImage {
  const { source, folder, text, filesDigest, files, bytes, imageArguments, runs } = staged;
  const uses = OWN.filter((name) => imageArguments.includes(name) && options.baseImages[name] === undefined);
  const bases = imageArguments.filter((name) => !uses.includes(name as OwnImage));
  const labels = labelsOf(bases, options);
  const contentDigest = digestOf({
    recipe: RECIPE,
    name: source.name,
    platform: options.platform,
    dockerfile: text,
    files: filesDigest,
    // By digest alone: the same base may be kept in another registry.
    bases: bases.map((name) => [name, digestPart(options.baseImages[name]!)]),
    labels,
    own: uses.map((name) => own[name]),
    epoch: SOURCE_DATE_EPOCH,
  });
  return {
    name: source.name,
    kind: source.kind,
    context: `${folder}/context`,
    dockerfile: `${folder}/Dockerfile`,
    contentDigest,
    buildArgs: {
      ...Object.fromEntries(bases.map((name) => [name, options.baseImages[name]!])),
      SOURCE_DATE_EPOCH: String(SOURCE_DATE_EPOCH),
      // The images come from arguments without defaults, on purpose.
      BUILDKIT_DOCKERFILE_CHECK: "skip=InvalidDefaultArgInFrom",
    },
    labels: { ...labels, "org.opencontainers.image.revision": contentDigest },
    uses,
    platform: options.platform,
    reproducible: !runs,
    rewriteTimes: source.kind !== LAYER && source.kind !== RUNTIME,
    files,
    bytes,
  };
}

function labelsOf(bases: readonly string[], { baseImages, source, version }: PrepareOptions): Record<string, string> {
  const base = bases.find((name) => name !== "LAYER_IMAGE") ?? bases[0];
  return {
    ...(source !== undefined && { "org.opencontainers.image.source": source }),
    "org.opencontainers.image.version": version,
    ...(base !== undefined && { "org.opencontainers.image.base.digest": digestPart(baseImages[base]!) }),
  };
}

const digestPart = (reference: string) => reference.slice(reference.indexOf("@") + 1);

function refuse(problems: readonly ImageProblem[]): void {
  if (problems.length === 0) return;
  const lines = problems.map(({ name, file, line, text, next }) => {
    const where = line === undefined ? file : `${file}:${line}`;
    return `  ${name} (${where}): ${text}\n    ${next}`;
  });
  throw new TributaryError(`${problems.length} problem(s) in what images are made of:\n${lines.join("\n")}`, {
    code: "InvalidImages",
    source: "user",
    next: "correct them, then run the command again: nothing was built",
  });
}

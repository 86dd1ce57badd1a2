import { promises as fs } from "node:fs";
import * as path from "node:path";
import { execa } from "execa";
import PQueue from "p-queue";
import type { Builder } from "../../../automation/builder";
import type { OwnImage } from "../../../automation/images/types";
import type { Reference } from "./reference";

/** Who builds, and where to. */
export interface Bench {
  builder: Builder;
  /** For buildx. */
  env: Record<string, string>;
  /** `localhost:PORT`. */
  registry: string;
  /** The base image by its digest. */
  base: string;
  /** Folder with the npm program that goes into the reference's builds. */
  npm: string;
  /** Certificates to trust while packages are installed. */
  certificates: string;
}

/** Counts the runs: every one has a build id and a commit of its own, as in CI. */
let runs = 0;

/** Fixed, as ours is, so that no side pays for a new timestamp. */
const EPOCH = ["--build-arg", "SOURCE_DATE_EPOCH=0", "--provenance=false"];

/** Builds and pushes one image; answers its digest. */
async function buildx(bench: Bench, repository: string, name: string, context: string, args: string[]) {
  const tags = [`${name}-latest`, `${name}-commit-${runs}`, `${name}-build-${runs}`];
  const metadata = path.join(context, ".metadata.json");
  const names = tags.map((tag) => `${bench.registry}/${repository}:${tag}`).join(",");
  await execa(
    bench.builder.buildx,
    [
      "build",
      ...EPOCH,
      ...["--build-arg", `BASE_IMAGE=${bench.base}`, "--build-context", `npm=${bench.npm}`],
      ...["--secret", `id=ca,src=${bench.certificates}`, "--metadata-file", metadata],
      ...["--output", `type=image,"name=${names}",push=true`, ...args, context],
    ],
    { env: bench.env },
  );
  const { "containerimage.digest": digest } = JSON.parse(await fs.readFile(metadata, "utf8")) as Record<string, string>;
  await fs.rm(metadata);
  return digest as string;
}

/**
 * The reference way: the layer, then every function, each with an installation and compilation of its own, pushed with
 * three tags.
 *
 * @param concurrency 1 for one by one; 20 as its parallel shell loop
 */
export async function buildReference(bench: Bench, reference: Reference, repository: string, concurrency: number) {
  runs++;
  const layer = await buildx(bench, repository, "layer", reference.layer, []);
  const image = `${bench.registry}/${repository}@${layer}`;
  const queue = new PQueue({ concurrency });
  await Promise.all(
    Object.entries(reference.functions).map(([name, context]) =>
      queue.add(() => buildx(bench, repository, name, context, ["--build-arg", `LAYER_IMAGE=${image}`])),
    ),
  );
}

/** A staged image of ours, as `buildx bake` needs it. */
export interface Staged {
  name: string;
  context: string;
  dockerfile: string;
  buildArgs: Readonly<Record<string, string>>;
  /** Build arguments that name other images of the same build. */
  uses: readonly OwnImage[];
}

/** Which image of a build an argument stands for. */
const ownImages = { LAYER_IMAGE: "layer", RUNTIME_IMAGE: "runtime" } as const satisfies Record<OwnImage, string>;

/**
 * `buildx bake` over our own Dockerfiles and contexts, as fast as it can be: no cache is written to the registry and no times are
 * rewritten, so its digests differ from run to run.
 */
export async function buildWithBake(bench: Bench, staged: Staged[], repository: string, file: string) {
  runs++;
  const target = ({ name, context, dockerfile, buildArgs, uses }: Staged) => ({
    context,
    dockerfile: path.relative(context, dockerfile),
    args: {
      ...buildArgs,
      SOURCE_DATE_EPOCH: "0",
      ...Object.fromEntries(uses.map((argument) => [argument, `${ownImages[argument]}-of-this-build`])),
    },
    contexts: Object.fromEntries(
      uses.map((argument) => [`${ownImages[argument]}-of-this-build`, `target:${ownImages[argument]}`]),
    ),
    tags: [`${name}-latest`, `${name}-commit-${runs}`, `${name}-build-${runs}`].map(
      (tag) => `${bench.registry}/${repository}:${tag}`,
    ),
    attest: ["type=provenance,disabled=true"],
    output: ["type=image,push=true,oci-mediatypes=true"],
  });
  const targets = Object.fromEntries(staged.map((one) => [one.name, target(one)]));
  await fs.writeFile(file, JSON.stringify({ group: { default: { targets: Object.keys(targets) } }, target: targets }));
  await execa(bench.builder.buildx, ["bake", "--file", file, "--allow", "fs=/"], { env: bench.env });
}

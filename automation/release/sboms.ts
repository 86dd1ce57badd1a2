import { BatchGetImageCommand } from "@aws-sdk/client-ecr";
import PQueue from "p-queue";
import type { Progress } from "../events";
import type { LocalAws } from "../local";
import { SbomWriter, sbomTag, type Sbom } from "../sbom";
import { allOrFirstFailure } from "../stacks/together";
import { openRepository } from "./distribution";
import type { ImagesOutputs } from "./outputs";
import { parseReference, type ImageReference } from "./reference";
import { connectEcr, lookUp, type RegistryImage } from "./registry";

/** A release whose bills of materials are to be complete. */
export interface SbomRun {
  root: string;
  outputs: ImagesOutputs;
  /** Images that were not brought to what the checkout says. */
  excluded: string[];
  aws: LocalAws | undefined;
  progress: Progress;
}

/** What is known of a release's images afterwards. */
export interface DescribedRelease {
  /** By digest. */
  registry: Map<string, RegistryImage>;
  /** By the image's name; those that were there before are not in it. */
  sboms: Map<string, Pick<Sbom, "sbom" | "attachment">>;
}

/** Bills of materials that are written at a time: most of it is waiting for the registry. */
const CONCURRENCY = 4;

/**
 * Writes and attaches the bills of materials that the registry lacks. Those that it has are not made again, so a run that
 * changed nothing costs two requests.
 */
export async function writeSboms(run: SbomRun): Promise<DescribedRelease> {
  const { outputs, aws } = run;
  const names = Object.keys(outputs.images)
    .sort()
    .filter((name) => !run.excluded.includes(name));
  const first = parseReference(Object.values(outputs.images)[0]!.uri);
  const { client, close } = await connectEcr(first.region ?? outputs.region, aws);
  try {
    const digests = names.map((name) => outputs.images[name]!.digest);
    const tags = names.map((name) => sbomTag(name, outputs.images[name]!.contentDigest));
    const [registry, attached] = await Promise.all([
      lookUp(client, first.repository, digests),
      attachedTags(client, first, tags),
    ]);
    const lacking = names.filter((_, index) => !attached.has(tags[index]!));
    return { registry, sboms: await writeAll(run, first, lacking, registry) };
  } finally {
    close();
  }
}

async function writeAll(
  { root, outputs, aws, progress }: SbomRun,
  reference: ImageReference,
  names: string[],
  registry: Map<string, RegistryImage>,
): Promise<DescribedRelease["sboms"]> {
  const sboms: DescribedRelease["sboms"] = new Map();
  if (names.length === 0) return sboms;
  const repository = await openRepository(reference, outputs.region, aws);
  const writer = new SbomWriter(root, repository);
  try {
    const queue = new PQueue({ concurrency: CONCURRENCY });
    const write = async (name: string) => {
      const { digest, contentDigest } = outputs.images[name]!;
      const image = registry.get(digest);
      if (!image) return;
      const { sbom, attachment } = await writer.write({ name, contentDigest, image });
      sboms.set(name, { sbom, attachment });
      progress(`bill of materials of ${name}`, { done: sboms.size, total: names.length });
    };
    await allOrFirstFailure(names.map((name) => queue.add(() => write(name))));
  } finally {
    repository.agent.destroy();
  }
  return sboms;
}

/** Which of these tags the registry has. */
async function attachedTags(
  client: Awaited<ReturnType<typeof connectEcr>>["client"],
  { repository }: ImageReference,
  tags: string[],
): Promise<Set<string>> {
  const found = new Set<string>();
  for (let start = 0; start < tags.length; start += 100) {
    const imageIds = tags.slice(start, start + 100).map((imageTag) => ({ imageTag }));
    const { images = [] } = await client.send(new BatchGetImageCommand({ repositoryName: repository, imageIds }));
    for (const { imageId } of images) if (imageId?.imageTag !== undefined) found.add(imageId.imageTag);
  }
  return found;
}

import { BatchGetImageCommand } from "@aws-sdk/client-ecr";
import PQueue from "p-queue";
import type { Progress } from "../events";
import type { LocalAws } from "../local";
import { SbomWriter, sbomTag, type Sbom } from "../sbom";
import { sbomDocument } from "../sbom/document";
import { allOrFirstFailure } from "../stacks/together";
import { openRepository, type Repository } from "./distribution";
import type { ImagesOutputs } from "./outputs";
import type { PushedImage } from "./pushed";
import { parseReference, type ImageReference } from "./reference";
import { connectEcr, lookUp, type EcrConnection, type RegistryImage } from "./registry";

/** What is known of a release's images afterwards. */
export interface DescribedRelease {
  /** By digest. */
  registry: Map<string, RegistryImage>;
  /** By the image's name; those that were there before are not in it. */
  sboms: Map<string, WrittenSbom>;
}

/** Where an image's bill of materials is. */
export type WrittenSbom = Pick<Sbom, "sbom" | "attachment">;

/** Bills of materials that are written at a time: most of it is waiting for the registry. */
const CONCURRENCY = 4;

/** The registry of a run, and who writes into it. */
interface Opened extends EcrConnection {
  reference: ImageReference;
  repository: Repository;
  writer: SbomWriter;
}

/**
 * Writes and attaches the bills of materials of a run: each as soon as its image is pushed, while others are still built, and
 * at the end those that the registry lacks then. Those that it has are not made again, so a run that changed nothing costs
 * two requests.
 */
export class SbomRun {
  private readonly queue = new PQueue({ concurrency: CONCURRENCY });
  private readonly sboms: DescribedRelease["sboms"] = new Map();
  private opened: Promise<Opened> | undefined;

  /**
   * @param root the checkout
   * @param region of the registry, where its address does not tell
   * @param ownLayer whether the layer was bundled from the checkout
   */
  constructor(
    private readonly root: string,
    private readonly region: string,
    private readonly aws: LocalAws | undefined,
    private readonly ownLayer = true,
  ) {}

  /** Has ready what the first document needs: the schema takes most of a second to be read. */
  async warmUp(): Promise<void> {
    const digest = `sha256:${"0".repeat(64)}`;
    await sbomDocument({ name: "none", digest, contentDigest: digest, packages: [] });
  }

  /** Begins with an image that was pushed. What fails here is tried again, and told, by {@link finish}. */
  pushed({ name, uri, ...image }: PushedImage): void {
    void this.queue.add(() => this.write(uri, name, image)).catch(() => undefined);
  }

  /**
   * Waits for those that were begun, and writes the others.
   *
   * @param excluded images that were not brought to what the checkout says
   * @throws TributaryError `SbomInvalid`, `RegistryRefused`, `LayerUnreadable`
   */
  async finish({ images }: ImagesOutputs, excluded: string[], progress: Progress): Promise<DescribedRelease> {
    await this.queue.onIdle();
    const names = Object.keys(images)
      .sort()
      .filter((name) => !excluded.includes(name));
    const { client, reference } = await this.open(Object.values(images)[0]!.uri);
    const digests = names.map((name) => images[name]!.digest);
    const tags = names.map((name) => sbomTag(name, images[name]!.contentDigest));
    const [registry, attached] = await Promise.all([
      lookUp(client, reference.repository, digests),
      attachedTags(client, reference, tags),
    ]);
    const lacking = names.filter((name, index) => !this.sboms.has(name) && !attached.has(tags[index]!));
    let done = 0;
    const write = async (name: string) => {
      await this.write(images[name]!.uri, name, images[name]!, registry);
      progress(`bill of materials of ${name}`, { done: ++done, total: lacking.length });
    };
    await allOrFirstFailure(lacking.map((name) => this.queue.add(() => write(name))));
    return { registry, sboms: this.sboms };
  }

  /** Lets go of the registry; to be called whatever came of the run. */
  async close(): Promise<void> {
    this.queue.clear();
    await this.queue.onIdle();
    const opened = await this.opened?.catch(() => undefined);
    opened?.repository.agent.destroy();
    opened?.close();
  }

  private async write(
    uri: string,
    name: string,
    { digest, contentDigest }: Pick<PushedImage, "digest" | "contentDigest">,
    known?: DescribedRelease["registry"],
  ): Promise<void> {
    const { client, reference, writer } = await this.open(uri);
    const image = (known ?? (await lookUp(client, reference.repository, [digest]))).get(digest);
    if (!image) return;
    const { sbom, attachment } = await writer.write({ name, contentDigest, image });
    this.sboms.set(name, { sbom, attachment });
  }

  private open(uri: string): Promise<Opened> {
    this.opened ??= this.connect(parseReference(uri)).catch((error: unknown) => {
      this.opened = undefined;
      throw error;
    });
    return this.opened;
  }

  private async connect(reference: ImageReference): Promise<Opened> {
    const region = reference.region ?? this.region;
    const [connection, repository] = await Promise.all([
      connectEcr(region, this.aws),
      openRepository(reference, region, this.aws),
    ]);
    return { ...connection, reference, repository, writer: new SbomWriter(this.root, repository, this.ownLayer) };
  }
}

/** Which of these tags the registry has. */
async function attachedTags(
  client: EcrConnection["client"],
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

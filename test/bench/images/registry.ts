import {
  BatchGetImageCommand,
  CreateRepositoryCommand,
  DescribeRepositoriesCommand,
  ECRClient,
  ListImagesCommand,
} from "@aws-sdk/client-ecr";
import { type LocalAws, localClientSettings, localHttpsAgent } from "../../../automation/local";

/** A client of the local AWS's registry, as its root user. */
export async function ecrOf(aws: LocalAws): Promise<ECRClient> {
  return new ECRClient(localClientSettings(aws, await localHttpsAgent(aws)));
}

/** Makes a repository whose tags may move, as the reference system's do. */
export async function createRepository(ecr: ECRClient, name: string): Promise<void> {
  await ecr.send(new CreateRepositoryCommand({ repositoryName: name, imageTagMutability: "MUTABLE" }));
}

interface Blob {
  digest: string;
  size: number;
}

/** Counts what arrives in the repositories that begin with a prefix. */
export class PushCounter {
  private readonly known = new Set<string>();

  constructor(
    private readonly ecr: ECRClient,
    private readonly prefix: string,
  ) {}

  /**
   * Images, and bytes of blobs and manifests, that were not there at the last call. Blobs that repositories share count once;
   * bills of materials and caches count as bytes, not as images.
   */
  async arrived(): Promise<{ images: number; bytes: number }> {
    let bytes = 0;
    let images = 0;
    const add = (digest: string, size: number) => {
      if (this.known.has(digest)) return false;
      this.known.add(digest);
      bytes += size;
      return true;
    };
    for (const manifest of await this.manifests()) {
      const {
        config,
        layers = [],
        manifests = [],
        subject,
      } = JSON.parse(manifest.text) as {
        config?: Blob;
        layers?: Blob[];
        manifests?: Blob[];
        subject?: Blob;
      };
      for (const blob of [...(config ? [config] : []), ...layers, ...manifests]) add(blob.digest, blob.size);
      if (add(manifest.digest, manifest.text.length) && !manifest.cache && !subject) images++;
    }
    return { images, bytes };
  }

  private async manifests(): Promise<{ digest: string; text: string; cache: boolean }[]> {
    const { repositories = [] } = await this.ecr.send(new DescribeRepositoriesCommand({}));
    const found = [];
    for (const { repositoryName = "" } of repositories) {
      if (!repositoryName.startsWith(this.prefix)) continue;
      const { imageIds = [] } = await this.ecr.send(new ListImagesCommand({ repositoryName, maxResults: 1000 }));
      const digests = [...new Set(imageIds.map(({ imageDigest }) => imageDigest))];
      for (let start = 0; start < digests.length; start += 100) {
        const ids = digests.slice(start, start + 100).map((imageDigest) => ({ imageDigest }));
        const { images = [] } = await this.ecr.send(new BatchGetImageCommand({ repositoryName, imageIds: ids }));
        for (const { imageId, imageManifest = "{}" } of images) {
          const cache = repositoryName.endsWith("-cache");
          found.push({ digest: imageId?.imageDigest ?? "", text: imageManifest, cache });
        }
      }
    }
    return found;
  }
}

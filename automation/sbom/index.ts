/**
 * Software bills of materials: what is really in an image, from its layers in the registry, and what is bundled into the
 * layer, from esbuild and the lock file. docs/sbom.md tells more.
 */
import { mkdir, readFile } from "node:fs/promises";
import * as path from "node:path";
import { TributaryError } from "../errors";
import { writeWhole } from "../local/files";
import { cacheRoot } from "../toolchain/cache";
import { attach, readBlob, textOf, type Attachment, type Repository } from "../release/distribution";
import type { RegistryImage } from "../release/registry";
import { bundledPackages } from "./bundled";
import { sbomDocument } from "./document";
import { mergeLayers, scanLayer, unique, type LayerPackages } from "./scan";

/** An image whose bill of materials is wanted. */
export interface SbomRequest {
  name: string;
  contentDigest: string;
  /** As the registry describes it, with the length of its manifest. */
  image: RegistryImage;
}

/** A written bill of materials. */
export interface Sbom {
  name: string;
  /** Absolute path of the document. */
  sbom: string;
  attachment: Attachment;
}

const mediaType = "application/vnd.cyclonedx+json";
/** Raise when the same layer would be read otherwise. */
const scanFormat = 1;
/** The file that tells that an image carries the bundled library. */
const bundleMarker = "node_modules/@tributary/layer/package.json";

/** Where an image's bill of materials is written. */
export function sbomFile(root: string, name: string): string {
  return path.join(root, ".tributary", "images", "sbom", `${name}.cdx.json`);
}

/**
 * The tag of an image's bill of materials. It begins otherwise than the image's own tags, `<name>.…`, so that a lifecycle
 * rule that counts images does not count it.
 */
export function sbomTag(name: string, contentDigest: string): string {
  return `${name}_sbom.${contentDigest.replace(/^sha256:/, "").slice(0, 16)}`;
}

/** Makes the bills of materials of a run; layers that several images share are read once. */
export class SbomWriter {
  private readonly layers = new Map<string, Promise<LayerPackages>>();
  private bundled: ReturnType<typeof bundledPackages> | undefined;

  /** @param ownLayer whether the layer was bundled from the checkout; what is in another one its own document tells */
  constructor(
    private readonly root: string,
    private readonly repository: Repository,
    private readonly ownLayer = true,
  ) {}

  /**
   * Writes an image's document below `.tributary/images/sbom` and attaches it to the image in its registry.
   *
   * @throws TributaryError `SbomInvalid`, `RegistryRefused`
   */
  async write({ name, contentDigest, image }: SbomRequest): Promise<Sbom> {
    const base = await this.base(image);
    const scanned = await Promise.all(image.layers.map(({ digest }) => this.layer(digest)));
    const carries = scanned.some(({ files }) => Object.keys(files).some((file) => file.endsWith(bundleMarker)));
    const bundled = carries && this.ownLayer ? await (this.bundled ??= bundledPackages(this.root)) : [];
    const packages = unique([...bundled, ...mergeLayers(scanned)]);
    const text = await sbomDocument({ name, digest: image.digest, contentDigest, base, packages });
    const file = sbomFile(this.root, name);
    await writeWhole(file, text);
    const subject = { digest: image.digest, mediaType: image.mediaType, size: image.manifestSize };
    const tag = sbomTag(name, contentDigest);
    return {
      name,
      sbom: file,
      attachment: await attach(this.repository, { subject, mediaType, content: Buffer.from(text), tag }),
    };
  }

  /** Digest of the image that it was built from, as its label tells; undefined for one that was built from nothing. */
  private async base({ config }: RegistryImage): Promise<string | undefined> {
    if (config === undefined) return undefined;
    const text = await textOf(await readBlob(this.repository, config));
    const { config: { Labels = {} } = {} } = JSON.parse(text) as { config?: { Labels?: Record<string, string> } };
    return Labels["org.opencontainers.image.base.digest"];
  }

  private layer(digest: string): Promise<LayerPackages> {
    const known = this.layers.get(digest) ?? this.read(digest);
    this.layers.set(digest, known);
    return known;
  }

  private async read(digest: string): Promise<LayerPackages> {
    // What a digest names never changes, whichever checkout asks: a base image is read once on a machine.
    const folder = path.join(cacheRoot(), "layers");
    const file = path.join(folder, `${digest.replace(":", "-")}.${scanFormat}.json`);
    const kept = await readFile(file, "utf8").then(
      (text) => JSON.parse(text) as LayerPackages,
      () => undefined,
    );
    if (kept) return kept;
    const scanned = await scanLayer(await readBlob(this.repository, digest)).catch((cause: unknown) => {
      throw new TributaryError(`the layer ${digest} cannot be read: ${(cause as Error).message}`, {
        code: "LayerUnreadable",
        source: "cloud",
        next: "tributary images build",
        cause,
      });
    });
    await mkdir(folder, { recursive: true });
    await writeWhole(file, JSON.stringify(scanned));
    return scanned;
  }
}

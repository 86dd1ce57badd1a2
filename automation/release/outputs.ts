import { TributaryError } from "../errors";
import { isRecord } from "../json";

/** One image as the stack that builds it tells. */
export interface BuiltImage {
  /** Of the pushed manifest: `sha256:…`. */
  digest: string;
  /** What environments deploy: `<repository>@<digest>`. */
  uri: string;
  /** Of everything that decides about the image's content; 64 hexadecimal digits. */
  contentDigest: string;
  tags: string[];
  /** Of the run in which the content last changed; absent when the working tree had changes of its own. */
  commit?: string;
  buildId?: string;
}

/** Outputs of a stack that builds images. */
export interface ImagesOutputs {
  images: Record<string, BuiltImage>;
  /** URI of the repository, without a tag. */
  repository: string;
  region: string;
  account: string;
}

const isBuilt = (value: unknown): value is BuiltImage =>
  isRecord(value) && typeof value.digest === "string" && typeof value.uri === "string";

/**
 * Checks that a stack's outputs are those of a completely built set of images.
 *
 * @param next the command that builds them
 * @throws TributaryError `ImagesNotBuilt`
 */
export function imagesOutputs(outputs: Record<string, unknown>, stack: string, next: string): ImagesOutputs {
  const { images, repository } = outputs;
  if (isRecord(images) && Object.values(images).every(isBuilt) && typeof repository === "string") {
    return outputs as unknown as ImagesOutputs;
  }
  const found = Object.keys(outputs).length === 0 ? "nothing was built yet" : "the last build did not come to its end";
  throw new TributaryError(`there are no images in the stack ${stack}: ${found}`, { code: "ImagesNotBuilt", next });
}

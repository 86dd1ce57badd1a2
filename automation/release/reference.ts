import { TributaryError } from "../errors";

/** An image by its digest, in its parts. */
export interface ImageReference {
  /** `host[:port]` of the registry. */
  registry: string;
  /** Path of the repository below the registry. */
  repository: string;
  /** `sha256:` and 64 hexadecimal digits. */
  digest: string;
  /** Of a repository in ECR; undefined elsewhere. */
  account?: string;
  region?: string;
}

const form = /^([a-z0-9][a-z0-9.-]*(?::\d{1,5})?)\/([a-z0-9][a-z0-9._/-]*)@(sha256:[0-9a-f]{64})$/;
const ecrHost = /^(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)$/;

/**
 * Takes `<registry>/<repository>@sha256:…` apart.
 *
 * @throws TributaryError `ImageReferenceInvalid` for anything else, a tag included: a tag is never deployed
 */
export function parseReference(uri: string): ImageReference {
  const [, registry, repository, digest] = form.exec(uri) ?? [];
  if (registry === undefined || repository === undefined || digest === undefined) {
    throw new TributaryError(
      `"${uri.slice(0, 200)}" does not name an image by its digest; allowed is <registry>/<repository>@sha256:<64 hexadecimal digits>`,
      { code: "ImageReferenceInvalid", source: "cloud", next: "deploy the environment again, with images by digest" },
    );
  }
  const [, account, region] = ecrHost.exec(registry) ?? [];
  return { registry, repository, digest, ...(account === undefined ? {} : { account, region }) };
}

/** The part of a digest that people compare: 12 hexadecimal digits. */
export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, "").slice(0, 12);
}

import { userError } from "../errors";

/** An image by digest in the local AWS's registry. */
export interface ImageReference {
  repository: string;
  /** `sha256:` and 64 hex digits. */
  digest: string;
  /** ECR's own name of the registry, where the URI has one. */
  name?: string;
}

/** Repository names: see the OCI distribution specification. */
const URI =
  /^(?<host>[a-z0-9.-]+(?::\d+)?)\/(?<repository>[a-z0-9]+(?:[._/-][a-z0-9]+)*(?:__?[a-z0-9]+)*)@(?<digest>sha256:[0-9a-f]{64})$/;
const ECR = /^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?$/;

/**
 * Reads a function's image URI. ECR's own host and the local registry's mean the same registry here.
 *
 * @param registry `localhost:<port>` of the local AWS
 * @throws TributaryError `ImageUriInvalid` for a tag, another registry, or anything else
 */
export function parseImageUri(uri: string, registry: string): ImageReference {
  const { host, repository, digest } = URI.exec(uri)?.groups ?? {};
  if (!host || !repository || !digest || uri.length > 1024) {
    throw userError(
      "ImageUriInvalid",
      `"${uri.slice(0, 200)}" is no image by digest; allowed is <registry>/<repository>@sha256:<64 hex digits>`,
      "deploy the digest that `tributary images list` shows",
    );
  }
  if (ECR.test(host)) return { repository, digest, name: host };
  if (host === registry) return { repository, digest };
  throw userError(
    "ImageUriInvalid",
    `the image "${uri.slice(0, 200)}" is in the registry ${host}; here only ECR's own hosts and ${registry} are known`,
    "push it to the local AWS: `tributary images build`",
  );
}

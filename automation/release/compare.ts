import type { RegistryImage } from "./registry";
import type { RunningFunction } from "./running";

/** One side of a comparison. */
export interface ComparedImage {
  digest: string;
  /** ISO 8601; when the registry still has it. */
  pushedAt?: string;
  /** 12 hexadecimal digits; when it was built from a commit. */
  commit?: string;
}

/** What two environments run as one function. */
export interface Comparison {
  name: string;
  /** `missing`: one of them lacks it, or runs an archive. */
  result: "same" | "other" | "missing";
  from?: ComparedImage;
  to?: ComparedImage;
}

/**
 * Compares function by function, by digest: the registry an image is pulled from does not matter.
 *
 * @param known what the registries tell about the images, by digest
 */
export function compareFunctions(
  from: RunningFunction[],
  to: RunningFunction[],
  known: Map<string, RegistryImage> = new Map(),
): Comparison[] {
  const names = [...new Set([...from, ...to].map(({ name }) => name))].sort();
  return names.map((name): Comparison => {
    const [left, right] = [from, to].map((side) => {
      const digest = side.find((each) => each.name === name)?.reference?.digest;
      return digest === undefined ? undefined : describe(name, digest, known.get(digest));
    });
    const result = left && right ? (left.digest === right.digest ? "same" : "other") : "missing";
    return { name, result, ...(left ? { from: left } : {}), ...(right ? { to: right } : {}) };
  });
}

function describe(name: string, digest: string, image: RegistryImage | undefined): ComparedImage {
  const commit = commitOf(name, image?.tags ?? []);
  return {
    digest,
    ...(image?.pushedAt === undefined ? {} : { pushedAt: image.pushedAt }),
    ...(commit === undefined ? {} : { commit }),
  };
}

/** The commit among an image's tags: `<name>.`, 12 hexadecimal digits, and what makes the tag unique. */
export function commitOf(name: string, tags: string[]): string | undefined {
  for (const tag of tags) {
    const found = /^([0-9a-f]{12})-[A-Za-z0-9._-]+$/.exec(tag.startsWith(`${name}.`) ? tag.slice(name.length + 1) : "");
    if (found) return found[1];
  }
  return undefined;
}

import type { PreparedImage, Revision } from "../../automation/images";

/** What decides about an image's tags. */
export type Tagged = Pick<PreparedImage, "name" | "contentDigest" | "reproducible">;

/**
 * An image's tags: by its content, by the commit and by the run in which this content was built first. None is ever given
 * to another image, because the repository refuses that; so what two builds may share stands in none of them alone: the
 * same commit is built again when its base changed, and what runs commands may differ with the same content.
 */
export function tagsOf({ name, contentDigest, reproducible }: Tagged, { commit, buildId }: Revision): string[] {
  const content = contentDigest.slice("sha256:".length, "sha256:".length + 16);
  const unique = reproducible ? content.slice(0, 8) : buildId;
  return [
    ...(reproducible ? [`${name}.${content}`] : []),
    ...(commit === undefined ? [] : [`${name}.${commit.slice(0, 12)}-${unique}`]),
    `${name}.${buildId}`,
  ];
}

import { table } from "../cli/render/table";
import { duration, megabytes } from "../cli/render/text";
import type { Values } from "../cli/specification";
import { listImages, listRunning, type ImageList } from "../release/list";
import { shortDigest } from "../release/reference";
import { findEnvironment } from "../stacks/environments";
import { findImagesStack } from "../stacks/imagesStack";
import type { CommandContext, Outcome } from "./context";

/** `tributary images list` */
export async function run({ root }: CommandContext, values: Values): Promise<Outcome> {
  const list =
    typeof values.env === "string"
      ? await listRunning(root, findEnvironment(root, values.env))
      : await listImages(root, findImagesStack(root, values.push === true));
  return { document: list, text: describe(list, Date.now()) };
}

/** The list as a table. */
export function describe({ images, repository }: ImageList, now: number): string {
  const rows = images.map(({ name, digest, size, layers, shared, pushedAt, tags }) => ({
    image: name,
    digest: shortDigest(digest),
    size: size === undefined ? null : megabytes(size),
    "layers shared": layers === undefined ? null : `${shared ?? 0} of ${layers}`,
    age: pushedAt === undefined ? null : age(now - Date.parse(pushedAt)),
    tags: tags.join(" "),
  }));
  const columns = ["image", "digest", "size", "layers shared", "age", "tags"];
  return `${table(columns, rows)}\n${repository === undefined ? "" : `${repository}\n`}`;
}

/** Milliseconds for people: `12 s`, `3 h`, `5 days`. */
export function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 3600) return duration(seconds);
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

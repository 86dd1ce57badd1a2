import { lstatSync, readdirSync } from "node:fs";
import path from "node:path";
import { type ImageProblem, type ImageSource, LAYER, RUNTIME } from "./types";

/** The Dockerfile of every function that has none of its own. */
export const DEFAULT_DOCKERFILE = "functions/Dockerfile";

const taken: readonly string[] = [LAYER, RUNTIME];

/** Names become parts of tags: at most 128 characters together with a commit or a build id. */
const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Every folder below functions/ that has a handler.ts or a Dockerfile, sorted by name. */
export function functionsOf(root: string): ImageSource[] {
  const folder = path.join(root, "functions");
  // The repository of a layer has none.
  if (!exists(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => sourceOf(root, name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function sourceOf(root: string, name: string): ImageSource[] {
  const own = `functions/${name}/Dockerfile`;
  const [handler, dockerfile] = [`functions/${name}/handler.ts`, own].map((file) => exists(path.join(root, file)));
  if (!handler && !dockerfile) return [];
  return [{ name, kind: handler ? "bundle" : "folder", dockerfile: dockerfile ? own : DEFAULT_DOCKERFILE }];
}

/** Names that cannot become tags, or are taken. */
export function nameProblems(sources: readonly ImageSource[]): ImageProblem[] {
  return sources
    .filter(({ name }) => taken.includes(name) || !NAME.test(name))
    .map(({ name }) => ({
      name,
      file: `functions/${name}`,
      text: `the folder's name becomes part of tags; allowed: 1 to 63 lower-case letters, digits and hyphens, and not ${taken.join(" or ")}`,
      next: `rename functions/${name}`,
    }));
}

// A dangling link counts: reading it fails with its name, where a missing file would go unnoticed.
function exists(file: string): boolean {
  try {
    return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

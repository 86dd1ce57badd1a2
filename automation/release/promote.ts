import { readFile } from "node:fs/promises";
import * as path from "node:path";
import { isMap, parseDocument, type Document } from "yaml";
import { userError } from "../errors";
import { writeWhole } from "../local/files";
import { shortDigest } from "./reference";
import type { RunningFunction } from "./running";

/** What a promotion wrote. */
export interface Promotion {
  changed: PromotedImage[];
  /** Functions whose entry was already right. */
  same: number;
}

/** An entry of the settings file that changed. */
export interface PromotedImage {
  name: string;
  /** What stood there before: an image, or nothing. */
  from?: string;
  /** Undefined for a function that is not there any more. */
  to?: string;
}

const images = ["config", "tributary:images"];

/**
 * Takes the images out of what an environment runs.
 *
 * @throws user error `ArchivesRunning` when a function runs an archive: archives have no digest in a registry
 */
export function digestsOf(running: RunningFunction[], env: string): Record<string, string> {
  const archives = running.filter(({ uri }) => uri === undefined).map(({ name }) => name);
  if (archives.length > 0 || running.length === 0) {
    const found = running.length === 0 ? "it has no functions" : `these run an archive: ${archives.join(", ")}`;
    throw userError(
      "ArchivesRunning",
      `only images are promoted, and ${env} does not run images alone: ${found}`,
      `set tributary:packaging: image in Pulumi.${env}.yaml, then tributary deploy ${env}`,
    );
  }
  return Object.fromEntries(running.map(({ name, uri }) => [name, uri!]));
}

/** What one stack of an environment runs. */
export interface RunningStack {
  /** Region of the stack. */
  region: string;
  running: RunningFunction[];
}

/**
 * The images that all regions of an environment run: what is promoted is one release, not a mixture. Each region pulls from a
 * registry of its own, so digests are compared; the addresses are those of the first region.
 *
 * @param stacks at least one; the first region first
 * @throws user error `RegionsDiffer`, `ArchivesRunning`
 */
export function digestsEverywhere(stacks: RunningStack[], env: string): Record<string, string> {
  const [first, ...others] = stacks.map(({ region, running }) => ({ region, images: digestsOf(running, env) }));
  const differences = others.flatMap(({ region, images: theirs }) =>
    [...new Set([...Object.keys(first!.images), ...Object.keys(theirs)])].sort().flatMap((name) => {
      const [one, other] = [first!.images[name], theirs[name]].map(digestOf);
      return one === other
        ? []
        : [`\n  ${name}: ${one ?? "nothing"} in ${first!.region}, ${other ?? "nothing"} in ${region}`];
    }),
  );
  if (differences.length === 0) return first!.images;
  throw userError(
    "RegionsDiffer",
    `only what runs in all regions of ${env} is promoted, and they run different images:${differences.join("")}`,
    `tributary deploy ${env}, so that all its regions run the same`,
  );
}

const digestOf = (uri: string | undefined) => uri && shortDigest(uri.slice(uri.indexOf("@") + 1));

/**
 * Writes an explicit list of images into a settings file; comments and the order of everything else stay. The file is
 * replaced as a whole, or left as it was.
 *
 * @param digests function -> `<repository>@sha256:…`
 * @throws user error `UnreadableSettings`, `PackagingArchive`
 */
export async function writeDigests(file: string, digests: Record<string, string>): Promise<Promotion> {
  const text = await readFile(file, "utf8");
  const document = parseDocument(text);
  const name = path.basename(file);
  if (document.errors.length > 0) {
    const reason = document.errors[0]!.message.split("\n")[0];
    throw userError("UnreadableSettings", `${file} cannot be read as YAML: ${reason}`, `mend ${name}`);
  }
  if (document.getIn(["config", "tributary:packaging"]) === "archive") {
    const message = `${name} says tributary:packaging: archive, so a list of images would mean nothing; allowed is image`;
    throw userError("PackagingArchive", message, `set tributary:packaging: image in ${name}, then promote again`);
  }
  const promotion = apply(document, digests);
  if (promotion.changed.length > 0) await writeWhole(file, document.toString({ lineWidth: 0 }));
  return promotion;
}

function apply(document: Document, digests: Record<string, string>): Promotion {
  const before = listed(document);
  const changed: PromotedImage[] = [];
  if (!before) document.setIn(images, document.createNode({}));
  const former = before ?? {};
  for (const name of Object.keys(former).filter((each) => !(each in digests))) {
    document.deleteIn([...images, name]);
    changed.push({ name, from: former[name] });
  }
  for (const [name, to] of Object.entries(digests)) {
    if (former[name] === to) continue;
    document.setIn([...images, name], to);
    changed.push({ name, ...(former[name] === undefined ? {} : { from: former[name] }), to });
  }
  const removed = changed.filter(({ to }) => to === undefined).length;
  return { changed, same: Object.keys(digests).length - (changed.length - removed) };
}

/** The list that stands there; undefined where there is none, or another way to choose images (`build`, a stack). */
function listed(document: Document): Record<string, string> | undefined {
  const node = document.getIn(images);
  if (!isMap(node)) return undefined;
  const value = node.toJSON() as Record<string, unknown>;
  return "stack" in value ? undefined : Object.fromEntries(Object.entries(value).map(([key, of]) => [key, String(of)]));
}

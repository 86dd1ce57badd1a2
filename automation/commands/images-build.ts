import pc from "picocolors";
import { table } from "../cli/render/table";
import { duration, megabytes, oneLine } from "../cli/render/text";
import type { Values } from "../cli/specification";
import { LAYER } from "../images";
import { buildImages, type Release, type ReleasedImage } from "../release/build";
import { shortDigest } from "../release/reference";
import { invalidDocument, readBuildDocument } from "../release/document";
import type { Environment } from "../stacks/environments";
import { findImagesStack } from "../stacks/imagesStack";
import type { CommandContext, Outcome } from "./context";

/** `tributary images build [names…]` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const stack = await stackOf(context, values);
  const names = Array.isArray(values.names) ? values.names : [];
  const release = await buildImages(context, stack, names);
  const failed = release.images.filter(({ result }) => result === "failed").map(({ name }) => name);
  const error = {
    code: "ImageBuildFailed",
    message: `${failed.join(", ")} could not be built; what environments deploy stayed as it was`,
    next: "mend what the lines of the build say, then run the command again: what is built is kept",
  };
  return {
    document: release.ok ? release : { ok: false, error, images: release.images, seconds: release.seconds },
    text: describe(release, error),
    exitCode: release.ok ? 0 : 1,
  };
}

/** The stack that is built, with the layer image that a pipeline hands on. */
async function stackOf({ root }: CommandContext, { push, branches, layer: file }: Values): Promise<Environment> {
  const stack = findImagesStack(root, push === true, branches === true);
  if (typeof file !== "string") return stack;
  const layer = (await readBuildDocument(file, (name) => name === LAYER))[LAYER];
  if (layer === undefined)
    throw invalidDocument(file, "it names no layer", "tributary images build layer --json > FILE");
  return { ...stack, layer };
}

function describe(release: Release, error: { message: string; next: string }): string {
  const rows = release.images.map(({ name, result, digest, size, seconds }) => ({
    image: name,
    result,
    digest: digest === undefined ? null : shortDigest(digest),
    size: size === undefined ? null : megabytes(size),
    seconds: seconds === undefined ? null : Math.round(seconds * 10) / 10,
  }));
  const built = release.images.filter(({ result }) => result === "built").length;
  const head = `${table(["image", "result", "digest", "size", "seconds"], rows)}\n`;
  if (release.ok) return `${head}${built} built, ${rows.length - built} unchanged, in ${duration(release.seconds)}\n`;
  const failures = release.images.filter(({ result }) => result === "failed").map(explain);
  return `${head}${failures.join("")}${pc.red("error")} ImageBuildFailed: ${error.message}\n${pc.cyan("next")}: ${error.next}\n`;
}

/** A failed image: the step, its last lines, and where it stands in the Dockerfile. */
function explain({ name, step, lines = [], source, cause }: ReleasedImage): string {
  const parts = [
    `\n${pc.bold(name)}: ${oneLine(cause ?? "no reason was given")}\n`,
    step === undefined ? "" : `  ${oneLine(step)}\n`,
    ...lines.map((line) => `  | ${oneLine(line)}\n`),
    ...(source ?? "").split("\n").flatMap((line) => (line.trim() === "" ? [] : [`  ${oneLine(line)}\n`])),
  ];
  return parts.join("");
}

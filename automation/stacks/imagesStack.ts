import * as fs from "node:fs";
import * as path from "node:path";
import { userError } from "../errors";
import { BRANCH_IMAGES } from "../settings/branchImages";
import { describe, type Environment } from "./environments";

/**
 * The stack that builds images: `images` for the registry of Pulumi.images.yaml, `images.branches` there for code that nobody has reviewed,
 * or `images.local` for the registry of the local AWS, whose settings are put together for each run from Pulumi.images.yaml and
 * Pulumi.local.yaml.
 *
 * @throws TributaryError `UnknownEnvironment`, `UnreadableSettings`
 */
export function findImagesStack(root: string, push: boolean, branches = false): Environment {
  const file = path.join(root, "Pulumi.images.yaml");
  if (!fs.existsSync(file)) {
    const message = `there is no file Pulumi.images.yaml in ${root}; it says where images are pushed to`;
    throw userError("UnknownEnvironment", message, "git checkout Pulumi.images.yaml");
  }
  const images = describe(root, "images", false, file);
  if (push && branches)
    return { ...describe(root, BRANCH_IMAGES, false, file), env: "images", derived: true, ...pick(images) };
  if (push) return images;
  const local = describe(root, "images.local", true, path.join(root, "Pulumi.local.yaml"));
  return { ...local, env: "local", derived: true, ...pick(images), extends: file };
}

function pick({ builds, builder, baseImages, parallelism, layer }: Environment): Partial<Environment> {
  return { builds, builder, baseImages, parallelism, ...(layer === undefined ? {} : { layer }) };
}

import type * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { userError } from "../../automation/errors";
import type { CodeStore } from "./CodeStore";
import { RUNTIME } from "./CommonLayer";

/** An image in a registry, named by its digest: `<registry>/<repository>@sha256:<64 hex digits>`. */
export interface ImagePackage {
  image: pulumi.Input<string>;
}

/** A folder that holds a bundle, with the layers that carry what the bundle imports. */
export interface ArchivePackage {
  /** The folder. */
  archive: string;
  /** Where the package is put for Lambda. */
  store: CodeStore;
  /** ARNs of layer versions. @default none */
  layers?: pulumi.Input<string>[];
  /** Module and exported function. @default "handler.handler" */
  handler?: string;
}

/** What a function runs. */
export type FunctionPackage = ImagePackage | ArchivePackage;

/**
 * The part of a function's arguments that says what it runs; uploads an archive.
 *
 * @param name the function's logical name
 * @param key name of the package in its store
 * @param parent the function's component
 * @throws user error `ImageWithoutDigest` for an image that is named by a tag
 */
export function packageArgs(
  what: FunctionPackage,
  { name, key, parent }: { name: string; key: string; parent: pulumi.Resource },
): Omit<aws.lambda.FunctionArgs, "role"> {
  if ("image" in what) {
    // Checked at once when it is plain, so that nothing is created before the mistake is told.
    const image = typeof what.image === "string" ? byDigest(what.image, name) : what.image;
    return { packageType: "Image", imageUri: pulumi.output(image).apply((uri) => byDigest(uri, name)) };
  }
  return {
    packageType: "Zip",
    runtime: RUNTIME,
    handler: what.handler ?? "handler.handler",
    layers: what.layers ?? [],
    ...what.store.upload(`${name}-code`, { key: `functions/${key}.zip`, directory: what.archive }, parent),
  };
}

/** Whether an image is named by its digest. */
export function isImageByDigest(uri: string): boolean {
  return /^[^\s@]+@sha256:[0-9a-f]{64}$/.test(uri);
}

function byDigest(uri: string, name: string): string {
  if (isImageByDigest(uri)) return uri;
  throw userError(
    "ImageWithoutDigest",
    `${name}: found image ${JSON.stringify(uri)}; allowed: <repository>@sha256:<64 hex digits>`,
    "name the image by its digest: a tag can change under a function that runs",
  );
}

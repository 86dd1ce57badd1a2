import * as pulumi from "@pulumi/pulumi";
import { TributaryError } from "../../automation/errors";
import type { CodeStore } from "../compute/CodeStore";
import type { CommonLayer } from "../compute/CommonLayer";
import type { FunctionPackage } from "../compute/functionPackage";
import type { FunctionName } from "./functions";

/** Packed code: folders with the layer and the functions. */
export interface PackedCode {
  layer: string;
  functions: Readonly<Record<string, string>>;
}

/** Images of functions, by function: `<repository>@sha256:…`. */
export type FunctionUris = Readonly<Partial<Record<string, pulumi.Input<string>>>>;

/** What the functions of a lake run: their archives, or their images. */
export type LakeCode = { code: PackedCode; images?: undefined } | { images: FunctionUris; code?: undefined };

/** Where archives are put for Lambda. */
export interface ArchiveParts {
  store: CodeStore;
  layer: CommonLayer;
}

/**
 * What one function runs.
 *
 * @throws TributaryError `FunctionNotPacked`, `FunctionWithoutImage`
 */
export function packageOf(name: FunctionName, { code, images }: LakeCode, parts?: ArchiveParts): FunctionPackage {
  const image = images?.[name];
  if (image !== undefined) return { image };
  const archive = code?.functions[name];
  if (archive !== undefined && parts) return { archive, store: parts.store, layers: [parts.layer.arn] };
  throw new TributaryError(`function ${name} has ${images ? "no image" : "no packed folder"}`, {
    code: images ? "FunctionWithoutImage" : "FunctionNotPacked",
    next: images
      ? `build it (npx tributary images build), or name it in tributary:images.${name}`
      : `add functions/${name}/handler.ts`,
  });
}

/** The digest that an image was deployed by, so that the function itself can tell. */
export function digestVariable(what: FunctionPackage): Record<string, pulumi.Input<string>> {
  if (!("image" in what)) return {};
  return { IMAGE_DIGEST: pulumi.output(what.image).apply((uri) => uri.slice(uri.indexOf("@") + 1)) };
}

import * as path from "node:path";
import { execa } from "execa";
import type { PreparedImage } from "../images";
import type { ImageBuild } from "../stacks/imageBuild";

/**
 * Lets the builder copy and pack the common layer while the engine still starts: the largest part of a build, and the one that
 * all functions wait for. Nothing is pushed and nothing is recorded; the engine's own builds of layer and runtime find their
 * content in the builder's cache, or join in where it is not done.
 *
 * @throws ExecaError when the builder refuses
 */
export async function warmUpRuntime(
  root: string,
  { builder, env }: Pick<ImageBuild, "builder" | "env">,
  image: PreparedImage,
  signal: AbortSignal,
): Promise<void> {
  const buildArguments = Object.entries(image.buildArgs).flatMap(([name, value]) => [
    "--build-arg",
    `${name}=${value}`,
  ]);
  await execa(
    builder.buildx,
    [
      ...["build", "--builder", builder.name, "--platform", image.platform, "--provenance=false"],
      ...["--file", path.join(root, image.dockerfile), ...buildArguments],
      ...["--output", "type=image,oci-mediatypes=true", path.join(root, image.context)],
    ],
    { env, cancelSignal: signal, stdin: "ignore", stdout: "ignore" },
  );
}

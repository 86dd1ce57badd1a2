import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { CreateRepositoryCommand, ECRClient, RepositoryAlreadyExistsException } from "@aws-sdk/client-ecr";
import { pack } from "tar-stream";
import { ensureBaseBuild } from "../../../automation/baseImage";
import { digestOf, Registry, type Descriptor, type Manifest } from "../../../automation/containers/registry";
import { silent } from "../../../automation/events";
import { localClientSettings, localHttpsAgent, type LocalAws } from "../../../automation/local";

/** What SDK clients of a test need to reach a local AWS as root. */
export async function clientSettings(aws: LocalAws) {
  return localClientSettings(aws, await localHttpsAgent(aws));
}

async function tarOf(files: Record<string, string>): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(files))
    archive.entry({ name, mode: 0o644, mtime: new Date(0) }, content);
  archive.finalize();
  const parts: Buffer[] = [];
  for await (const part of archive as unknown as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}

/**
 * Makes an image of the stand-in base and a few files, without a builder, and pushes it.
 *
 * @returns its URI by digest
 */
export async function pushImage(
  aws: LocalAws,
  repository: string,
  files: Record<string, string>,
  settings: { Cmd: string[] },
  language: "node" | "python" = "node",
): Promise<string> {
  const ecr = new ECRClient(await clientSettings(aws));
  await ecr.send(new CreateRepositoryCommand({ repositoryName: repository })).catch((error: unknown) => {
    if (!(error instanceof RepositoryAlreadyExistsException)) throw error;
  });
  ecr.destroy();
  const { bin } = await ensureBaseBuild(silent);
  const prefix = language === "node" ? "" : "python-";
  const manifest = JSON.parse(await readFile(path.join(bin, `${prefix}manifest.json`), "utf8")) as Manifest;
  const config = JSON.parse(await readFile(path.join(bin, `${prefix}config.json`), "utf8")) as {
    config: object;
    rootfs: { diff_ids: string[] };
  };
  const tar = await tarOf(files);
  const packed = gzipSync(tar);
  config.config = { ...config.config, ...settings };
  config.rootfs.diff_ids.push(`sha256:${createHash("sha256").update(tar).digest("hex")}`);
  const text = Buffer.from(JSON.stringify(config));
  const layer: Descriptor = { ...manifest.layers[0]!, digest: digestOf(packed), size: packed.length };
  const own: Descriptor = { ...manifest.config, digest: digestOf(text), size: text.length };
  const registry = new Registry({ host: `localhost:${aws.port}`, ca: await readFile(aws.caFile, "utf8") });
  try {
    for (const [index, name] of ["layer.tar.gz", "python.tar.gz"].slice(0, manifest.layers.length).entries()) {
      await registry.push(repository, manifest.layers[index]!, () => createReadStream(path.join(bin, name)));
    }
    await registry.push(repository, layer, () => packed);
    await registry.push(repository, own, () => text);
    const image = Buffer.from(JSON.stringify({ ...manifest, config: own, layers: [...manifest.layers, layer] }));
    await registry.pushManifest(repository, image, "application/vnd.oci.image.manifest.v1+json");
    return `localhost:${aws.port}/${repository}@${digestOf(image)}`;
  } finally {
    registry.close();
  }
}

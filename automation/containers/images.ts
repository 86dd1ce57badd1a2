import { execa } from "execa";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { TributaryError } from "../errors";
import { unpackLayer } from "./layer";
import type { ImageReference } from "./reference";
import { invalid, type Manifest, type Registry } from "./registry";

/** What an image says of how it is run. */
export interface ImageSettings {
  Env: string[];
  Entrypoint: string[];
  Cmd: string[];
  WorkingDir: string;
}

/** An image that containers can be started from. */
export interface PreparedImage {
  /** A mounted file system; every container has it read-only. */
  rootfs: string;
  settings: ImageSettings;
}

const texts = z.array(z.string()).nullish();
const configSchema = z.object({
  architecture: z.string(),
  os: z.literal("linux"),
  config: z.object({ Env: texts, Entrypoint: texts, Cmd: texts, WorkingDir: z.string().nullish() }).nullish(),
  rootfs: z.object({ diff_ids: z.array(z.string()) }),
});

/** Layers that no run has used for so long are removed when the next one begins. */
const KEEP_UNUSED_DAYS = 7;

/**
 * Images of a registry, unpacked: each layer once, whatever image it belongs to, and each image mounted once. To be used in
 * a mount namespace of its own, with which the mounts go.
 */
export class Images {
  private readonly prepared = new Map<string, Promise<PreparedImage>>();
  private readonly layers = new Map<string, Promise<void>>();

  /**
   * @param folder where layers are kept from run to run
   * @param scratch of this run alone
   * @param registryOf opens the registry of an image; each one is used once and closed
   */
  constructor(
    private readonly folder: string,
    private readonly scratch: string,
    private readonly registryOf: (reference: ImageReference) => Registry,
  ) {}

  /**
   * Pulls, unpacks and mounts an image; at once when that was done before. A failure is forgotten: the next call tries again.
   *
   * @throws TributaryError `ImageMissing`, `ImageInvalid`, `RegistryFailed`, `MountFailed`
   */
  prepare(reference: ImageReference): Promise<PreparedImage> {
    const key = `${reference.name ?? ""}/${reference.repository}@${reference.digest}`;
    return remembered(this.prepared, key, () => this.pull(reference));
  }

  private async pull(reference: ImageReference): Promise<PreparedImage> {
    const { repository, digest } = reference;
    const registry = this.registryOf(reference);
    try {
      const manifest = await registry.manifest(repository, digest);
      const text = (await registry.blob(repository, manifest.config)).toString("utf8");
      const config = readConfig(`${repository}@${digest}`, text, manifest);
      const names: string[] = [];
      for (const [index, layer] of manifest.layers.entries()) {
        const diffId = config.rootfs.diff_ids[index]!;
        const below = [...names];
        // A layer's folder depends on those below it (see layer.ts), so its name does.
        const name = createHash("sha256")
          .update([...below, diffId].join(" "))
          .digest("hex")
          .slice(0, 24);
        names.push(name);
        await remembered(this.layers, name, async () => {
          const folders = below.map((one) => path.join(this.folder, one)).reverse();
          const source = { image: `${repository}@${digest}`, layer, diffId, below: folders };
          await this.unpack(name, async (folder) =>
            unpackLayer(await registry.stream(repository, layer), folder, source),
          );
        });
      }
      return { rootfs: await this.mount(digest, names), settings: settingsOf(config) };
    } finally {
      registry.close();
    }
  }

  /** Finished layers carry their name; those that were interrupted do not. */
  private async unpack(name: string, fill: (folder: string) => Promise<void>): Promise<void> {
    const target = path.join(this.folder, name);
    const now = new Date();
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    if (await stat(`${target}.used`).catch(() => undefined)) {
      await utimes(`${target}.used`, now, now);
      return;
    }
    const work = await mkdtemp(path.join(this.folder, ".work-"));
    try {
      await mkdir(path.join(work, "files"), { mode: 0o755 });
      await fill(path.join(work, "files"));
      await rm(target, { recursive: true, force: true });
      await rename(path.join(work, "files"), target);
      await mkdir(`${target}.used`, { recursive: true });
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  private async mount(digest: string, names: string[]): Promise<string> {
    const home = path.join(this.scratch, digest.replace("sha256:", "").slice(0, 24));
    const [upper, work, rootfs] = ["upper", "work", "rootfs"].map((name) => path.join(home, name)) as [
      string,
      string,
      string,
    ];
    for (const folder of [upper, work, rootfs]) await mkdir(folder, { recursive: true, mode: 0o755 });
    // Names are relative because a path may hold the characters that separate options.
    const lower = names.length > 0 ? [...names].reverse().join(":") : ".";
    const relative = (target: string) => path.relative(this.folder, target);
    const options = `lowerdir=${lower},upperdir=${relative(upper)},workdir=${relative(work)}`;
    const result = await execa("mount", ["-t", "overlay", "overlay", "-o", options, rootfs], {
      cwd: this.folder,
      reject: false,
    });
    if (!result.failed) return rootfs;
    throw new TributaryError(`the image ${digest} cannot be mounted: ${result.stderr || result.shortMessage}`, {
      code: "MountFailed",
      next: "see whether this machine's kernel has overlayfs: grep overlay /proc/filesystems",
      cause: result,
    });
  }

  /** Removes what interrupted runs left and what was not used for a week. */
  async sweep(now = Date.now()): Promise<void> {
    for (const name of await readdir(this.folder).catch(() => [])) {
      const target = path.join(this.folder, name);
      if (name.startsWith(".work-")) await rm(target, { recursive: true, force: true });
      if (!name.endsWith(".used")) continue;
      const used = (await stat(target)).mtimeMs;
      if (now - used < KEEP_UNUSED_DAYS * 24 * 3600 * 1000) continue;
      await rm(target, { recursive: true, force: true });
      await rm(target.slice(0, -".used".length), { recursive: true, force: true });
    }
  }
}

function readConfig(image: string, text: string, manifest: Manifest): z.infer<typeof configSchema> {
  let config;
  try {
    config = configSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw invalid(image, `its configuration is not what it should be: ${String(cause)}`);
  }
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  if (config.architecture !== architecture) {
    throw invalid(
      image,
      `it is built for ${config.architecture}, this machine is ${architecture} (setting imageBuild.platform)`,
    );
  }
  if (config.rootfs.diff_ids.length !== manifest.layers.length) {
    throw invalid(
      image,
      `it has ${manifest.layers.length} layers, but ${config.rootfs.diff_ids.length} in its configuration`,
    );
  }
  return config;
}

function settingsOf({ config }: z.infer<typeof configSchema>): ImageSettings {
  return {
    Env: config?.Env ?? [],
    Entrypoint: config?.Entrypoint ?? [],
    Cmd: config?.Cmd ?? [],
    WorkingDir: config?.WorkingDir || "/",
  };
}

function remembered<T>(map: Map<string, Promise<T>>, key: string, work: () => Promise<T>): Promise<T> {
  const known = map.get(key);
  if (known) return known;
  const promise = work();
  map.set(key, promise);
  promise.catch(() => map.delete(key));
  return promise;
}

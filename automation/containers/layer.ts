import { execa } from "execa";
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { chmod, lchown, link, lstat, mkdir, open, readdir, rm, symlink } from "node:fs/promises";
import path from "node:path";
import { Transform, type Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract, type Header } from "tar-stream";
import { LAMBDA } from "./limits";
import { invalid, type Descriptor } from "./registry";

/** A layer to be unpacked. */
export interface LayerSource {
  /** For messages: the image that it belongs to. */
  image: string;
  layer: Descriptor;
  /** Digest of the unpacked archive, as the image's configuration has it. */
  diffId: string;
  /** Folders of the layers below it. */
  below: string[];
}

/** The most bytes and entries that a layer may have. */
export interface LayerLimits {
  bytes: number;
  entries: number;
}

const LIMITS: LayerLimits = { bytes: LAMBDA.imageBytes, entries: 1_000_000 };

/** Markers of what a layer removes from those below: see the OCI image specification, "Whiteouts". */
const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

/**
 * Unpacks a layer into an empty folder, as overlayfs wants it: what the layer removes becomes a device 0/0. Whatever the
 * archive holds, nothing outside of the folder is written, and no link is ever followed: an entry whose folder is a link is
 * an error, because layers are made from real paths. Devices and pipes are left out: functions have no use for them.
 *
 * @throws TributaryError `ImageInvalid` when a digest does not fit, a limit is passed or an entry leads out of the folder
 */
export async function unpackLayer(
  content: Readable,
  folder: string,
  source: LayerSource,
  limits = LIMITS,
): Promise<void> {
  const { image, layer, diffId } = source;
  const packed = createHash("sha256");
  const plain = createHash("sha256");
  const unpacker = new Unpacker(folder, source, limits);
  const tar = extract();
  const entries = (async () => {
    for await (const entry of tar) await unpacker.entry(entry.header, entry as unknown as Readable);
  })();
  const chain = [content, hashing(packed), ...decompression(image, layer), hashing(plain, limits.bytes, image)];
  try {
    await Promise.all([pipeline([...chain, tar as unknown as Writable]), entries]);
  } catch (error) {
    tar.destroy();
    await entries.catch(() => undefined);
    throw error instanceof Error && error.name === "TributaryError" ? error : invalid(image, `layer: ${String(error)}`);
  }
  const found = [`sha256:${packed.digest("hex")}`, `sha256:${plain.digest("hex")}`];
  if (found[0] !== layer.digest) throw invalid(image, `its layer ${layer.digest} has the digest ${found[0]}`);
  if (found[1] !== diffId) throw invalid(image, `its layer ${layer.digest} unpacks to ${found[1]}, not ${diffId}`);
  await unpacker.finish();
}

function decompression(image: string, { mediaType, digest }: Descriptor): Transform[] {
  if (mediaType.endsWith("gzip")) return [createGunzip()];
  if (mediaType.endsWith(".tar")) return [];
  throw invalid(image, `its layer ${digest} is of the type ${mediaType}; known are tar and tar+gzip`);
}

/** Passes bytes on, hashes them, and stops where there are too many. */
function hashing(hash: ReturnType<typeof createHash>, limit = Infinity, image = ""): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      hash.update(chunk);
      done(bytes > limit ? invalid(image, `a layer unpacks to more than ${limit} bytes`) : null, chunk);
    },
  });
}

type Kind = "directory" | "file" | "link" | "removed";

class Unpacker {
  private count = 0;
  private readonly opaque: string[][] = [];
  /** Everything in the folder: it was empty, and nobody else writes to it. Keys are paths, "" is the folder. */
  private readonly placed = new Map<string, Kind>([["", "directory"]]);

  constructor(
    private readonly folder: string,
    private readonly source: LayerSource,
    private readonly limits: LayerLimits,
  ) {}

  async entry(header: Header, content: Readable): Promise<void> {
    if (++this.count > this.limits.entries) throw this.unsafe(header.name, `more than ${this.limits.entries} entries`);
    const parts = this.parts(header.name, header.name);
    const name = parts.at(-1);
    if (name === undefined) await this.attributes(this.folder, header);
    else if (name === OPAQUE) this.opaque.push(parts.slice(0, -1));
    else if (name.startsWith(WHITEOUT)) await this.whiteout(parts, header.name);
    else await this.place(parts, header, content);
    content.resume();
  }

  /** What the layers below have in an opaque folder is removed, except for what this layer has there itself. */
  async finish(): Promise<void> {
    for (const parts of this.opaque) {
      await this.parents([...parts, "x"], parts.join("/"));
      for (const below of this.source.below) {
        for (const name of await entriesOf(below, parts)) {
          const target = [...parts, name];
          if (!this.placed.has(target.join("/"))) await device(await this.fresh(target, "removed", name));
        }
      }
    }
  }

  private async whiteout(parts: string[], name: string): Promise<void> {
    const removed = parts.at(-1)!.slice(WHITEOUT.length);
    // Other markers of the same prefix belong to a file system that nobody uses any more.
    if (removed.startsWith(WHITEOUT)) return;
    if (this.parts(removed, name).length !== 1) throw this.unsafe(name, "it removes no file");
    await device(await this.fresh([...parts.slice(0, -1), removed], "removed", name));
  }

  private async place(parts: string[], header: Header, content: Readable): Promise<void> {
    switch (header.type) {
      case "directory":
        return this.directory(parts, header);
      case "symlink": {
        const target = await this.fresh(parts, "link", header.name);
        await symlink(header.linkname ?? "", target);
        return lchown(target, header.uid ?? 0, header.gid ?? 0);
      }
      case "link":
        return this.hardLink(parts, header);
      case "file":
      case "contiguous-file":
        return this.file(parts, header, content);
      default:
        return;
    }
  }

  private async directory(parts: string[], header: Header): Promise<void> {
    const there = this.placed.get(parts.join("/")) === "directory";
    const target = there ? this.at(parts) : await this.fresh(parts, "directory", header.name);
    if (!there) await mkdir(target);
    await this.attributes(target, header);
  }

  private async hardLink(parts: string[], header: Header): Promise<void> {
    const linked = this.parts(header.linkname ?? "", header.name);
    if (linked.join("/") === parts.join("/")) return;
    if (this.placed.get(linked.join("/")) !== "file") {
      throw this.unsafe(
        header.name,
        `it is a link to ${String(header.linkname).slice(0, 200)}, which is no file of the layer`,
      );
    }
    // Making room for the link may take its target away: then there is nothing to link to.
    await link(this.at(linked), await this.fresh(parts, "file", header.name));
  }

  private async file(parts: string[], header: Header, content: Readable): Promise<void> {
    const target = await this.fresh(parts, "file", header.name);
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const file = await open(target, flags, 0o600);
    try {
      for await (const chunk of content as AsyncIterable<Buffer>) await file.write(chunk);
      await file.chown(header.uid ?? 0, header.gid ?? 0);
      await file.chmod(modeOf(header));
    } finally {
      await file.close();
    }
  }

  private async attributes(target: string, header: Header): Promise<void> {
    await lchown(target, header.uid ?? 0, header.gid ?? 0);
    await chmod(target, modeOf(header));
  }

  /** The path of a new entry, with whatever an earlier one put there removed. */
  private async fresh(parts: string[], kind: Kind, name: string): Promise<string> {
    await this.parents(parts, name);
    const key = parts.join("/");
    const target = this.at(parts);
    if (this.placed.has(key)) {
      await rm(target, { recursive: true, force: true });
      for (const other of [...this.placed.keys()]) if (other.startsWith(`${key}/`)) this.placed.delete(other);
    }
    this.placed.set(key, kind);
    return target;
  }

  /** Makes the folders of an entry where they lack. */
  private async parents(parts: string[], name: string): Promise<void> {
    for (let length = 1; length < parts.length; length++) {
      const key = parts.slice(0, length).join("/");
      const kind = this.placed.get(key);
      if (kind === "directory") continue;
      if (kind) throw this.unsafe(name, `its folder ${key.slice(0, 200)} is a ${kind}`);
      await mkdir(path.join(this.folder, key), 0o755);
      this.placed.set(key, "directory");
    }
  }

  private at(parts: string[]): string {
    return path.join(this.folder, ...parts);
  }

  private parts(text: string, name: string): string[] {
    const parts = text.split("/").filter((part) => part !== "" && part !== ".");
    if (parts.some((part) => part === ".." || part.includes("\0") || Buffer.byteLength(part) > 255)) {
      throw this.unsafe(name, "its path leads out of the image or is no path");
    }
    return parts;
  }

  private unsafe(name: string, why: string) {
    return invalid(this.source.image, `the entry ${JSON.stringify(name.slice(0, 200))} of a layer: ${why}`);
  }
}

/** Without the bits that give a program its owner's rights. */
function modeOf({ mode, type }: Header): number {
  return (mode ?? (type === "directory" ? 0o755 : 0o644)) & 0o1777;
}

/** The names in a folder of a layer below, if no link leads there. */
async function entriesOf(layer: string, parts: string[]): Promise<string[]> {
  let folder = layer;
  for (const part of parts) {
    folder = path.join(folder, part);
    if (!(await lstat(folder).catch(() => undefined))?.isDirectory()) return [];
  }
  return readdir(folder);
}

/** overlayfs takes the device 0/0 for "not there". */
async function device(target: string): Promise<void> {
  await execa("mknod", [target, "c", "0", "0"]);
}

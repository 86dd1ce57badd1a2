import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract, type Header } from "tar-stream";
import { readerOf, type FoundPackage } from "./packages";

/** What one layer says about packages: the packages by the file that names them, and what the layer takes away. */
export interface LayerPackages {
  files: Record<string, FoundPackage[]>;
  /** Paths, or folders when they end with `/`, that are not there any more above this layer. */
  removed: string[];
}

/** Largest list of packages that is read, in bytes: dpkg's of a full Debian desktop has 5 MB. */
const largest = 16 * 2 ** 20;

/**
 * Reads a layer's archive, gzip or not, once from front to end, and unpacks nothing.
 *
 * @throws the reader's errors when it is no archive, or ends too early
 */
export async function scanLayer(archive: Readable): Promise<LayerPackages> {
  const found: LayerPackages = { files: {}, removed: [] };
  const { packed, content } = await begin(archive);
  const tar = extract();
  const entries = (async () => {
    for await (const entry of tar) await visit(entry.header, entry as unknown as Readable, found);
  })();
  try {
    const chain = [content, ...(packed ? [createGunzip()] : []), tar as unknown as NodeJS.WritableStream];
    await Promise.all([pipeline(chain), entries]);
  } catch (error) {
    tar.destroy();
    archive.destroy();
    await entries.catch(() => undefined);
    throw error;
  }
  return found;
}

/** Looks at the first bytes, and gives the whole stream back. */
async function begin(archive: Readable): Promise<{ packed: boolean; content: Readable }> {
  const chunks = archive[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  let head = Buffer.alloc(0);
  while (head.length < 2) {
    const next = await chunks.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  // RFC 1952: every gzip file begins so.
  const packed = head[0] === 0x1f && head[1] === 0x8b;
  const rest = { [Symbol.asyncIterator]: () => chunks };
  const whole = async function* () {
    yield head;
    yield* rest;
  };
  return { packed, content: Readable.from(whole(), { objectMode: false }) };
}

async function visit({ name, type, size = 0 }: Header, content: Readable, found: LayerPackages): Promise<void> {
  const path = name.replace(/^(\.?\/)+/, "");
  const whiteout = /^(.*\/)?\.wh\.([^/]+)$/.exec(path);
  if (whiteout) {
    const [, folder = "", removed] = whiteout;
    if (removed === ".wh..opq" || removed === ".opq") found.removed.push(folder);
    else found.removed.push(`${folder}${removed}`, `${folder}${removed}/`);
  }
  const read = readerOf(path);
  if (!read || type !== "file" || size > largest) return void content.resume();
  const chunks: Buffer[] = [];
  for await (const chunk of content) chunks.push(chunk as Buffer);
  found.files[path] = read(Buffer.concat(chunks).toString("utf8"));
}

/** All packages of an image: its layers from the lowest to the highest, each package once. */
export function mergeLayers(layers: LayerPackages[]): FoundPackage[] {
  const files = new Map<string, FoundPackage[]>();
  for (const layer of layers) {
    for (const path of [...files.keys()]) if (layer.removed.some((gone) => covers(gone, path))) files.delete(path);
    for (const [path, packages] of Object.entries(layer.files)) files.set(path, packages);
  }
  return unique([...files.values()].flat());
}

function covers(gone: string, path: string): boolean {
  return gone === "" || path === gone || (gone.endsWith("/") && path.startsWith(gone));
}

/** Packages once each, ordered by ecosystem, name and version. */
export function unique(packages: FoundPackage[]): FoundPackage[] {
  const byKey = new Map<string, FoundPackage>();
  for (const one of packages) {
    const key = `${one.ecosystem}\0${one.name}\0${one.version}`;
    byKey.set(key, { ...byKey.get(key), ...one });
  }
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, one]) => one);
}

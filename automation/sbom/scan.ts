import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Parser, type ReadEntry } from "tar";
import { readerOf, type FoundPackage } from "./packages";

/** What one layer says about packages: the packages by the file that names them, and what the layer takes away. */
export interface LayerPackages {
  files: Record<string, FoundPackage[]>;
  /** Paths, or folders when they end with `/`, that are not there any more above this layer. */
  removed: string[];
}

/** Largest list of packages that is read, in bytes: dpkg's of a full Debian desktop has 5 MB. */
const largest = 16 * 2 ** 20;

/** Reads a layer's archive, compressed or not, once from front to end, and unpacks nothing. */
export async function scanLayer(archive: Readable): Promise<LayerPackages> {
  const found: LayerPackages = { files: {}, removed: [] };
  const parser = new Parser({ strict: true, maxMetaEntrySize: largest });
  parser.on("entry", (entry: ReadEntry) => visit(entry, found));
  await pipeline(archive, parser as unknown as NodeJS.WritableStream);
  return found;
}

function visit(entry: ReadEntry, found: LayerPackages): void {
  const path = entry.path.replace(/^(\.?\/)+/, "");
  const whiteout = /^(.*\/)?\.wh\.([^/]+)$/.exec(path);
  if (whiteout) {
    const [, folder = "", name] = whiteout;
    if (name === ".wh..opq" || name === ".opq") found.removed.push(folder);
    else found.removed.push(`${folder}${name}`, `${folder}${name}/`);
  }
  const read = readerOf(path);
  if (!read || entry.type !== "File" || entry.size > largest) return void entry.resume();
  const chunks: Buffer[] = [];
  entry.on("data", (chunk: Buffer) => chunks.push(chunk));
  entry.on("end", () => (found.files[path] = read(Buffer.concat(chunks).toString("utf8"))));
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

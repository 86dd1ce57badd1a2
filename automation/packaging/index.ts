/**
 * Packs functions and layer the way Lambda unpacks them. The same directories become archives for the local AWS and the
 * content of images. docs/decisions/0005-functions.md tells why it is built this way.
 */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { TributaryError } from "../errors";
import { step, type EventSink, type Progress } from "../events";
import { bundleLayer } from "./bundle";
import { inputsDigest, outputsDigest, type Stamp } from "./fingerprint";
import { withBuildLock } from "./lock";
import { type Target, thisMachine } from "./native";
import { layerId, unitsOf, type Unit } from "./units";

/** Where the packed code lies: absolute directories. */
export interface PackagedCode {
  /** Content of the layer: `nodejs/node_modules/…`. */
  layer: string;
  /** For each function, by its folder's name, the directory that holds `handler.js`. */
  functions: Record<string, string>;
}

/** How code is packed. */
export interface PackageOptions {
  /**
   * Where the layer will run, e.g. `linux-arm64`; its native parts must be installed for it.
   * @default this machine
   */
  target?: Target;
}

/**
 * Packs the code of the checkout `root` into `.tributary/build`. The same sources give the same bytes, on every machine of
 * a platform. A directory is replaced as a whole, and only when its content is to change; an unchanged checkout costs
 * some milliseconds.
 *
 * @throws TributaryError `BundleFailed`, `HandlerImport` or `NativeBindingMissing`
 */
export async function packageCode(
  root: string,
  sink: EventSink,
  { target = thisMachine }: PackageOptions = {},
): Promise<PackagedCode> {
  const build = path.join(root, ".tributary", "build");
  await mkdir(build, { recursive: true });
  const units = unitsOf(root, target);
  const stale = await staleUnits(root, build, units);
  if (stale.length > 0) {
    await step(sink, "pack functions and layer", (progress) =>
      exclusively(build, () => rebuild(root, build, units, progress)),
    );
  }
  await removeStrangers(build, units);
  const functions = units.slice(1);
  return {
    layer: path.join(build, layerId(target)),
    functions: Object.fromEntries(functions.map((unit) => [path.basename(unit.id), path.join(build, unit.id)])),
  };
}

/**
 * Folders of the dependencies whose code is in the layer's bundle, relative to the checkout: as the last packing for `target`
 * wrote them down, or from a bundle of its own where that was made from other sources.
 *
 * @throws TributaryError `BundleFailed`
 */
export async function layerPackages(root: string, { target = thisMachine }: PackageOptions = {}): Promise<string[]> {
  const file = stampFile(path.join(root, ".tributary", "build"), { id: layerId(target) });
  const stamp = parseStamp(await readFile(file, "utf8").catch(() => ""));
  const current = stamp?.packages && (await inputsDigest(root, stamp.sources)) === stamp.inputs;
  return current ? stamp.packages! : (await bundleLayer(root)).packages;
}

const stampFile = (build: string, unit: Pick<Unit, "id">) =>
  path.join(build, "stamps", `${unit.id.replace("/", "-")}.json`);

async function staleUnits(root: string, build: string, units: Unit[]): Promise<Unit[]> {
  const fresh = await Promise.all(units.map((unit) => isFresh(root, build, unit)));
  return units.filter((_, index) => !fresh[index]);
}

async function isFresh(root: string, build: string, unit: Unit): Promise<boolean> {
  const text = await readFile(stampFile(build, unit), "utf8").catch(() => undefined);
  const stamp = text === undefined ? undefined : parseStamp(text);
  if (stamp === undefined || (await inputsDigest(root, stamp.sources)) !== stamp.inputs) return false;
  return (await outputsDigest(path.join(build, unit.id))) === stamp.outputs;
}

function parseStamp(text: string): Stamp | undefined {
  try {
    return JSON.parse(text) as Stamp;
  } catch {
    return undefined;
  }
}

async function rebuild(root: string, build: string, units: Unit[], progress: Progress): Promise<void> {
  const stale = await staleUnits(root, build, units);
  let done = 0;
  const results = await Promise.allSettled(
    stale.map(async (unit) => {
      await rebuildOne(root, build, unit);
      progress(`packed ${unit.id}`, { done: ++done, total: stale.length });
    }),
  );
  const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
  if (failures.length > 0) throw together(failures);
}

/** All failures in one error: each is worth reading. */
function together(failures: unknown[]): unknown {
  const [first] = failures;
  if (failures.length === 1 || !(first instanceof TributaryError)) return first;
  const { code, source, next } = first;
  return new TributaryError(failures.map((one) => (one as Error).message).join("\n"), {
    code,
    source,
    next,
    cause: first,
  });
}

async function rebuildOne(root: string, build: string, unit: Unit): Promise<void> {
  const fresh = await mkdtemp(path.join(build, "new-"));
  try {
    const made = await unit.build(root, fresh);
    const target = path.join(build, unit.id);
    await mkdir(path.dirname(target), { recursive: true });
    if (!(await sameContent(fresh, target))) await replaceDirectory(fresh, target);
    const [inputs, outputs] = [await inputsDigest(root, made.sources), await outputsDigest(target)];
    const stamp: Stamp = { ...made, inputs, outputs };
    await writeAtomically(stampFile(build, unit), JSON.stringify(stamp));
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

async function replaceDirectory(fresh: string, target: string): Promise<void> {
  const old = `${fresh}-old`;
  await rename(target, old).catch(ignoreMissing);
  await rename(fresh, target);
  await rm(old, { recursive: true, force: true });
}

/** Equal content stays where it is, so that nobody who reads it at this moment is disturbed. */
async function sameContent(left: string, right: string): Promise<boolean> {
  const [a, b] = await Promise.all([filesBelow(left), filesBelow(right)]);
  if (JSON.stringify(a) !== JSON.stringify(b)) return false;
  for (const file of a) {
    const [one, other] = await Promise.all([readFile(path.join(left, file)), readFile(path.join(right, file))]);
    if (!one.equals(other)) return false;
  }
  return true;
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true }).catch(() => []);
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
    .sort();
}

/** Functions that were renamed or removed, and what an interrupted build left. */
async function removeStrangers(build: string, units: Unit[]): Promise<void> {
  const known = new Set(units.map((unit) => unit.id));
  const folders = await readdir(path.join(build, "functions")).catch(() => []);
  const strangers = folders.map((folder) => `functions/${folder}`).filter((id) => !known.has(id));
  await Promise.all(strangers.map((id) => rm(path.join(build, id), { recursive: true, force: true })));
}

async function exclusively(build: string, work: () => Promise<void>): Promise<void> {
  await withBuildLock(build, async () => {
    // With the lock in hand, what an interrupted build left is nobody's.
    const left = (await readdir(build)).filter((name) => name.startsWith("new-"));
    await Promise.all(left.map((name) => rm(path.join(build, name), { recursive: true, force: true })));
    await work();
  });
}

async function writeAtomically(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

import { createRequire } from "node:module";
import { copyFile, mkdir, readdir, readFile, realpath } from "node:fs/promises";
import path from "node:path";
import { userError } from "../errors";

/** Where code will run, such as `linux-x64`. */
export type Target = `${string}-${string}`;

/** The target of this machine, where the local AWS runs functions. */
export const thisMachine: Target = `${process.platform}-${process.arch}`;

/** What runs; everything else of a package (types, sources, maps, texts) stays behind. */
const RUNS = /(\.js|\.cjs|\.node|\.so|\.dylib|\.dll|^package\.json|^LICENSE.*)$/;

/**
 * Copies DuckDB's native binding for `target` into `<nodeModules>/@duckdb`.
 *
 * @throws TributaryError `NativeBindingMissing` when the target's binding is not installed
 */
export async function copyNative(root: string, nodeModules: string, target: Target): Promise<void> {
  const bindings = await packageDirectory(root, "@duckdb/node-bindings");
  const there = await installed(root, path.dirname(bindings));
  // Where both C libraries' bindings are installed, the second would only make the layer twice as large.
  const native = [`@duckdb/node-bindings-${target}`, `@duckdb/node-bindings-${target}-musl`]
    .filter((name) => there.includes(name))
    .slice(0, 1);
  if (native.length === 0) throw await missing(bindings, target);
  for (const name of ["@duckdb/node-bindings", ...native, "detect-libc"]) {
    await copyRunning(await packageDirectory(root, name), path.join(nodeModules, name));
  }
}

async function missing(bindings: string, target: Target): Promise<Error> {
  const [os, cpu] = target.split("-");
  const name = `@duckdb/node-bindings-${target}`;
  const manifest = JSON.parse(await readFile(path.join(bindings, "package.json"), "utf8")) as BindingsManifest;
  const version = manifest.optionalDependencies?.[name];
  return userError(
    "NativeBindingMissing",
    `${name} is not installed; the layer needs it to run on ${target}`,
    version === undefined
      ? `DuckDB has no binding for ${target}; choose another platform`
      : `npm install --no-save --force --os=${os} --cpu=${cpu} ${name}@${version}`,
  );
}

interface BindingsManifest {
  optionalDependencies?: Record<string, string>;
}

async function installed(root: string, scope: string): Promise<string[]> {
  const folders = new Set([
    ...(await readdir(scope)),
    ...(await readdir(path.join(root, "node_modules", "@duckdb")).catch(() => [])),
  ]);
  return [...folders].sort().map((folder) => `@duckdb/${folder}`);
}

async function packageDirectory(root: string, name: string): Promise<string> {
  const manifest = createRequire(path.join(root, "package.json")).resolve(`${name}/package.json`);
  return realpath(path.dirname(manifest));
}

async function copyRunning(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (entry.isDirectory() && entry.name !== "node_modules")
      await copyRunning(path.join(from, entry.name), path.join(to, entry.name));
    else if (entry.isFile() && RUNS.test(entry.name))
      await copyFile(path.join(from, entry.name), path.join(to, entry.name));
  }
}

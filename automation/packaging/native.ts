import { createRequire } from "node:module";
import { copyFile, mkdir, readdir, realpath } from "node:fs/promises";
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
  const native = (await installed(root, path.dirname(bindings))).filter((name) => isFor(name, target));
  if (native.length === 0) {
    const [os, cpu] = target.split("-");
    const next = `npm install --no-save --os=${os} --cpu=${cpu} @duckdb/node-bindings-${target}@<the version in package-lock.json>`;
    throw userError(
      "NativeBindingMissing",
      `@duckdb/node-bindings-${target} is not installed; the layer needs it to run on ${target}`,
      next,
    );
  }
  for (const name of ["@duckdb/node-bindings", ...native, "detect-libc"]) {
    await copyRunning(await packageDirectory(root, name), path.join(nodeModules, name));
  }
}

async function installed(root: string, scope: string): Promise<string[]> {
  const folders = new Set([
    ...(await readdir(scope)),
    ...(await readdir(path.join(root, "node_modules", "@duckdb")).catch(() => [])),
  ]);
  return [...folders].sort().map((folder) => `@duckdb/${folder}`);
}

function isFor(name: string, target: Target): boolean {
  return name === `@duckdb/node-bindings-${target}` || name === `@duckdb/node-bindings-${target}-musl`;
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

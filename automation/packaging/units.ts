import { existsSync, readdirSync, statSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Stamp } from "./fingerprint";
import { bundleHandler, bundleLayer, LAYER_PACKAGE } from "./bundle";
import { copyNative, type Target, thisMachine } from "./native";

/** Something that becomes one directory: the layer, or one function. */
export interface Unit {
  /** `layer`, `layer-<target>` or `functions/<name>`: its directory below the build directory. */
  id: string;
  /** Where its sources begin, relative to the checkout. */
  entry: string;
  /** Writes the directory's content; answers what it was made from. */
  build: (root: string, directory: string) => Promise<Pick<Stamp, "sources" | "packages">>;
}

/** Directory of the layer for a target, below the build directory; another one than this machine's lies beside it. */
export function layerId(target: Target): string {
  return target === thisMachine ? "layer" : `layer-${target}`;
}

/** The layer and all functions of a checkout, in a fixed order. */
export function unitsOf(root: string, target: Target = thisMachine): Unit[] {
  const folder = path.join(root, "functions");
  // The repository of a layer has none.
  const names = (existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : [])
    .filter(
      (entry) =>
        entry.isDirectory() && statSync(path.join(folder, entry.name, "handler.ts"), { throwIfNoEntry: false }),
    )
    .map((entry) => entry.name)
    .sort();
  const layer: Unit = {
    id: layerId(target),
    entry: "layer/index.ts",
    build: (checkout, directory) => buildLayer(checkout, directory, target),
  };
  return [layer, ...names.map(functionUnit)];
}

function functionUnit(name: string): Unit {
  const entry = `functions/${name}/handler.ts`;
  return {
    id: `functions/${name}`,
    entry,
    build: async (root, directory) => {
      const { contents, sources } = await bundleHandler(root, entry);
      await writeFile(path.join(directory, "handler.js"), contents);
      return { sources };
    },
  };
}

async function buildLayer(root: string, directory: string, target: Target): ReturnType<Unit["build"]> {
  const { contents, sources, packages } = await bundleLayer(root);
  const nodeModules = path.join(directory, "nodejs", "node_modules");
  const own = path.join(nodeModules, LAYER_PACKAGE);
  await mkdir(own, { recursive: true });
  await writeFile(path.join(own, "index.js"), contents);
  await writeFile(
    path.join(own, "package.json"),
    `${JSON.stringify({ name: LAYER_PACKAGE, private: true, main: "index.js" })}\n`,
  );
  await copyNative(root, nodeModules, target);
  return { sources, packages };
}

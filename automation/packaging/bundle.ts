import path from "node:path";
import type { BuildOptions, Metafile } from "esbuild";
import { TributaryError } from "../errors";

/** The library every function imports; the layer carries it. */
export const LAYER_PACKAGE = "@tributary/layer";

/** What stays outside of the layer's bundle, because it is native code. */
const NATIVE = ["@duckdb/node-bindings"];

/** One bundled file, and the files of the checkout that went into it (relative, sorted, without node_modules). */
export interface Bundle {
  contents: Uint8Array;
  sources: string[];
}

/** The layer's bundle, and the folders of the dependencies whose code is in it (relative to the checkout, sorted). */
export interface LayerBundle extends Bundle {
  packages: string[];
}

/**
 * The bundle of one handler: its own files only. Everything else has to come from the layer, so that no handler carries a
 * second copy of the SDK.
 *
 * @param handler relative to `root`
 * @throws TributaryError `HandlerImport` when it imports a package other than the layer; `BundleFailed`
 */
export async function bundleHandler(root: string, handler: string): Promise<Bundle> {
  const { contents, metafile } = await bundle(root, { entryPoints: [handler], packages: "external" });
  const packages = externals(metafile).filter((name) => name !== LAYER_PACKAGE && !isBuiltin(name));
  if (packages.length > 0) {
    throw new TributaryError(
      `${handler} imports ${packages.join(", ")}; a handler may import ${LAYER_PACKAGE}, node: modules and its own files`,
      {
        code: "HandlerImport",
        source: "user",
        next: "let the layer (layer/index.ts) export what the handler needs",
      },
    );
  }
  return { contents, sources: ownSources(metafile) };
}

/**
 * The layer's library with everything it needs, in one file; only native code stays outside.
 *
 * @throws TributaryError `BundleFailed`
 */
export async function bundleLayer(root: string): Promise<LayerBundle> {
  const { contents, metafile } = await bundle(root, { entryPoints: ["layer/index.ts"], external: NATIVE });
  return { contents, sources: ownSources(metafile), packages: packagesIn(metafile) };
}

/** Options that decide about the bytes; part of every fingerprint. */
export const BUNDLE_OPTIONS: BuildOptions = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
  // A require finds the layer through NODE_PATH, an import() does not.
  supported: { "dynamic-import": false },
  define: { "process.env.NODE_ENV": '"production"' },
  charset: "utf8",
  // Paths of modules become names in the bundle: they must not depend on where a link leads.
  preserveSymlinks: true,
};

async function bundle(root: string, options: BuildOptions): Promise<{ contents: Uint8Array; metafile: Metafile }> {
  const esbuild = await import("esbuild");
  try {
    const result = await esbuild.build({
      ...BUNDLE_OPTIONS,
      ...options,
      absWorkingDir: root,
      outdir: path.join(root, ".tributary", "build"),
      tsconfigRaw: { compilerOptions: { target: "es2022" } },
      write: false,
      metafile: true,
      logLevel: "silent",
    });
    return { contents: result.outputFiles?.[0]?.contents ?? new Uint8Array(), metafile: result.metafile as Metafile };
  } catch (error) {
    const next = "mend what it names, then run the command again";
    throw new TributaryError(`bundling failed: ${(error as Error).message}`, {
      code: "BundleFailed",
      source: "user",
      next,
      cause: error,
    });
  }
}

function externals(metafile: Metafile): string[] {
  const outputs = Object.values(metafile.outputs).flatMap((output) => output.imports);
  return [...new Set(outputs.filter((imported) => imported.external).map((imported) => imported.path))].sort();
}

function isBuiltin(name: string): boolean {
  return name.startsWith("node:");
}

function ownSources(metafile: Metafile): string[] {
  return Object.keys(metafile.inputs)
    .filter((file) => !file.includes("node_modules/"))
    .sort();
}

/** Folders of the packages that contributed bytes to a bundle, e.g. `node_modules/a/node_modules/@b/c`; sorted. */
export function packagesIn({ outputs }: Pick<Metafile, "outputs">): string[] {
  const inputs = Object.values(outputs).flatMap((output) => Object.entries(output.inputs));
  const folders = inputs.flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? (packageFolder(file) ?? []) : []));
  return [...new Set(folders)].sort();
}

function packageFolder(file: string): string | undefined {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1];
}

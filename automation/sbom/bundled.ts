import { readFile } from "node:fs/promises";
import * as path from "node:path";
import type { Metafile } from "esbuild";
import { bundleLayer } from "../packaging/bundle";
import { unique } from "./scan";
import type { FoundPackage } from "./packages";

/** An entry of package-lock.json. */
interface Locked {
  version?: string;
  license?: string;
  integrity?: string;
}

/**
 * The packages whose code is in the layer's bundle, where no file names them any more: from esbuild's account of which
 * files contributed bytes, with versions, licences and hashes from the lock file.
 *
 * @param root the checkout
 */
export async function bundledPackages(root: string): Promise<FoundPackage[]> {
  const [{ metafile }, lock] = await Promise.all([
    bundleLayer(root),
    readFile(path.join(root, "package-lock.json"), "utf8"),
  ]);
  return packagesOf(metafile, (JSON.parse(lock) as { packages: Record<string, Locked> }).packages);
}

/** Packages that contributed bytes to a bundle, as the lock file knows them. */
export function packagesOf(metafile: Pick<Metafile, "outputs">, locked: Record<string, Locked>): FoundPackage[] {
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const folders = inputs.flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? (folderOf(file) ?? []) : []));
  return unique(
    [...new Set(folders)].flatMap((folder): FoundPackage[] => {
      const { version, license, integrity } = locked[folder] ?? {};
      if (version === undefined) return [];
      const sha512 = sha512Of(integrity);
      const name = folder.split("node_modules/").pop()!;
      return [{ ecosystem: "npm", name, version, ...(license ? { license } : {}), ...(sha512 ? { sha512 } : {}) }];
    }),
  );
}

/** `node_modules/a/node_modules/@b/c` of a file in it. */
function folderOf(file: string): string | undefined {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1];
}

function sha512Of(integrity: string | undefined): string | undefined {
  const encoded = /^sha512-([A-Za-z0-9+/=]+)$/.exec(integrity ?? "")?.[1];
  return encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString("hex");
}

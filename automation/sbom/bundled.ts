import { readFile } from "node:fs/promises";
import * as path from "node:path";
import { layerPackages } from "../packaging";
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
  const [folders, lock] = await Promise.all([
    layerPackages(root),
    readFile(path.join(root, "package-lock.json"), "utf8"),
  ]);
  return packagesOf(folders, (JSON.parse(lock) as { packages: Record<string, Locked> }).packages);
}

/** Packages by their folders, as the lock file knows them. */
export function packagesOf(folders: string[], locked: Record<string, Locked>): FoundPackage[] {
  return unique(
    folders.flatMap((folder): FoundPackage[] => {
      const { version, license, integrity } = locked[folder] ?? {};
      if (version === undefined) return [];
      const sha512 = sha512Of(integrity);
      const name = folder.split("node_modules/").pop()!;
      return [{ ecosystem: "npm", name, version, ...(license ? { license } : {}), ...(sha512 ? { sha512 } : {}) }];
    }),
  );
}

function sha512Of(integrity: string | undefined): string | undefined {
  const encoded = /^sha512-([A-Za-z0-9+/=]+)$/.exec(integrity ?? "")?.[1];
  return encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString("hex");
}

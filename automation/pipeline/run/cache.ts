import { mkdir, readdir, rename, rm } from "node:fs/promises";
import * as path from "node:path";

/**
 * Folders that builds leave for later builds, as CodeBuild's local cache does. A build takes a folder out of the cache and puts
 * it back at its end, so that two builds at once never share one, and no byte is copied.
 */
export class BuildCache {
  /**
   * @param folder of all caches of a checkout
   * @param seed fills a source folder's `node_modules` when there is none in the cache; whether it did
   */
  constructor(
    private readonly folder: string,
    private readonly seed: (source: string) => Promise<boolean> = () => Promise.resolve(false),
  ) {}

  /**
   * Moves what is cached into a source folder; what the source itself holds is left as it is.
   *
   * @param patterns of the buildspec's `cache.paths`
   * @returns folders that were there
   */
  async restore(source: string, patterns: readonly string[]): Promise<string[]> {
    const restored: string[] = [];
    for (const folder of cachedFolders(patterns)) {
      const target = path.join(source, folder);
      for (const kept of await this.kept(folder)) {
        await mkdir(path.dirname(target), { recursive: true });
        // Another build may have taken it in this moment.
        const moved = await rename(kept, target).then(
          () => true,
          () => false,
        );
        if (!moved) continue;
        restored.push(folder);
        break;
      }
      if (folder === modules && !restored.includes(folder) && (await this.seed(source))) restored.push(folder);
    }
    return restored;
  }

  /** Moves the cached folders of a source folder back. */
  async save(source: string, patterns: readonly string[]): Promise<void> {
    for (const folder of cachedFolders(patterns)) {
      const place = this.place(folder);
      await mkdir(place, { recursive: true });
      const free = path.join(place, `${process.pid}-${performance.now()}`);
      await rename(path.join(source, folder), free).catch(() => undefined);
      const kept = await this.kept(folder);
      await Promise.all(kept.slice(most).map((old) => rm(old, { recursive: true, force: true })));
    }
  }

  private place(folder: string): string {
    return path.join(this.folder, encodeURIComponent(folder));
  }

  private async kept(folder: string): Promise<string[]> {
    const place = this.place(folder);
    const names = await readdir(place).catch(() => []);
    return names.sort().map((name) => path.join(place, name));
  }
}

const modules = "node_modules";

/** The cache of a build machine that is new: there is nothing in it, and nothing is kept. */
export const noCache: Pick<BuildCache, "restore" | "save"> = {
  restore: () => Promise.resolve([]),
  save: () => Promise.resolve(),
};

/** Copies of one folder that are kept: as many as builds usually run side by side. */
const most = 4;

/** Folders that patterns of a cache mean. A pattern that means single files is left out: it saves nothing on this machine. */
export function cachedFolders(patterns: readonly string[]): string[] {
  const folders = patterns.flatMap((pattern) => {
    const folder = path.posix.normalize(pattern.replace(/^\.\//, "").replace(/\/\*\*?(\/\*)?$/, ""));
    const outside = path.isAbsolute(folder) || folder.startsWith("..") || folder === ".";
    return outside || /[*?[\]{}]/.test(folder) ? [] : [folder];
  });
  return [...new Set(folders)];
}

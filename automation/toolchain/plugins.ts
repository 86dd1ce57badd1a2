import { mkdir, readlink, rename, rm, symlink } from "node:fs/promises";
import path from "node:path";
import type { Built } from "./cache";

/**
 * Puts a built plugin where the engine looks for installed ones: `<home>/plugins/resource-<name>-v<version>/`, as a link
 * into the tool cache. What is linked already is left alone.
 *
 * @param home PULUMI_HOME of the engine
 */
export async function linkPlugin(plugin: Built, home: string): Promise<void> {
  const { program, version } = plugin.record;
  const folder = path.join(home, "plugins", `${program.replace(/^pulumi-/, "")}-v${version}`);
  const link = path.join(folder, program);
  const target = path.join(plugin.bin, program);
  if ((await readlink(link).catch(() => undefined)) === target) return;
  await mkdir(folder, { recursive: true });
  // A link is replaced in one step: another process may be starting the plugin.
  const fresh = `${link}.${process.pid}`;
  await rm(fresh, { force: true });
  await symlink(target, fresh);
  await rename(fresh, link);
}

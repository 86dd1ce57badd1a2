import { chmod, chown, mkdir, open, rm } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { USER } from "./limits";

/** A file system of a fixed size in a file, so that what a function writes to /tmp is limited but is no memory of it. */
export interface Disk {
  /** The mounted folder that becomes /tmp. */
  folder: string;
  remove(): Promise<void>;
}

/**
 * Makes and mounts one; takes about 40 ms. The file is sparse: it takes the room of what is written.
 *
 * @param home a folder for this disk alone
 * @returns undefined where this machine has no loop devices for it
 */
export async function makeDisk(home: string, megabytes: number): Promise<Disk | undefined> {
  const file = path.join(home, "disk");
  const mounted = path.join(home, "mounted");
  const folder = path.join(mounted, "tmp");
  await mkdir(mounted, { recursive: true, mode: 0o700 });
  const handle = await open(file, "w", 0o600);
  await handle.truncate(megabytes * 2 ** 20);
  await handle.close();
  const options = ["-O", "^has_journal", "-m", "0", "-E", "lazy_itable_init=1,nodiscard"];
  const made = await execa("mkfs.ext4", ["-q", "-F", ...options, file], { reject: false });
  const mount = made.failed
    ? made
    : await execa("mount", ["-o", "loop,nosuid,nodev", file, mounted], { reject: false });
  const remove = async () => {
    await execa("umount", ["--lazy", mounted], { reject: false });
    await rm(home, { recursive: true, force: true });
  };
  if (mount.failed) {
    await rm(home, { recursive: true, force: true });
    return undefined;
  }
  await mkdir(folder);
  await chown(folder, USER.uid, USER.gid);
  await chmod(folder, 0o700);
  return { folder, remove };
}

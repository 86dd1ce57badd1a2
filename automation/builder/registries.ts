import { copyFile, mkdir } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { userError } from "../errors";
import { readIfThere, writeWhole } from "../local/files";
import type { BuilderFiles } from "./files";
import type { OwnRegistry } from "./types";

/** A registry as the daemon is told of it. */
export interface KnownRegistry {
  address: string;
  http: boolean;
}

/** So many registries are remembered: ports change now and then, and an old one does no harm. */
const remembered = 24;

const schema = z.array(z.strictObject({ address: z.string(), http: z.boolean() }));
const addressPattern = /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?$/;

/** The file of a registry's authority in its folder; the daemon takes every file that ends so. */
export const authorityFile = "ca.crt";

/** Refuses what is no address of a registry: it becomes a folder's name and part of a configuration file. */
export function checkAddress(address: string): void {
  if (addressPattern.test(address) && !address.includes("..")) return;
  throw userError(
    "RegistryAddressInvalid",
    `"${address}" is no registry address: "host" or "host:port" is allowed, without a scheme or a path`,
    "correct the setting imageBuild.registry",
  );
}

/** The folder with the authority of a registry. A colon in a path is a separator in other programs. */
export function certificatesOf(files: BuilderFiles, address: string): string {
  return path.join(files.certificates, address.replace(":", "_"));
}

/**
 * Remembers the wanted registries and puts their authorities where the daemon reads them.
 *
 * @returns all the daemon has to know, in a fixed order: what other commands asked for stays
 * @throws TributaryError RegistryAddressInvalid
 */
export async function rememberRegistries(files: BuilderFiles, wanted: OwnRegistry[]): Promise<KnownRegistry[]> {
  wanted.forEach(({ address }) => checkAddress(address));
  const former = await readRegistries(files);
  const fresh = wanted.map(({ address, http }) => ({ address, http: http ?? false }));
  const others = former.filter(({ address }) => !fresh.some((registry) => registry.address === address));
  const all = [...others, ...fresh].slice(-remembered);
  for (const { address, caFile } of wanted) {
    const folder = certificatesOf(files, address);
    await mkdir(folder, { recursive: true });
    if (caFile) await copyFile(caFile, path.join(folder, authorityFile));
  }
  if (JSON.stringify(all) !== JSON.stringify(former)) await writeWhole(files.registries, JSON.stringify(all));
  return all.sort((a, b) => (a.address < b.address ? -1 : 1));
}

async function readRegistries(files: BuilderFiles): Promise<KnownRegistry[]> {
  try {
    return schema.parse(JSON.parse((await readIfThere(files.registries)) ?? ""));
  } catch {
    return [];
  }
}

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { TributaryError } from "../errors";

const recipeSchema = z.strictObject({
  title: z.string(),
  version: z.string(),
  expectedSeconds: z.number().positive(),
  steps: z.array(z.strictObject({ title: z.string(), command: z.array(z.string()).min(1) })).min(1),
  files: z.array(z.string()).min(1),
});

/** How one program of the toolchain is built: toolchain/<program>/recipe.json. */
export type Recipe = z.infer<typeof recipeSchema>;

/** A program of the toolchain, with what its cache key is made of. */
export interface Program {
  /** Folder name below toolchain/, which is also the name of the executable. */
  name: string;
  /** The folder with go.mod, go.sum, the sources and the recipe. */
  folder: string;
  recipe: Recipe;
  /** 16 hex digits of SHA-256 over the folder's content, the operating system and the architecture. */
  key: string;
}

/** The folder that holds one folder for each program, in this checkout. */
export const programsRoot = path.resolve(__dirname, "../../toolchain");

/** The programs that are built where downloads cannot be reached; also the names of folders below toolchain/. */
export const builtPrograms = ["pulumi", "pulumi-resource-aws"];

/** Plugins that only some programs need, by the name of their package; each has a folder `pulumi-resource-<name>`. */
export type OptionalPlugin = "docker-build";

/** Programs beside the engine that are built where the machine has none: folders below toolchain/ and their executables. */
export const tools = { buildkit: "buildkitd", buildx: "buildx" } as const;

/** The folder of a plugin below toolchain/, which is also its executable's name. */
export function pluginProgram(name: "aws" | OptionalPlugin): string {
  return `pulumi-resource-${name}`;
}

/** The executable language host of this checkout, for the bare command where no official one is there. */
export const languageHost = path.join(programsRoot, "language-host", "bin", "pulumi-language-nodejs");

/**
 * Reads a program's recipe and computes its key.
 *
 * @param root folder of the programs
 * @default root programsRoot
 * @throws TributaryError ToolchainRecipeInvalid
 */
export async function readProgram(name: string, root: string = programsRoot): Promise<Program> {
  const folder = path.join(root, name);
  const file = path.join(folder, "recipe.json");
  try {
    const recipe = recipeSchema.parse(JSON.parse(await readFile(file, "utf8")));
    return { name, folder, recipe, key: await contentKey(folder) };
  } catch (cause) {
    throw new TributaryError(`the recipe of the program "${name}" is not usable: ${file}: ${String(cause)}`, {
      code: "ToolchainRecipeInvalid",
      next: "restore the folder from the repository: git checkout -- toolchain",
      cause,
    });
  }
}

/** Hashes every file below a folder, by path and content, with the platform that is built for. */
export async function contentKey(folder: string, platform = `${goos()}/${goarch()}`): Promise<string> {
  const hash = createHash("sha256").update(`${platform}\n`);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
  for (const file of files) {
    const content = await readFile(path.join(folder, file));
    // The lengths keep two files from looking like one with both contents.
    hash.update(`${Buffer.byteLength(file)} ${content.length} ${file}\n`).update(content);
  }
  return hash.digest("hex").slice(0, 16);
}

/** Go's name of this operating system. */
export function goos(): string {
  return process.platform === "win32" ? "windows" : process.platform;
}

/** Go's name of this processor architecture. */
export function goarch(): string {
  const names: Record<string, string> = { x64: "amd64", ia32: "386" };
  return names[process.arch] ?? process.arch;
}

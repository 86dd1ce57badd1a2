import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { RunStep } from "../../../automation/toolchain/go";
import { readProgram, type Program } from "../../../automation/toolchain/recipe";

const folders: string[] = [];

/** A new folder, there until removeTemporaryFolders is called. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "tributary-toolchain-"));
  folders.push(folder);
  return folder;
}

/** For `afterEach`. */
export async function removeTemporaryFolders(): Promise<void> {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
}

/** Writes a program with a recipe of one step that leaves the file bin/tool. */
export async function writeProgram(root: string, name = "tool", recipe: object = {}): Promise<Program> {
  const folder = path.join(root, name);
  await mkdir(folder, { recursive: true });
  const content = {
    title: "the tool",
    version: "1.2.3",
    expectedSeconds: 60,
    steps: [{ title: "compile", command: ["compile", "{version}"] }],
    files: ["bin/tool"],
    ...recipe,
  };
  await writeFile(path.join(folder, "recipe.json"), JSON.stringify(content));
  return readProgram(name, root);
}

/** Stands for the compiler: writes bin/tool and counts how often. */
export function compiler(content = "the program"): { run: RunStep; commands: string[][] } {
  const commands: string[][] = [];
  const run: RunStep = async (command, { cwd }) => {
    commands.push(command);
    await writeFile(path.join(cwd, "bin", "tool"), content);
  };
  return { run, commands };
}

/** Stands for `go env GOVERSION`. */
export const go = (): Promise<string> => Promise.resolve("go1.99.0");

import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import * as path from "node:path";

/** The engine's commands that work on resources: what they print is kept. */
export const logged = ["up", "preview", "destroy", "refresh"];

/** Logs that are kept of a stack. */
const kept = 30;

/** What a run of the engine printed, as far as a log needs it. */
interface Printed {
  stdout: string;
  stderr: string;
  code: number;
}

/**
 * Writes what a run of the engine printed into a file of its own and removes the oldest. The engine masks secrets itself; its
 * environment, which has credentials, is not written down.
 *
 * @returns the file
 */
export async function writeLog(folder: string, args: string[], { stdout, stderr, code }: Printed): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const time = new Date()
    .toISOString()
    .replaceAll(":", "")
    .replace(/\.\d+Z$/, "Z");
  const file = await freeName(folder, `${time}-${args[0]}`);
  const head = `$ pulumi ${args.join(" ")}\nexit code ${code}\n`;
  await writeFile(file, `${head}\n${stdout}\n${stderr === "" ? "" : `--- stderr\n${stderr}\n`}`, { mode: 0o600 });
  const names = (await readdir(folder)).filter((name) => name.endsWith(".log")).sort();
  await Promise.all(names.slice(0, -kept).map((name) => rm(path.join(folder, name), { force: true })));
  return file;
}

async function freeName(folder: string, stem: string): Promise<string> {
  const names = new Set(await readdir(folder));
  for (let count = 1; ; count++) {
    const name = count === 1 ? `${stem}.log` : `${stem}-${count}.log`;
    if (!names.has(name)) return path.join(folder, name);
  }
}

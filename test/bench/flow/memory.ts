import { promises as fs } from "node:fs";

/**
 * Highest resident memory (MB) of each function's processes on the local AWS, by the function's name. The emulator limits
 * no memory, so this is what the code takes, not what Lambda would give it.
 *
 * @param server process id of the local AWS
 */
export async function memoryByFunction(server: number): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const pid of await descendants(server)) {
    const environment = await read(`/proc/${pid}/environ`);
    const name = /(?:^|\0)AWS_LAMBDA_FUNCTION_NAME=([^\0]+)/.exec(environment)?.[1];
    const peak = /^VmHWM:\s+(\d+) kB/m.exec(await read(`/proc/${pid}/status`))?.[1];
    if (name && peak) found.set(name, Math.max(found.get(name) ?? 0, Math.round(Number(peak) / 1024)));
  }
  return found;
}

async function descendants(root: number): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const entry of await fs.readdir("/proc")) {
    const parent = /^\d+$/.test(entry) ? /^PPid:\s+(\d+)/m.exec(await read(`/proc/${entry}/status`))?.[1] : undefined;
    if (parent) parents.set(Number(entry), Number(parent));
  }
  const isBelow = (pid: number | undefined): boolean =>
    pid !== undefined && pid > 1 && (parents.get(pid) === root || isBelow(parents.get(pid)));
  return [...parents.keys()].filter(isBelow);
}

/** Empty for a process that has ended meanwhile. */
function read(file: string): Promise<string> {
  return fs.readFile(file, "utf8").catch(() => "");
}

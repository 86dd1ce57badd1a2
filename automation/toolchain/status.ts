import { statfs } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { coerce, lt } from "semver";
import { cacheRoot, findBuilt } from "./cache";
import { minimumGo } from "./go";
import { engineAt, fits, which } from "./official";
import { builtPrograms, readProgram, type Program } from "./recipe";

/** One line of `tributary doctor`. */
export interface ToolStatus {
  name: string;
  /** Whether it is there and fits. */
  found: boolean;
  /** What was found: version, folder, or what is missing. */
  detail: string;
  /** What mends it; absent where nothing needs mending. */
  cure?: string;
}

/** What a cold build writes: modules, Go's build cache and the programs, measured. */
const buildBytes = 6 * 2 ** 30;

/**
 * What this machine has and lacks of the toolchain. Builds and downloads nothing; takes about half a second.
 *
 * @param cache root of the tool cache
 * @default cache cacheRoot()
 */
export async function toolchainStatus(cache: string = cacheRoot()): Promise<ToolStatus[]> {
  const programs = await Promise.all(builtPrograms.map((name) => readProgram(name)));
  const engine = programs[0] as Program;
  const [onPath, built] = await Promise.all([
    engineOnPath(engine.recipe.version),
    Promise.all(programs.map((program) => builtStatus(program, cache))),
  ]);
  const ready = onPath.found || built.every((status) => status.found);
  return [
    onPath,
    // Where the engine on PATH fits, nothing has to be built.
    ...built.map((status) => (onPath.found ? { ...status, cure: undefined } : status)),
    await goStatus(ready),
    await command("git", ["--version"], "install git: https://git-scm.com/downloads"),
    await command("npm", ["--version"], "install Node.js with npm: https://nodejs.org"),
    await command(
      "python3",
      ["--version"],
      "install Python 3.10 or later with its venv module (Debian: apt-get install python3-venv)",
    ),
    await diskStatus(cache, ready),
  ];
}

async function engineOnPath(wanted: string): Promise<ToolStatus> {
  const name = "pulumi on PATH";
  const file = await which("pulumi");
  if (!file)
    return { name, found: false, detail: "none; an official installation or a build of our own takes its place" };
  const command = await engineAt();
  const found = fits(command?.version, wanted);
  const version = command?.version ? String(command.version) : "does not tell its version";
  return {
    name,
    found,
    detail: found ? `${version}, ${file}` : `${version}, ${file}; ${wanted} or later is needed, so it is not used`,
  };
}

async function builtStatus(program: Program, cache: string): Promise<ToolStatus> {
  const name = `${program.name} ${program.recipe.version}, built`;
  const built = await findBuilt(program, cache);
  if (built) return { name, found: true, detail: `${built.bin} (${built.record.go}, ${built.record.seconds} s)` };
  const minutes = Math.ceil(program.recipe.expectedSeconds / 60);
  return {
    name,
    found: false,
    detail: "not built yet",
    cure: `npx tributary deploy local (builds it, about ${minutes} min, once)`,
  };
}

async function goStatus(ready: boolean): Promise<ToolStatus> {
  const result = await execa("go", ["env", "GOVERSION"], { reject: false });
  const version = typeof result.stdout === "string" ? coerce(result.stdout) : null;
  const install = `install Go ${minimumGo} or later: https://go.dev/dl`;
  const cure = ready ? undefined : install;
  if (result.failed || !version)
    return { name: "go", found: false, detail: "not found; needed only to build the toolchain", cure };
  if (lt(version, minimumGo)) {
    return {
      name: "go",
      found: false,
      detail: `${version.version}; building the toolchain needs ${minimumGo} or later`,
      cure,
    };
  }
  return { name: "go", found: true, detail: version.version };
}

async function command(name: string, args: string[], cure: string): Promise<ToolStatus> {
  const result = await execa(name, args, { reject: false });
  if (result.failed) return { name, found: false, detail: "not found", cure };
  return { name, found: true, detail: String(result.stdout).trim() };
}

async function diskStatus(cache: string, ready: boolean): Promise<ToolStatus> {
  const space = await freeSpace(cache);
  const name = "disk space for tools";
  if (!space)
    return {
      name,
      found: false,
      detail: `${cache} cannot be read`,
      cure: "set TRIBUTARY_CACHE to a folder that can be written",
    };
  const detail = `${(space / 2 ** 30).toFixed(1)} GB free in ${cache}`;
  if (ready || space >= buildBytes) return { name, found: true, detail };
  return {
    name,
    found: false,
    detail,
    cure: `free ${buildBytes / 2 ** 30} GB there, or set TRIBUTARY_CACHE to another disk`,
  };
}

/** Bytes free for a folder that may not be there yet. */
async function freeSpace(folder: string): Promise<number | undefined> {
  const space = await statfs(folder).catch(() => undefined);
  if (space) return space.bavail * space.bsize;
  const parent = path.dirname(folder);
  return parent === folder ? undefined : freeSpace(parent);
}

import { createHash, randomBytes } from "node:crypto";
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { TributaryError } from "../errors";
import type { EventSink } from "../events";
import { step } from "../events";
import { withLock } from "./locking";

/** The oldest Python for which all of requirements.txt exists. */
const OLDEST: readonly [number, number] = [3, 10];

/** A Python environment that is installed once for all checkouts of a user. */
export interface PythonEnvironment {
  /** Name of its folder in the tool cache. */
  folder: string;
  /** File of what it holds, each package pinned by its hashes. */
  requirements: string;
  /** For messages. */
  what: string;
  /** What a first installation fetches, e.g. `50 MB`. */
  size: string;
}

const LOCAL_AWS: PythonEnvironment = {
  folder: "local-aws",
  requirements: join(__dirname, "requirements.txt"),
  what: "the local AWS",
  size: "50 MB",
};

/** One Python on this machine. */
interface Interpreter {
  executable: string;
  version: string;
}

/**
 * The folder for programs that all checkouts of this user share: `$TRIBUTARY_CACHE`, else
 * `$XDG_CACHE_HOME/tributary`, else `~/.cache/tributary`.
 */
export function toolCache(env: NodeJS.ProcessEnv = process.env): string {
  return env["TRIBUTARY_CACHE"] || join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "tributary");
}

/** Which names to try, in order. TRIBUTARY_PYTHON names one and only one. */
function candidates(env: NodeJS.ProcessEnv): string[] {
  const wanted = env["TRIBUTARY_PYTHON"];
  return wanted ? [wanted] : ["python3", "python3.13", "python3.12", "python3.11", "python3.10", "python"];
}

const PROBE = `import sys, json
try:
    import ensurepip, venv
    complete = True
except ImportError:
    complete = False
print(json.dumps({"executable": sys.executable, "version": list(sys.version_info[:3]), "complete": complete}))`;

/** Whether a Python is new enough for requirements.txt. */
export function newEnough(version: readonly number[]): boolean {
  const [major = 0, minor = 0] = version;
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

/**
 * Finds a Python that can make the environment.
 *
 * @throws TributaryError `PythonMissing`, with what was found of each name and what to install
 */
export async function findPython(env: NodeJS.ProcessEnv = process.env): Promise<Interpreter> {
  const found: string[] = [];
  for (const name of candidates(env)) {
    const run = await execa(name, ["-I", "-c", PROBE], { reject: false, timeout: 20_000, env, extendEnv: false });
    if (run.failed) {
      found.push(`${name}: ${run.code === "ENOENT" ? "not found" : "does not run"}`);
      continue;
    }
    const { executable, version, complete } = JSON.parse(run.stdout) as {
      executable: string;
      version: number[];
      complete: boolean;
    };
    if (newEnough(version) && complete) {
      return { executable, version: version.join(".") };
    }
    found.push(`${name}: ${version.join(".")}${complete ? ", too old" : ", without the venv module"}`);
  }
  throw new TributaryError(
    `the local AWS needs Python ${OLDEST.join(".")} or later with its venv module; found ${found.join("; ")}`,
    {
      code: "PythonMissing",
      next:
        "install it (Debian, Ubuntu: apt install python3 python3-venv; Fedora: dnf install python3; macOS: brew install python3), " +
        "or name one in TRIBUTARY_PYTHON",
    },
  );
}

async function isUsable(environment: string): Promise<boolean> {
  try {
    await access(join(environment, "complete"));
    await access(join(environment, "bin", "python"));
    return true;
  } catch {
    return false;
  }
}

/**
 * Runs a module in a process group of its own that ends with this process, however this process ends: a venv or pip left
 * behind by a killed command would go on writing into the folder that the next command removes.
 */
const ENDS_WITH_PARENT = `import os, runpy, signal, sys, threading
def watch():
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)
threading.Thread(target=watch, daemon=True).start()
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)`;

function runModule(python: string, module: string, args: string[]) {
  return execa(python, ["-I", "-c", ENDS_WITH_PARENT, module, ...args], {
    all: true,
    detached: true,
    // Settings of the person's own pip decide where packages come from; its cache stays where it is.
    env: { PIP_DISABLE_PIP_VERSION_CHECK: "1" },
  });
}

/** Makes the environment in `directory`; `progress` gets the name of each package as it is fetched. */
async function build(
  python: Interpreter,
  directory: string,
  requirements: string,
  progress: (message: string) => void,
): Promise<void> {
  progress(`Python ${python.version}`);
  await runModule(python.executable, "venv", [directory]);
  const options = ["--require-hashes", "--only-binary", ":all:", "--no-input", "-r", requirements];
  const pip = runModule(join(directory, "bin", "python"), "pip", ["install", ...options]);
  for await (const line of pip.iterable({ from: "all" })) {
    const name = /^(?:Collecting|Installing) ([^( ]{1,80})/.exec(String(line))?.[1];
    if (name) {
      progress(name);
    }
  }
  await writeFile(join(directory, "complete"), "");
}

async function install(
  python: Interpreter,
  target: string,
  { requirements, what, size }: PythonEnvironment,
  sink: EventSink,
): Promise<void> {
  await step(sink, `Install ${what} (about ${size}, once)`, async (progress) => {
    const temporary = `${target}.${randomBytes(4).toString("hex")}.tmp`;
    try {
      await build(python, temporary, requirements, progress);
      await rm(target, { recursive: true, force: true });
      await rename(temporary, target);
    } catch (error) {
      throw new TributaryError(`${what} could not be installed into ${target}: ${tail(error)}`, {
        code: "LocalAwsInstallFailed",
        next: "check that pip reaches a package index (pip config list) and that the disk has 300 MB free, then run the command again",
        cause: error,
      });
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  });
}

function tail(error: unknown): string {
  const { all, message } = error as { all?: unknown; message?: string };
  const text = typeof all === "string" && all.trim() !== "" ? all : (message ?? String(error));
  return text.trim().split("\n").slice(-8).join("\n");
}

/** What an interrupted installation left behind. Called with the lock held, so nobody is using them. */
async function removeLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (name.endsWith(".tmp")) {
      await rm(join(parent, name), { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    }
  }
}

/**
 * The Python that runs the local AWS, with exactly what its requirements name; installed at the first call and shared
 * by all checkouts. Safe against interruption and against a second call at the same time, in this or another process.
 *
 * @param wanted @default that of the local AWS
 * @returns path of its `python` and the identity of what is installed
 * @throws TributaryError `PythonMissing`, `LocalAwsInstallFailed`
 */
export async function ensurePython(
  sink: EventSink,
  wanted: PythonEnvironment = LOCAL_AWS,
): Promise<{ python: string; identity: string }> {
  const interpreter = await findPython();
  const identity = createHash("sha256")
    .update(await readFile(wanted.requirements))
    .update(`\n${interpreter.version}\n${interpreter.executable}`)
    .digest("hex")
    .slice(0, 16);
  const parent = join(toolCache(), "tools", wanted.folder);
  const environment = join(parent, identity);
  if (!(await isUsable(environment))) {
    await mkdir(parent, { recursive: true });
    await withLock(parent, join(parent, "lock"), sink, `the installation of ${wanted.what}`, async () => {
      if (!(await isUsable(environment))) {
        await removeLeftovers(parent);
        await install(interpreter, environment, wanted, sink);
      }
    });
  }
  return { python: join(environment, "bin", "python"), identity };
}

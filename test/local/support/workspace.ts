import { execFile, spawn, type ChildProcess } from "node:child_process";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import { execa, type ResultPromise } from "execa";

const run = promisify(execFile);

/** The checkout that the tests belong to. */
export const checkout = path.resolve(__dirname, "../../..");

/** What a command of the driver left behind. */
export interface CommandResult {
  code: number | undefined;
  stdout: string;
  stderr: string;
}

/**
 * A copy of the checkout in a folder of its own, as a second clone would be: its local environment, state and build
 * output are its own. The working tree is copied, not HEAD, so that tests judge the code as it stands.
 */
export class Workspace {
  /** Those that were not removed yet. */
  private static readonly all = new Set<Workspace>();
  /** Commands that run. */
  private readonly running = new Set<ResultPromise>();
  private removal: Promise<void> | undefined;

  private constructor(readonly root: string) {}

  /** Ends what runs and removes every folder: for a process that is interrupted. */
  static async removeAll(): Promise<void> {
    await Promise.allSettled([...Workspace.all].map((workspace) => workspace.remove()));
  }

  /** Makes a copy with node_modules hard-linked where the file system can, which takes seconds instead of an install. */
  static async create(name: string): Promise<Workspace> {
    const root = await fs.mkdtemp(path.join(os.tmpdir(), `tributary-${name}-`));
    const { stdout } = await run("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
      cwd: checkout,
      maxBuffer: 1 << 26,
    });
    for (const file of stdout.split("\0").filter(Boolean)) {
      const target = path.join(root, file);
      await fs.mkdir(path.dirname(target), { recursive: true });
      await fs.cp(path.join(checkout, file), target, { verbatimSymlinks: true }).catch(ignoreDeleted);
    }
    await run("git", ["init", "-q"], { cwd: root });
    await linkModules(root);
    const workspace = new Workspace(root);
    Workspace.all.add(workspace);
    await fs.mkdir(workspace.temporary);
    return workspace;
  }

  /** The system's temporary folder as the commands see it: what they leave there is theirs. */
  get temporary(): string {
    return `${this.root}.tmp`;
  }

  /** Starts a command of the driver and returns its process, for tests that interrupt it. */
  start(...args: string[]): ChildProcess {
    return spawn(process.execPath, ["bin/tributary.js", ...args], {
      cwd: this.root,
      env: this.environment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** Runs a command of the driver to its end, whatever its exit code. */
  async tributary(...args: string[]): Promise<CommandResult> {
    const command = execa(process.execPath, ["bin/tributary.js", ...args], {
      cwd: this.root,
      env: this.environment(),
      extendEnv: false,
      reject: false,
      stdin: "ignore",
      maxBuffer: 1 << 28,
    });
    this.running.add(command);
    try {
      const { exitCode, stdout, stderr } = await command;
      return { code: exitCode, stdout, stderr };
    } finally {
      this.running.delete(command);
    }
  }

  /** Runs a command with `--json`; fails with everything it said when its exit code is not the expected one. */
  async json<T>(args: string[], expectedCode = 0): Promise<T> {
    const result = await this.tributary(...args, "--json");
    if (result.code !== expectedCode) {
      throw new CommandFailed(args, expectedCode, result);
    }
    return JSON.parse(result.stdout) as T;
  }

  /** Runs a shell script in the folder, as a person would type it. */
  async shell(script: string, env: Record<string, string> = {}): Promise<CommandResult> {
    const result = await execa("bash", ["-c", script], {
      cwd: this.root,
      env: { ...this.environment(), ...env },
      extendEnv: false,
      reject: false,
      stdin: "ignore",
      maxBuffer: 1 << 28,
    });
    return { code: result.exitCode, stdout: result.stdout, stderr: result.stderr };
  }

  /** Writes a file below the folder `input/`, which git does not know, and returns its path. */
  async input(name: string, content: string | Buffer): Promise<string> {
    const file = path.join(this.root, ".tributary", "input", name);
    await fs.mkdir(path.dirname(file), { recursive: true });
    await fs.writeFile(file, content);
    return file;
  }

  /** Ends the local environment and removes the folder; asked again, it is the same removal. */
  remove(): Promise<void> {
    return (this.removal ??= this.end());
  }

  private async end(): Promise<void> {
    Workspace.all.delete(this);
    const running = [...this.running];
    for (const command of running) command.kill("SIGINT");
    await Promise.allSettled(running);
    await this.tributary("destroy", "local");
    await fs.rm(this.root, { recursive: true, force: true });
    await fs.rm(this.temporary, { recursive: true, force: true });
  }

  private environment(): Record<string, string> {
    return { ...cleanEnvironment(), TMPDIR: this.temporary };
  }
}

/** A command of the driver ended with another exit code than the test expects. */
export class CommandFailed extends Error {
  constructor(args: string[], expected: number, result: CommandResult) {
    const tail = (text: string) => text.slice(-6000);
    super(
      `tributary ${args.join(" ")}: exit ${result.code}, expected ${expected}\n` +
        `stdout: ${tail(result.stdout)}\nstderr: ${tail(result.stderr)}`,
    );
  }
}

/** The environment of a person's shell: no AWS or Pulumi variable of the test run leaks into the driver. */
function cleanEnvironment(): Record<string, string> {
  const keep = Object.entries(process.env).filter(([name]) => !/^(AWS_|PULUMI_|NODE_OPTIONS$|TS_NODE|npm_)/.test(name));
  return Object.fromEntries(keep) as Record<string, string>;
}

async function linkModules(root: string): Promise<void> {
  const from = path.join(checkout, "node_modules");
  const to = path.join(root, "node_modules");
  try {
    await run("cp", ["-al", from, to]);
  } catch {
    await fs.rm(to, { recursive: true, force: true });
    await fs.cp(from, to, { recursive: true, verbatimSymlinks: true });
  }
}

function ignoreDeleted(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

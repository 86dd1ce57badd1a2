import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { execa } from "execa";
import { TributaryError } from "../errors";
import { cancelled } from "./lock";
import { goarch, goos } from "./recipe";

/** The oldest Go that the engine's and the AWS plugin's modules accept: the `go` line of their go.mod files. */
export const minimumGo = "1.25.11";

/** The oldest Go that the modules of the image tools and of the docker-build plugin accept. */
export const minimumGoForImages = "1.26.0";

/** What a recipe's command is run with. */
export interface StepContext {
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Takes the news of the command, at least once a second. */
  tell: (news: string) => void;
  signal?: AbortSignal;
  /** For error messages. */
  program: string;
}

/** Runs one command of a recipe. */
export type RunStep = (command: string[], context: StepContext) => Promise<void>;

/** Why the engine and its plugins are built. */
const engineReason = "because no fitting `pulumi` is on PATH and its download site cannot be reached";

/**
 * The version of Go, such as "go1.26.8".
 *
 * @param what is to be built, and why, for the error
 * @param minimum the oldest that will do, for the error
 * @throws TributaryError ToolchainGoMissing
 */
export async function goVersion(
  what = `the Pulumi engine has to be built here, ${engineReason}`,
  minimum = minimumGo,
): Promise<string> {
  const result = await execa("go", ["env", "GOVERSION"], { reject: false, cwd: os.tmpdir() });
  const version = typeof result.stdout === "string" ? result.stdout.trim() : "";
  if (!result.failed && version !== "") return version;
  throw new TributaryError(`${what}, but building needs Go ${minimum} or later and \`go\` was not found`, {
    code: "ToolchainGoMissing",
    source: "user",
    next: `install Go ${minimum} or later (https://go.dev/dl), or Pulumi itself (https://www.pulumi.com/docs/iac/download-install), and run the command again`,
    cause: result,
  });
}

/** The environment of Go commands: the user's, with what must not vary between machines set. */
export function goEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return {
    ...env,
    GOOS: goos(),
    GOARCH: goarch(),
    GOWORK: "off",
    // Without cgo no C compiler is needed, and name resolution is Go's own, which the AWS plugin extends.
    CGO_ENABLED: "0",
    GOFLAGS: `-mod=readonly -trimpath -buildvcs=false -p=${parallelBuilds()}`,
  };
}

/**
 * How many packages to compile at once. The largest one takes about 2 GB and the others under 0.6 GB each, so that this
 * stays below 8 GB, and below what the machine has free.
 */
export function parallelBuilds(cores = os.availableParallelism(), freeBytes = os.freemem()): number {
  const affordable = Math.floor((Math.min(freeBytes, 7 * 2 ** 30) - 2 * 2 ** 30) / (0.6 * 2 ** 30));
  return Math.max(1, Math.min(cores, affordable));
}

/** Runs a command, passes its lines on as news, and keeps the last ones for the error. */
export const runStep: RunStep = async (command, { cwd, env, tell, signal, program }) => {
  const [file = "", ...args] = command;
  const tail: string[] = [];
  let news = "";
  const timer = setInterval(() => tell(news), 1000);
  try {
    const child = execa(file.includes("/") ? path.join(cwd, file) : file, args, {
      cwd,
      env,
      extendEnv: false,
      stdin: "ignore",
      all: true,
      buffer: false,
      cancelSignal: signal,
      reject: false,
    });
    const lines = createInterface({ input: child.all });
    lines.on("line", (line) => {
      tail.push(line);
      if (tail.length > 20) tail.shift();
      news = shorten(line);
    });
    const result = await child;
    if (result.isCanceled || signal?.aborted) throw cancelled(result);
    if (result.failed) throw buildFailed(program, command, result.shortMessage ?? "no reason given", tail);
  } finally {
    clearInterval(timer);
  }
};

/** One line of Go's output, made fit for a progress line. */
function shorten(line: string): string {
  return line.replace(/^go: /, "").slice(0, 100);
}

function buildFailed(program: string, command: string[], reason: string, tail: string[]): TributaryError {
  const output = tail.join("\n");
  return new TributaryError(
    `building ${program} failed: ${reason}\nthe last lines of ${command.slice(0, 2).join(" ")}:\n${output}`,
    {
      code: "ToolchainBuildFailed",
      next: advice(output),
    },
  );
}

/** What to do about the known ways in which a build fails. */
function advice(output: string): string {
  const wanted = /requires go >= ([\d.]+)/.exec(output)?.[1]?.replace(/\.$/, "");
  if (wanted) return `install Go ${wanted} or later: https://go.dev/dl`;
  if (/no space left on device/.test(output)) return "free some disk space: a first build needs about 6 GB";
  if (/dial tcp|i\/o timeout|no such host|proxyconnect/.test(output)) {
    return "check that the Go module proxy can be reached (go env GOPROXY), and run the command again: nothing is lost";
  }
  if (/signal: killed/.test(output))
    return "the machine ran out of memory: close other programs (3 GB free are enough)";
  if (/SECURITY ERROR|checksum mismatch/.test(output)) {
    return "do not go on: a downloaded module differs from the one that go.sum names; check the module proxy";
  }
  return "run the command again; if it fails in the same way, `npx tributary doctor` tells what this machine lacks";
}

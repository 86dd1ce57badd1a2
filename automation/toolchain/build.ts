import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import path from "node:path";
import { TributaryError } from "../errors";
import { step, type EventSink, type Progress } from "../events";
import { findBuilt, programCache, publish, sweep, workPrefix, type Built } from "./cache";
import { goEnvironment, goVersion, runStep, type RunStep } from "./go";
import { cacheUnusable, withLock } from "./lock";
import type { Program } from "./recipe";

/** Settings of a build. */
export interface BuildOptions {
  /** Root of the cache, see cacheRoot(). */
  cache: string;
  /** Stops the build and its compilers. */
  signal?: AbortSignal;
  /** Runs one command of a recipe; tests put another one here. */
  run?: RunStep;
  /** Go's version; tests put another one here. */
  go?: () => Promise<string>;
}

/**
 * Returns the cached build of a program, or builds it as one step of the event stream. Of several processes that want the
 * same program one builds; the others wait for it. An interrupted build leaves nothing that a later run takes for finished.
 *
 * @throws TributaryError ToolchainGoMissing, ToolchainBuildFailed, ToolchainBuildCancelled
 */
export async function ensureBuilt(program: Program, sink: EventSink, options: BuildOptions): Promise<Built> {
  const cached = await findBuilt(program, options.cache);
  if (cached) return cached;
  const { title, version } = program.recipe;
  return step(sink, `Building ${title} ${version}, once: ${expected(program)} on 2 cores`, async (progress) => {
    const folder = programCache(program.name, options.cache);
    await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
      throw cacheUnusable(folder, cause);
    });
    return withLock(
      folder,
      () => progress("another process is building it; waiting for that"),
      options.signal,
      async () => {
        const meanwhile = await findBuilt(program, options.cache);
        return meanwhile ?? build(program, progress, options);
      },
    );
  });
}

async function build(program: Program, progress: Progress, options: BuildOptions): Promise<Built> {
  const started = performance.now();
  const go = await (options.go ?? goVersion)();
  await sweep(program, options.cache);
  const work = await mkdtemp(path.join(programCache(program.name, options.cache), workPrefix));
  try {
    await cp(program.folder, work, { recursive: true });
    await mkdir(path.join(work, "bin"), { recursive: true });
    await runSteps(program, work, started, progress, options);
    await keepOnly(program, work, options.cache, go, started);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  // Nobody else removes builds while this process holds the lock.
  return (await findBuilt(program, options.cache)) as Built;
}

async function runSteps(program: Program, work: string, started: number, progress: Progress, options: BuildOptions) {
  const { steps, version } = program.recipe;
  const env = goEnvironment();
  for (const [index, { title, command }] of steps.entries()) {
    const elapsed = () => Math.round((performance.now() - started) / 1000);
    const tell = (news: string) =>
      progress(
        `step ${index + 1} of ${steps.length}: ${title}, ${elapsed()} s of ${expected(program)}${news ? `: ${news}` : ""}`,
        { done: index, total: steps.length },
      );
    tell("");
    const args = command.map((part) => part.replaceAll("{version}", version));
    await (options.run ?? runStep)(args, { cwd: work, env, tell, signal: options.signal, program: program.name });
  }
}

/** Publishes the recipe's files alone: the copied sources have done their work. */
async function keepOnly(program: Program, work: string, cache: string, go: string, started: number): Promise<void> {
  const result = await mkdtemp(path.join(programCache(program.name, cache), workPrefix));
  try {
    for (const file of program.recipe.files) {
      await mkdir(path.dirname(path.join(result, file)), { recursive: true });
      await cp(path.join(work, file), path.join(result, file)).catch((cause: unknown) => {
        throw incomplete(program, file, cause);
      });
    }
    await publish(program, result, go, (performance.now() - started) / 1000, cache);
  } finally {
    await rm(result, { recursive: true, force: true });
  }
}

function incomplete(program: Program, file: string, cause: unknown): TributaryError {
  return new TributaryError(
    `the build of ${program.name} ended without an error, but left no ${file}: ${String(cause)}`,
    {
      code: "ToolchainBuildFailed",
      next: `check the steps and files in ${path.join(program.folder, "recipe.json")}`,
      cause,
    },
  );
}

/** The expected time of a cold build, in words. */
function expected(program: Program): string {
  return `about ${Math.ceil(program.recipe.expectedSeconds / 60)} min`;
}

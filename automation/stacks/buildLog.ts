import { execa } from "execa";
import * as path from "node:path";
import type { Builder } from "../builder";

/** Why a build failed, as BuildKit recorded it. */
export interface BuildFailure {
  /** Absolute path of its context. */
  context: string;
  /** The step that failed, e.g. `[2/3] RUN npm ci`. */
  step?: string;
  /** The last lines that the step printed. */
  lines: string[];
  /** The lines of the Dockerfile around the step, the step's marked. */
  source?: string;
  message: string;
}

/** Lines that are shown of a failed step. */
const shownLines = 20;
/** A builder that does not answer in this time has no history for us (ms). */
const patience = 10_000;

/** Runs buildx and gives what it printed; undefined when it failed. */
export type Buildx = (args: string[]) => Promise<string | undefined>;

/** buildx with a builder and its environment. */
export function buildxOf(builder: Pick<Builder, "buildx" | "name">, env: Record<string, string>): Buildx {
  return async (args) => {
    const result = await execa(builder.buildx, args, { env, reject: false, timeout: patience, stdin: "ignore" });
    return result.failed ? undefined : result.stdout;
  };
}

/**
 * Failed builds from the builder's own history. The provider passes a build's output on line by line and loses the last
 * lines when it fails, which are those that matter. Nothing is built again.
 *
 * @param since milliseconds since 1970
 * @returns empty where the builder keeps no history
 */
export async function failedBuilds(buildx: Buildx, since: number): Promise<BuildFailure[]> {
  const list = (await buildx(["history", "ls", "--format", "json", "--no-trunc"])) ?? "";
  const refs = list.split("\n").flatMap((line) => {
    const { ref, status, created_at: created } = parse(line) as { ref?: string; status?: string; created_at?: string };
    const recent = created !== undefined && Date.parse(created) >= since;
    return ref !== undefined && status === "Error" && recent ? [ref.split("/").pop()!] : [];
  });
  const found: BuildFailure[] = [];
  for (const ref of refs) {
    const failure = readFailure((await buildx(["history", "inspect", "--format", "json", ref])) ?? "");
    if (failure) found.push(failure);
  }
  return found;
}

/** Reads what `buildx history inspect --format json` prints; undefined when that is no failed build. */
export function readFailure(text: string): BuildFailure | undefined {
  const { Context: context, Error: error } = parse(text) as { Context?: unknown; Error?: Record<string, unknown> };
  if (typeof context !== "string" || typeof error !== "object" || error === null) return undefined;
  const { Name: step, Logs: logs, Sources: sources, Message: message } = error;
  return {
    context,
    ...(typeof step === "string" ? { step } : {}),
    lines: Array.isArray(logs) ? logs.map(String).slice(-shownLines) : [],
    ...(typeof sources === "string" ? { source: Buffer.from(sources, "base64").toString("utf8").trimEnd() } : {}),
    message: typeof message === "string" ? message : "no reason was given",
  };
}

/** The failure of an image, whose context is `.tributary/build/images/<platform>/<name>/…`. */
export function failureOf(failures: BuildFailure[], root: string, name: string): BuildFailure | undefined {
  const folder = path.join(root, ".tributary", "build", "images");
  return failures.find(({ context }) => path.relative(folder, context).split(path.sep)[1] === name);
}

function parse(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

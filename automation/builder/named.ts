import { z } from "zod";
import { TributaryError, userError } from "../errors";
import { engineVariables, runBuildx } from "./instances";
import { buildxFolder, dockerFolder } from "./program";
import type { Builder } from "./types";

/** A builder as `buildx ls` describes it, as far as it is looked at. */
const listed = z.object({
  Name: z.string(),
  Driver: z.string().optional(),
  Err: z.string().optional(),
  Nodes: z.array(z.object({ Status: z.string().optional(), Err: z.string().optional() })).nullish(),
});

/** One builder of the machine. */
export type ListedBuilder = z.infer<typeof listed>;

/** How long a builder that does not run may take to start (ms). */
const bootMs = 3 * 60_000;

/** Names of builders: what buildx accepts, so that a setting cannot become an option. */
const namePattern = /^[A-Za-z0-9][\w.-]*$/;

/** Reads `buildx ls --format '{{json .}}'`: one builder a line, repeated for each of its nodes. */
export function parseList(output: string): ListedBuilder[] {
  const builders = output
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => listed.parse(JSON.parse(line)));
  return builders.filter(({ Name }, index) => builders.findIndex((other) => other.Name === Name) === index);
}

/**
 * Finds the builder that the settings name among the person's own.
 *
 * @throws TributaryError BuilderNotFound, which lists what there is; BuilderUnusable; BuildxFailed
 */
export async function namedBuilder(name: string, buildx: string): Promise<Builder> {
  if (!namePattern.test(name)) throw notFound(name, "is no name of a builder (letters, digits, `_`, `.` and `-`)");
  const own = { DOCKER_CONFIG: dockerFolder(), BUILDX_CONFIG: buildxFolder() };
  const builders = parseList(await runBuildx(buildx, ["ls", "--format", "{{json .}}"], own));
  const found = builders.find((builder) => builder.Name === name);
  if (!found) throw notFound(name, `is not among the builders of this machine: ${inWords(builders)}`);
  const problem =
    found.Err ?? found.Nodes?.map(({ Err }) => Err).find(Boolean) ?? (await startProblem(found, buildx, own));
  if (problem) {
    throw new TributaryError(`the builder "${name}" of the setting imageBuild.builder cannot be used: ${problem}`, {
      code: "BuilderUnusable",
      source: "user",
      next: `start what it runs on, then: docker buildx inspect --bootstrap ${name}`,
    });
  }
  return {
    name,
    source: "named",
    buildx,
    description: `${name}, ${found.Driver ?? "unknown driver"}, named in the settings`,
    environment: (dockerConfig) => engineVariables(name, dockerConfig, buildxFolder()),
  };
}

/** Starts a builder that does not run yet; what was wrong, where that fails. */
async function startProblem(
  { Name, Nodes }: ListedBuilder,
  buildx: string,
  env: Record<string, string>,
): Promise<string | undefined> {
  if (Nodes?.some(({ Status }) => Status === "running")) return undefined;
  return runBuildx(buildx, ["inspect", "--bootstrap", Name], env, { timeoutMs: bootMs }).then(
    () => undefined,
    (error: Error) => error.message,
  );
}

function notFound(name: string, what: string): TributaryError {
  return userError(
    "BuilderNotFound",
    `the builder "${name}" of the setting imageBuild.builder ${what}`,
    "make it (docker buildx create --name …), name another one, or remove the setting: then one of our own is used",
  );
}

function inWords(builders: ListedBuilder[]): string {
  const states = builders.map(({ Name, Driver, Err, Nodes }) => {
    const state = Err ? "cannot be used" : (Nodes?.[0]?.Status ?? "unknown");
    return `${Name} (${[Driver, state].filter(Boolean).join(", ")})`;
  });
  return states.join(", ") || "none";
}

/** What a Dockerfile may be built from, while it is read from top to bottom. */
export interface References {
  /** Build arguments that name images. */
  allowed: readonly string[];
  /** Arguments that are declared before the first FROM, with their defaults. */
  declared: ReadonlyMap<string, string | undefined>;
  /** Names of the stages so far; "" for those without. */
  stages: string[];
  /** Allowed arguments that were really named. */
  used: Set<string>;
}

/** What is wrong, and what to do. */
export interface Problem {
  text: string;
  next: string;
}

const PINNED = /^[^\s@]+@sha256:[0-9a-f]{64}$/;
const VARIABLE = /\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))/g;

/**
 * Checks an image that a Dockerfile names: only what cannot change under its name is allowed.
 *
 * @param instruction where it is named, for the message
 */
export function imageProblem(image: string, references: References, instruction = "FROM"): Problem | undefined {
  const { allowed, declared, stages, used } = references;
  const argument = /^\$(?:\{(\w+)\}|(\w+))$/.exec(image);
  const name = argument?.[1] ?? argument?.[2];
  if (name !== undefined && allowed.includes(name)) {
    used.add(name);
    if (declared.has(name)) return undefined;
    return {
      text: `${instruction} ${image}: the argument is not declared`,
      next: `write "ARG ${name}" before the first FROM`,
    };
  }
  const expanded = image.replace(VARIABLE, (_, braced?: string, fallback?: string, plain?: string) => {
    return declared.get(braced ?? plain ?? "") ?? fallback ?? "";
  });
  const stage = expanded.toLowerCase();
  const isStage = (stage !== "" && stages.includes(stage)) || (instruction !== "FROM" && isIndex(stage, stages.length));
  if (isStage || (instruction === "FROM" && expanded === "scratch") || PINNED.test(expanded)) return undefined;
  const found =
    expanded === ""
      ? `${image} has no value`
      : `${expanded === image ? image : `${image} (${expanded})`} can change under its name`;
  return {
    text: `${instruction} ${found}; allowed: an earlier stage, scratch, ${allowed.map((one) => `\${${one}}`).join(", ")}, or an image by its digest (…@sha256:…)`,
    next: `name it by its digest: docker buildx imagetools inspect ${expanded || "<image>"} shows it; or add it to tributary:imageBuild.baseImages and use its argument`,
  };
}

function isIndex(text: string, stages: number): boolean {
  return /^\d+$/.test(text) && Number(text) < stages;
}

/**
 * Checks a source of COPY or ADD.
 *
 * @param pinned whether a checksum stands with it
 * @returns what is read of the build context; undefined for what comes from elsewhere
 */
export function checkSource(source: string, pinned: boolean): { problem?: Problem; pattern?: string } {
  if (/^(https?|git|ssh):\/\/|^git@/.test(source)) return pinned ? {} : { problem: remoteProblem(source) };
  if (source.includes("$")) return { problem: unresolved(source) };
  const pattern = normalise(source);
  return pattern === undefined ? { problem: outside(source) } : { pattern };
}

function remoteProblem(source: string): Problem {
  return {
    text: `ADD ${source} can change under its address; allowed: with --checksum=sha256:…`,
    next: "add the checksum of what you expect, or keep the file in the function's folder",
  };
}

function unresolved(source: string): Problem {
  return {
    text: `the source ${source} has a variable without a value; allowed: variables with a default, declared in this stage`,
    next: `give it one: ARG <name>=<value> before this line`,
  };
}

function outside(source: string): Problem {
  return {
    text: `the source ${source} leads out of the build context; allowed: paths below it`,
    next: "move the file into the function's folder",
  };
}

/** The pattern without `.`, `..` and slashes at its ends, as Docker cleans it; undefined when it leads out. */
function normalise(source: string): string | undefined {
  const parts: string[] = [];
  for (const part of source.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === ".." && parts.pop() === undefined) return undefined;
    if (part !== "..") parts.push(part);
  }
  return parts.join("/") || ".";
}

import { type Copy, DockerfileParser, type From, type Instruction, type ModifiableInstruction } from "dockerfile-ast";
import { validate } from "dockerfile-utils";
import { checkSource, imageProblem, type References } from "./references";
import type { ImageProblem } from "./types";

/** A path or pattern of the build context that a Dockerfile reads. */
export interface CopySource {
  /** Relative to the context; `*`, `?` and `[…]` as in Docker. */
  pattern: string;
  line: number;
}

/** What a Dockerfile says, as far as it decides about its image. */
export interface CheckedDockerfile {
  text: string;
  /** What it reads of the build context. */
  copies: CopySource[];
  /** Names of the build arguments that its images come from, sorted, e.g. `BASE_IMAGE`. */
  imageArguments: string[];
  /** Whether commands run while it is built. */
  runs: boolean;
  problems: ImageProblem[];
}

/**
 * Checks a Dockerfile: its syntax, and that everything it is built from is either in the build context or named by a
 * digest. All problems are told at once.
 *
 * @param where the image and the Dockerfile's path, for messages
 * @param allowed build arguments that name images, e.g. `BASE_IMAGE`, `LAYER_IMAGE`
 */
export function checkDockerfile(
  text: string,
  where: { name: string; file: string },
  allowed: readonly string[],
): CheckedDockerfile {
  const parsed = DockerfileParser.parse(text);
  const instructions = parsed.getInstructions();
  const references: References = {
    allowed,
    declared: new Map(parsed.getInitialARGs().map((arg) => nameAndDefault(arg))),
    stages: [],
    used: new Set(),
  };
  const checked: CheckedDockerfile = { text, copies: [], imageArguments: [], runs: false, problems: [] };
  const tell = (line: number, problem: { text: string; next: string } | undefined) => {
    if (problem !== undefined) checked.problems.push({ ...where, line, ...problem });
  };
  for (const problem of syntaxProblems(text)) tell(problem.line, problem);
  tell(1, directiveProblem(parsed.getDirectives()));
  for (const instruction of instructions) read(instruction, references, checked, tell);
  checked.imageArguments = [...references.used].sort();
  return checked;
}

type Tell = (line: number, problem: { text: string; next: string } | undefined) => void;

function read(instruction: Instruction, references: References, checked: CheckedDockerfile, tell: Tell): void {
  const line = lineOf(instruction);
  const keyword = instruction.getKeyword();
  if (keyword === "FROM") {
    const from = instruction as From;
    tell(line, imageProblem(from.getImage() ?? "", references));
    references.stages.push(from.getBuildStage()?.toLowerCase() ?? "");
  } else if (keyword === "COPY" || keyword === "ADD") {
    const from = flag(instruction, "from");
    if (from !== undefined) tell(line, imageProblem(from, references, "COPY --from"));
    else readSources(instruction, checked, tell);
  } else if (keyword === "RUN") {
    checked.runs = true;
    readMounts(instruction, references, checked, tell);
  }
}

function readSources(instruction: Instruction, checked: CheckedDockerfile, tell: Tell): void {
  const line = lineOf(instruction);
  const pinned = flag(instruction, "checksum") !== undefined;
  for (const source of sourcesOf(instruction)) {
    const { problem, pattern } = checkSource(source, pinned);
    tell(line, problem);
    if (pattern !== undefined) checked.copies.push({ pattern, line });
  }
}

/** `RUN --mount=type=bind` reads the build context, or another image. */
function readMounts(instruction: Instruction, references: References, checked: CheckedDockerfile, tell: Tell): void {
  const line = lineOf(instruction);
  const mounts = (instruction as ModifiableInstruction).getFlags().filter((one) => one.getName() === "mount");
  for (const mount of mounts) {
    const options = new Map((mount.getValue() ?? "").split(",").map((option) => pair(option)));
    const from = options.get("from");
    if (from !== undefined) tell(line, imageProblem(from, references, "RUN --mount from"));
    else if ((options.get("type") ?? "bind") === "bind") {
      const { problem, pattern } = checkSource(options.get("source") ?? options.get("src") ?? ".", false);
      tell(line, problem);
      if (pattern !== undefined) checked.copies.push({ pattern, line });
    }
  }
}

function pair(option: string): [string, string] {
  const at = option.indexOf("=");
  return at < 0 ? [option, ""] : [option.slice(0, at), option.slice(at + 1)];
}

/** The sources of COPY and ADD; a here-document brings its text with it. */
function sourcesOf(instruction: Instruction): string[] {
  const heredocs = new Set((instruction as Copy).getHeredocs?.().map((one) => one.getName()) ?? []);
  const json = jsonForm(instruction);
  const words = json ?? instruction.getExpandedArguments().map((argument) => argument.getValue());
  if (heredocs.size === 0) return words.slice(0, -1);
  const end = words.findIndex((word) => !word.startsWith("<<"));
  return words.slice(0, end).filter((word) => !word.startsWith("<<"));
}

/** The parser's own reading of the JSON form loses white space inside of names. */
function jsonForm(instruction: Instruction): string[] | undefined {
  const raw = (instruction.getRawArgumentsContent() ?? "").replace(/\\[ \t]*\r?\n/g, "").replace(/^(--\S+\s+)*/, "");
  if (!raw.startsWith("[")) return undefined;
  try {
    const words: unknown = JSON.parse(raw);
    return Array.isArray(words) && words.every((word) => typeof word === "string") ? words : undefined;
  } catch {
    return undefined;
  }
}

function flag(instruction: Instruction, name: string): string | undefined {
  const flags = (instruction as Partial<ModifiableInstruction>).getFlags?.() ?? [];
  return flags.find((one) => one.getName() === name)?.getValue() ?? undefined;
}

function nameAndDefault(arg: Instruction): [string, string | undefined] {
  const [name, value] = pair(arg.getArguments()[0]?.getValue() ?? "");
  return [name, value === "" ? undefined : value.replace(/^(["'])(.*)\1$/, "$2")];
}

function syntaxProblems(text: string) {
  return validate(text)
    .filter((diagnostic) => diagnostic.severity === 1)
    .map(({ range, message }) => ({
      line: range.start.line + 1,
      text: typeof message === "string" ? message : message.value,
      next: "correct the Dockerfile at this line",
    }));
}

/** A frontend from a registry is code that builds the image: it must be pinned as well. */
function directiveProblem(directives: { getName(): string; getValue(): string }[]) {
  const syntax = directives.find((one) => one.getName().toLowerCase() === "syntax")?.getValue();
  if (syntax === undefined || /@sha256:[0-9a-f]{64}$/.test(syntax)) return undefined;
  return {
    text: `found "# syntax=${syntax}"; allowed: none, or a frontend by its digest (…@sha256:…)`,
    next: "remove the line: BuildKit has a frontend built in",
  };
}

const lineOf = (instruction: Instruction) => instruction.getRange().start.line + 1;

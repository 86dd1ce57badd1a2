import * as path from "node:path";
import { TributaryError } from "../errors";
import type { CommandContext, Outcome } from "../commands/context";
import { markdown } from "./docs";
import { describeError, errorDocument } from "./failures";
import { Interruption } from "./interrupt";
import { loadCommand, loadSchema } from "./lazy";
import { parse, type Parsed } from "./parse";
import { createRenderer, type Renderer } from "./render";

const root = path.resolve(__dirname, "../..");

/** Runs one command line and ends the process with its exit code. */
export function main(args: string[]): void {
  process.stdout.on("error", leaveQuietly);
  process.stderr.on("error", leaveQuietly);
  const json = args.includes("--json");
  run(args)
    .catch((error: unknown) => fail(error, json))
    .then(finish, (error: unknown) => finish(fail(error, json)));
}

async function run(args: string[]): Promise<number> {
  if (args[0] === "--markdown") {
    process.stdout.write(markdown());
    return 0;
  }
  if (args[0] === "--manifest-schema") {
    process.stdout.write(loadSchema().manifestJsonSchema());
    return 0;
  }
  const parsed = parse(args);
  if (parsed.kind === "help") {
    process.stdout.write(parsed.text);
    return 0;
  }
  const renderer = createRenderer({
    stream: process.stderr,
    live: process.stderr.isTTY && !parsed.json && !process.env.CI,
    clock: Boolean(process.env.CI),
  });
  try {
    const outcome = await execute(parsed, renderer);
    renderer.close();
    process.stdout.write(parsed.json ? documentText(outcome.document) : outcome.text);
    return outcome.exitCode ?? 0;
  } finally {
    renderer.close();
  }
}

async function execute(parsed: Extract<Parsed, { kind: "run" }>, renderer: Renderer): Promise<Outcome> {
  const { specification, values } = parsed;
  const say = (text: string) => renderer.sink({ type: "message", level: "warning", text });
  const interruption = new Interruption(
    process,
    say,
    `To go on: tributary ${commandLine(specification.name, values.env)}`,
  );
  const context: CommandContext = {
    root,
    sink: renderer.sink,
    signal: interruption.signal,
    shield: (work, kill) => interruption.shield(work, kill),
    print(document, text) {
      printed = true;
      process.stdout.write(parsed.json ? lineOf(document) : text);
    },
  };
  return interruption.race(Promise.resolve().then(() => loadCommand(specification.module).run(context, values)));
}

function commandLine(name: string, env: unknown): string {
  return typeof env === "string" ? `${name} ${env} (the same command again)` : name;
}

/** Whether a command prints as it goes on: a Ctrl-C is how it is ended then, and further documents have a line each. */
let printed = false;

function lineOf(document: unknown): string {
  return document === undefined ? "" : `${JSON.stringify(document)}\n`;
}

function documentText(document: unknown): string {
  return document === undefined ? "" : `${JSON.stringify(document, null, 2)}\n`;
}

function fail(error: unknown, json: boolean): number {
  if (printed && error instanceof TributaryError && error.code === "Interrupted") return 130;
  if (json) process.stdout.write(`${JSON.stringify(errorDocument(error), null, printed ? undefined : 2)}\n`);
  process.stderr.write(describeError(error, { color: process.stderr.isTTY === true }));
  if (!(error instanceof TributaryError)) return 1;
  return error.code === "Interrupted" ? 130 : error.exitCode;
}

/** Waits until the output has left: a pipe takes what is written later than a process that exits at once. */
function finish(code: number): void {
  process.exitCode = code;
  process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
}

/** The reader of a pipe may go when it has read enough (`tributary query … | head`); that is no failure. */
function leaveQuietly(error: NodeJS.ErrnoException): void {
  process.exit(error.code === "EPIPE" ? (process.exitCode ?? 0) : 1);
}

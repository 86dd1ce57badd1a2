import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { userError } from "../errors";
import { commands } from "./commands";
import type { CommandSpecification, FlagSpecification, Values } from "./specification";

/** Commands that have commands of their own: the first word of a name of two. */
export const groups = [
  { name: "images", summary: "build, list and compare container images" },
  { name: "branch", summary: "environments that come and go with a git branch" },
  { name: "dataset", summary: "add datasets" },
  { name: "pipeline", summary: "draw, run and keep up the pipelines of Pulumi.delivery.yaml" },
  { name: "distribute", summary: "deliver what a team builds beside images" },
];

/** A command line that was understood. */
export type Parsed =
  { kind: "run"; specification: CommandSpecification; values: Values; json: boolean } | { kind: "help"; text: string };

/**
 * Understands a command line.
 *
 * @param args what follows the program's name
 * @throws TributaryError `WrongUsage` when it is not a valid one
 */
export function parse(args: string[]): Parsed {
  let result: Parsed | undefined;
  let printed = "";
  const write = (text: string) => (printed += text);
  const program = buildProgram((parsed) => (result = parsed)).configureOutput({ writeOut: write, writeErr: () => {} });
  inherit(program);
  if (args.length === 0) return { kind: "help", text: program.helpInformation() };
  const group = args.length === 1 ? program.commands.find((command) => command.name() === args[0]) : undefined;
  if (group && group.commands.length > 0) return { kind: "help", text: group.helpInformation() };
  try {
    program.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: "help", text: printed };
    const named =
      commands.find(({ name }) => name === args[0] || name === `${args[0]} ${args[1]}`) ??
      groups.find(({ name }) => name === args[0]);
    throw userError(
      "WrongUsage",
      error.message.replace(/^error: /, ""),
      `tributary ${named ? `${named.name} ` : ""}--help`,
    );
  }
  return result ?? { kind: "help", text: printed || program.helpInformation() };
}

function buildProgram(done: (parsed: Parsed) => void): Command {
  const program = new Command("tributary")
    .description("Delivers a serverless data lake to an environment, and works with it.")
    .exitOverride()
    .showSuggestionAfterError()
    .addHelpText(
      "after",
      "\nEvery command takes --json: one document on stdout, progress on stderr.\nExit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 a gate waits for an approval, 130 interrupted.",
    );
  const parents = new Map(
    groups.map(({ name, summary }) => [name, new Command(name).summary(summary).description(sentence(summary))]),
  );
  for (const specification of commands) {
    const [group] = specification.name.split(" ") as [string];
    const parent = parents.get(group);
    if (parent && !program.commands.includes(parent)) program.addCommand(parent);
    addCommand(parent ?? program, specification, done);
  }
  return program;
}

/** Commands of a group write where the program writes, and throw as it throws. */
function inherit(program: Command): void {
  for (const command of program.commands) {
    command.copyInheritedSettings(program);
    inherit(command);
  }
}

function addCommand(program: Command, specification: CommandSpecification, done: (parsed: Parsed) => void): void {
  const command = program.command(specification.name.split(" ").pop()!).summary(specification.summary);
  command.description([sentence(specification.summary), specification.details].filter(Boolean).join("\n\n"));
  for (const { name, summary, optional, variadic } of specification.arguments) {
    const inner = variadic ? `${name}...` : name;
    command.argument(optional ? `[${inner}]` : `<${inner}>`, summary);
  }
  for (const flag of specification.flags) command.addOption(option(flag));
  command.option("--json", "print one JSON document on stdout");
  command.addHelpText(
    "after",
    `\nExamples:\n${specification.examples.map((e) => `  ${e.line}\n      ${e.does}`).join("\n")}`,
  );
  command.action((...received: unknown[]) => {
    const given = specification.arguments.map(({ name }, index) => [name, received[index]]);
    const { json, ...flags } = command.opts<Record<string, string | number | boolean>>();
    done({ kind: "run", specification, values: { ...flags, ...Object.fromEntries(given) }, json: json === true });
  });
}

function option(flag: FlagSpecification): Option {
  const made = new Option(`--${flag.name}${flag.value ? ` <${flag.value}>` : ""}`, flag.summary);
  if (flag.kind === "integer") made.argParser(integer);
  if (flag.repeat) made.argParser((text: string, before: string[] = []) => [...before, text]);
  if (flag.required) made.makeOptionMandatory();
  return flag.default === undefined ? made : made.default(flag.default);
}

function integer(text: string): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) < 1)
    throw new InvalidArgumentError("A whole number of at least 1 is allowed.");
  return Number(text);
}

/** A summary as a sentence: capital letter and full stop. */
export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

import type { CommandContext, Outcome } from "../commands/context";

/** A positional argument of a command. */
export interface ArgumentSpecification {
  /** Name in help and in the values given to the command. */
  name: string;
  summary: string;
  /** May be left out. @default false */
  optional?: boolean;
  /** Takes all that follow. @default false */
  variadic?: boolean;
}

/** A flag of a command, written with two dashes. */
export interface FlagSpecification {
  /** Name without the dashes, in kebab case; the command gets it in camel case. */
  name: string;
  summary: string;
  /** Name of the value in help, e.g. `seconds`; a flag without it is a switch. */
  value?: string;
  /** `integer`: a whole number of at least 1. @default "text" */
  kind?: "text" | "integer";
  default?: string | number;
  /** Has to be given. @default false */
  required?: boolean;
  /** May be given several times; the command gets a list. Only of texts. @default false */
  repeat?: boolean;
}

/** Values that a command gets: arguments by name, flags by name in camel case. */
export type Values = Record<string, string | string[] | number | boolean | undefined>;

/** What a command's module exports. */
export interface CommandModule {
  /**
   * Does the work. Emits events through the context, prints nothing itself.
   *
   * @throws TributaryError for everything that a person can act on
   */
  run(context: CommandContext, values: Values): Promise<Outcome>;
}

/** A command as data: its parser, its help and docs/driver.md are made from this. */
export interface CommandSpecification {
  name: string;
  summary: string;
  /** Paragraphs below the summary in help and docs. */
  details?: string;
  arguments: ArgumentSpecification[];
  flags: FlagSpecification[];
  /** Command lines with what they do. */
  examples: { line: string; does: string }[];
  /** The JSON document that `--json` prints, described by an example or a type. */
  json: string;
  /** Name of the module below automation/commands that does the work. */
  module: string;
}

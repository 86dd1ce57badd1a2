import * as path from "node:path";
import type { Values } from "../cli/specification";
import { localAwsStopped } from "../lake/stopped";
import { findLocalAws } from "../local";
import { findEnvironment } from "../stacks/environments";
import { load } from "./late";
import type { CommandContext, Outcome } from "./context";

/** `tributary env <env>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const { root, sink, signal } = context;
  const environment = findEnvironment(root, String(values.env));
  const aws = environment.local ? await findLocalAws(root) : undefined;
  if (environment.local && !aws) throw localAwsStopped("tributary deploy local");
  const toolchain = await load("../toolchain").resolveToolchain(sink, { signal });
  const env = load("../stacks/workspace").engineEnvironment(root, environment, toolchain, aws);
  const lines = Object.entries({ ...env, PATH: undefined }).flatMap(([name, value]) =>
    value === undefined ? [] : [`export ${name}=${quote(value)}`],
  );
  const first = toolchain.directories.map((directory) => `${quote(directory)}${path.delimiter}`).join("");
  return { document: { env }, text: `${[`export PATH=${first}"$PATH"`, ...lines].join("\n")}\n` };
}

/** A value as one word of a POSIX shell, whatever is in it. */
export function quote(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}

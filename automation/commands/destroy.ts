import { describeError, errorDocument } from "../cli/failures";
import { table } from "../cli/render/table";
import { duration } from "../cli/render/text";
import type { Values } from "../cli/specification";
import { userError } from "../errors";
import { environmentStacks, type EnvironmentStacks } from "../stacks/environments";
import { exclusively } from "../stacks/exclusive";
import { lockFolder } from "../stacks/folders";
import type { Changes } from "../stacks/progress";
import type { EnvironmentResult } from "../waves/results";
import { environmentFailure } from "../waves/results";
import { eraseLocal } from "../waves/eraseLocal";
import { load } from "./late";
import type { CommandContext, Outcome } from "./context";
import { secondsSince } from "../events";

/** `tributary destroy <env>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const started = performance.now();
  const name = String(values.env);
  const environment = environmentStacks(context.root, name);
  confirm(environment, values.yes);
  if (environment.env !== "local") {
    const parallel = typeof values.parallel === "number" ? { parallel: values.parallel } : {};
    const { destroyEnvironment } = load("../waves/destroy");
    return describe(await destroyEnvironment(context, environment, { empty: values.empty === true, ...parallel }));
  }
  await exclusively(lockFolder(context.root, environment.stacks[0]!), "destroy local", () => eraseLocal(context));
  const seconds = secondsSince(started);
  return { document: { ok: true, env: name, seconds }, text: `${name} is destroyed, in ${duration(seconds)}\n` };
}

/** All but `local`, which is thrown away, and everything that is protected, has to be named once more. */
function confirm({ env, stacks }: EnvironmentStacks, yes: unknown): void {
  const guarded = stacks.some((stack) => stack.protected);
  if ((env === "local" && !guarded) || yes === env) return;
  const found = typeof yes === "string" ? `--yes ${yes}` : "no --yes";
  const what = `${guarded ? "the protected environment " : ""}${env}`;
  const regions = stacks.length > 1 ? ` in ${stacks.length} regions` : "";
  const message = `destroy removes ${what}${regions} and all its data; found ${found}, allowed is --yes ${env}`;
  throw userError("NotConfirmed", message, `tributary destroy ${env} --yes ${env}`);
}

function describe(result: EnvironmentResult<Changes>): Outcome {
  const { env, ok, stacks, seconds } = result;
  const several = stacks.length > 1;
  if (!ok && !several) throw environmentFailure(result, "destroyed");
  const told = stacks.map(({ target, status, result: changes, error }) => ({
    ...target,
    status,
    ...(changes ? { deleted: changes.delete } : {}),
    ...(error === undefined ? {} : errorDocument(error)),
  }));
  const rows = told.map(({ wave, stack, region, status, deleted }) => {
    return { wave: wave + 1, stack, region, status, deleted: deleted ?? null };
  });
  const text = several ? `${table(["wave", "stack", "region", "status", "deleted"], rows)}\n` : "";
  if (ok) {
    const end = `${env} is destroyed${several ? ` in ${stacks.length} stacks` : ""}, in ${duration(seconds)}\n`;
    return { document: { ok, env, seconds, ...(several ? { stacks: told } : {}) }, text: `${text}${end}` };
  }
  const error = environmentFailure(result, "destroyed");
  return {
    document: { ...errorDocument(error), env, stacks: told, seconds },
    text: `${text}${describeError(error, { color: false })}`,
    exitCode: error.exitCode,
  };
}

import { rm } from "node:fs/promises";
import type { Values } from "../cli/specification";
import { duration } from "../cli/render/text";
import { eraseBuilder } from "../builder";
import { userError } from "../errors";
import { step } from "../events";
import { eraseLocalAws } from "../local";
import { killLeft } from "../stacks/engine";
import { findEnvironment, stateFolder, workFolder, type Environment } from "../stacks/environments";
import { exclusively } from "../stacks/exclusive";
import { engineFolder, lockFolder } from "../stacks/folders";
import { load } from "./late";
import type { CommandContext, Outcome } from "./context";

/** `tributary destroy <env>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const started = performance.now();
  const environment = findEnvironment(context.root, String(values.env));
  if (!environment.local && values.yes !== environment.name) {
    const found = typeof values.yes === "string" ? `--yes ${values.yes}` : "no --yes";
    const message = `destroy removes ${environment.name} and all its data; found ${found}, allowed is --yes ${environment.name}`;
    throw userError("NotConfirmed", message, `tributary destroy ${environment.name} --yes ${environment.name}`);
  }
  await exclusively(lockFolder(context.root, environment), `destroy ${environment.name}`, () =>
    environment.local
      ? destroyLocal(context, environment)
      : load("../stacks/destroy").destroyStack(context, environment),
  );
  if (environment.local) await rm(workFolder(context.root), { recursive: true, force: true });
  const seconds = Math.round(performance.now() - started) / 1000;
  return {
    document: { ok: true, env: environment.name, seconds },
    text: `${environment.name} is destroyed, in ${duration(seconds)}\n`,
  };
}

/**
 * Erasing the emulator's state is the whole of it: there is nothing beyond it to be removed resource by resource. The
 * order matters when this is interrupted: recorded state without its local AWS is recognised by the next command, the
 * other way round would leave resources that nobody knows of.
 */
async function destroyLocal(context: CommandContext, environment: Environment): Promise<void> {
  const { root, sink } = context;
  await step(sink, "Remove the local environment", async (progress) => {
    for (const name of [environment.name, "images.local"]) await killLeft(engineFolder(root, { ...environment, name }));
    progress("stopping the image builder");
    await eraseBuilder(root);
    progress("stopping the local AWS");
    await eraseLocalAws(root);
    await rm(stateFolder(root), { recursive: true, force: true });
  });
}

import type { CommandContext } from "../commands/context";
import { step } from "../events";
import { resolveToolchain } from "../toolchain";
import type { Environment } from "./environments";
import { failure } from "./deploy";
import { EngineListener } from "./progress";
import { openStack } from "./workspace";

/** Removes an environment on AWS resource by resource, and then its recorded state. Settings files stay. */
export async function destroyStack(context: CommandContext, environment: Environment): Promise<void> {
  const toolchain = await resolveToolchain(context.sink, { signal: context.signal });
  const { stack, engine } = await openStack(context.root, environment, toolchain, undefined, async () => ({}));
  await context.shield(
    () =>
      step(context.sink, `Destroy ${environment.name}`, async (progress) => {
        const listener = new EngineListener(progress);
        try {
          await stack.destroy({ onEvent: listener.onEvent, signal: context.signal, color: "never" });
        } catch (error) {
          throw failure(environment, "destroyed", listener.failures, error);
        }
        await stack.workspace.removeStack(environment.name, { preserveConfig: true });
      }),
    () => engine.kill(),
  );
}

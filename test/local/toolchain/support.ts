import { silent, type EventSink } from "../../../automation/events";
import { TributaryError } from "../../../automation/errors";
import { resolveToolchain, type Toolchain, type ToolchainOptions } from "../../../automation/toolchain";

/** Shows how far a build is, where one is needed, once for each of its steps. */
function progress(): EventSink {
  let last = "";
  return (event) => {
    const step = event.type === "step-progress" ? event.message.replace(/,.*/, "") : "";
    if (event.type === "step-start") console.log(`      ${event.title}`);
    else if (step && step !== last) console.log(`      ${(last = step)}`);
  };
}

/**
 * The toolchain built from Go modules, whatever this machine has on PATH. Skips the calling test, with the reason, where it
 * neither is built nor can be.
 */
export async function builtToolchain(context: Mocha.Context, options: ToolchainOptions = {}): Promise<Toolchain> {
  try {
    return await resolveToolchain(process.env.CI ? silent : progress(), { ...options, sources: ["built"] });
  } catch (error) {
    if (!(error instanceof TributaryError) || error.code !== "ToolchainGoMissing") throw error;
    console.log(`      skipped: ${error.message}`);
    return context.skip();
  }
}

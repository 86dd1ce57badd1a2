import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Rejection } from "../../../../layer/errors";
import { withEngine, type Engine } from "../../../../layer/transform/engine";
import { withWorkspace } from "../../../../layer/transform/workspace";

let shared: Promise<Engine> | undefined;

/**
 * An engine and a folder for one piece of work. As in a function, many pieces of work share the engine, each in a folder of
 * its own: starting one takes longer than most of what tests ask of it. After an error that is no rejection it is not used
 * again.
 */
export async function inEngine<T>(work: (engine: Engine, directory: string) => Promise<T>): Promise<T> {
  const engine = await (shared ??= started());
  try {
    return await withWorkspace((directory) => work(engine, directory), engine.directory);
  } catch (error) {
    if (!(error instanceof Rejection)) shared = undefined;
    throw error;
  }
}

/** Ends with the process. */
function started(): Promise<Engine> {
  const directory = mkdtempSync(path.join(tmpdir(), "tributary-engine-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  return new Promise((resolve, reject) => {
    const held = (engine: Engine) => {
      resolve(engine);
      return new Promise<never>(() => undefined);
    };
    withEngine(directory, held).catch(reject);
  });
}

/**
 * A process that contends for guards, for the tests: told by its parent what to do, one order at a time.
 * Arguments: a JSON object with `backend`, `variables`, and optionally the machine that it pretends to be on and its timing.
 */
import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { openStore, type ObjectStore } from "../../../automation/backend";
import { TributaryError } from "../../../automation/errors";
import { withGuard, type GuardOptions } from "../../../automation/guard";
import { realSystem } from "../../../automation/guard/system";
import type { Timing } from "../../../automation/guard/timing";

/** What a contender is started with. */
export interface Start {
  backend: string;
  variables: Record<string, string>;
  machine?: string;
  timing?: Timing;
}

/** What the parent says. */
export type Order =
  /** Try once; keep it until told otherwise. */
  | { order: "race"; stack: string }
  | { order: "release" }
  /** Count up in a file, so many times, each time under the guard. */
  | { order: "count"; stack: string; file: string; times: number }
  /** Take it and keep it until it is lost, or for ever. */
  | { order: "keep"; stack: string };

/** What a contender answers. `collided`: its write met another one. */
export type Answer =
  { answer: "ready" | "won" | "released" | "counted" | "kept" } | { answer: "lost"; code: string; collided: boolean };

const start = JSON.parse(process.argv[2]!) as Start;
let collided = false;
const store = watched(openStore(".", { backend: start.backend }, start.variables));
const options: GuardOptions = { ...(start.timing ? { timing: start.timing } : {}), ...pretended(start.machine) };
let release: () => void = () => undefined;

/** The same store, which tells when a conditional write did not succeed. */
function watched(inner: ObjectStore): ObjectStore {
  return Object.assign(Object.create(inner) as ObjectStore, {
    swap: async (key: string, text: string, version: string | undefined) => {
      const done = await inner.swap(key, text, version);
      if (done === undefined) collided = true;
      return done;
    },
  });
}

function pretended(machine: string | undefined): GuardOptions {
  if (machine === undefined) return {};
  return { system: { ...realSystem, self: async () => ({ ...(await realSystem.self()), machine, host: machine }) } };
}

function say(answer: Answer): void {
  process.send!(answer);
}

async function race(stack: string): Promise<void> {
  collided = false;
  const until = new Promise<void>((resolve) => (release = resolve));
  try {
    await withGuard(store, { project: "races", stack }, "race", async () => (say({ answer: "won" }), until), options);
    say({ answer: "released" });
  } catch (error) {
    say({ answer: "lost", code: error instanceof TributaryError ? error.code : String(error), collided });
  }
}

async function count(stack: string, file: string, times: number): Promise<void> {
  for (let done = 0; done < times; done++) {
    await withGuard(
      store,
      { project: "races", stack },
      "count",
      async () => {
        const value = Number(await readFile(file, "utf8"));
        await sleep(0);
        await writeFile(file, String(value + 1));
      },
      { ...options, patience: 60_000 },
    );
  }
  say({ answer: "counted" });
}

async function keep(stack: string): Promise<void> {
  const work = (signal: AbortSignal) => {
    say({ answer: "kept" });
    return new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  };
  const kept = withGuard(store, { project: "races", stack }, "keep", work, { ...options, patience: 60_000 });
  await kept.catch((error: TributaryError) => say({ answer: "lost", code: error.code, collided: false }));
}

process.on("message", (message: Order) => {
  if (message.order === "release") return release();
  if (message.order === "race") return void race(message.stack);
  if (message.order === "keep") return void keep(message.stack);
  void count(message.stack, message.file, message.times);
});
process.on("disconnect", () => process.exit());
say({ answer: "ready" });

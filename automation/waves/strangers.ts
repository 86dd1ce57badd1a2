import { readdir } from "node:fs/promises";
import * as path from "node:path";
import { openBackend } from "../backend";
import { userError } from "../errors";
import type { Environment, EnvironmentStacks } from "../stacks/environments";
import type { Session } from "../stacks/session";
import { outputsOf } from "../stacks/state";
import { readState } from "../stacks/stateReader";

/**
 * Looks for what an edit of `tributary:waves` leaves behind, before anything is touched: a stack whose region became another one,
 * which would be replaced as a whole, stacks of regions that are not among the waves any more, and settings files of such regions.
 *
 * @throws user error `RegionMoved`
 */
export async function lookForStrangers(session: Session, environment: EnvironmentStacks): Promise<void> {
  await Promise.all(environment.stacks.map((stack) => refuseMove(session, stack)));
  const [left, files] = await Promise.all([leftStacks(session, environment), strangeFiles(environment)]);
  const warn = (text: string) => session.context.sink({ type: "message", level: "warning", text });
  if (left.length > 0) {
    const where = left.join(", ");
    warn(`still deployed, but not in tributary:waves: ${where}; put the region back and destroy it there, or keep it`);
  }
  for (const file of files) warn(`${file} is of no region in tributary:waves: nothing reads it`);
}

async function refuseMove(session: Session, stack: Environment): Promise<void> {
  const reading = await readState(session.context.root, stack, await session.variables(stack));
  const state = reading === "unreadable" ? undefined : reading.state;
  const before = state && outputsOf(state).region;
  if (typeof before !== "string" || stack.region === undefined || before === stack.region) return;
  const message =
    `the stack ${stack.name} is deployed in ${before}, and the settings say ${stack.region}: ` +
    "all its resources would be replaced, with their data";
  const next = `put ${before} back as its region (the first region of tributary:waves is that of the stack ${stack.env}), or destroy it before`;
  throw userError("RegionMoved", message, next);
}

/** Stacks of the environment in its first stack's backend that its settings do not know. */
async function leftStacks(session: Session, { env, stacks }: EnvironmentStacks): Promise<string[]> {
  const [first] = stacks as [Environment];
  const backend = openBackend(session.context.root, first, await session.variables(first));
  try {
    const folder = `stacks/${first.project}/`;
    const keys = (await backend.engine?.list(`${folder}${env}.`)) ?? [];
    const names = keys.filter((key) => key.endsWith(".json")).map((key) => key.slice(folder.length, -".json".length));
    return names.filter((name) => !stacks.some((stack) => stack.name === name));
  } finally {
    backend.close();
  }
}

async function strangeFiles({ env, stacks }: EnvironmentStacks): Promise<string[]> {
  const folder = path.dirname(stacks[0]!.file);
  const known = new Set(stacks.map(({ name }) => `Pulumi.${name}.yaml`));
  const names = await readdir(folder);
  return names.filter((name) => name.startsWith(`Pulumi.${env}.`) && name.endsWith(".yaml") && !known.has(name));
}

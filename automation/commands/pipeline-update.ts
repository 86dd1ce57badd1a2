import { oneLine } from "../cli/render/text";
import type { Values } from "../cli/specification";
import { userError } from "../errors";
import { throughGates } from "../gates/deployment";
import { pipelineName } from "../pipeline/aws/name";
import { pipelinesOf, readDeliverySettings } from "../pipeline/model";
import { clientsOf } from "../pipeline/steps/clients";
import { writeVariables } from "../pipeline/steps/variables";
import {
  branchPatterns,
  openBranches,
  remoteHeads,
  remotesOf,
  restart,
  structureChanged,
  writeOpenBranches,
  type RunningExecution,
} from "../pipeline/update";
import { restartClient } from "../pipeline/update/client";
import { DELIVERY } from "../settings";
import { environmentStacks } from "../stacks/environments";
import { deployEnvironment } from "../waves/deploy";
import { environmentFailure } from "../waves/results";
import type { CommandContext, Outcome } from "./context";
import { describeChanges } from "./deploy";
import { sumChanges } from "../stacks/progress";

/** `tributary pipeline update <name>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const { root } = context;
  const name = String(values.name);
  checkName(root, name);
  if (process.env.TRIBUTARY_PIPELINE === "local") return checkedOnly(name, values);
  await lookForBranches(context);
  const environment = environmentStacks(root, DELIVERY);
  return throughGates(context, environment, {}, async (passed) => {
    const result = await deployEnvironment(context, environment, passed);
    if (!result.ok) throw environmentFailure(result, "deployed", `tributary pipeline update ${name}`);
    const done = result.stacks.flatMap((stack) => (stack.result ? [stack.result] : []));
    const changed = done.some(({ resources }) => structureChanged(resources, name));
    const started = changed ? await startedAgain(root, name) : undefined;
    await tell(values, started !== undefined);
    const changes = sumChanges(done.map((each) => each.changes));
    const again = started === undefined ? "" : `the pipeline itself has changed: execution ${started} begins again\n`;
    return {
      document: { ok: true, pipeline: name, changes, restarted: started ?? null, seconds: result.seconds },
      text: `the pipelines are as ${name} says: ${describeChanges(changes)}\n${again}`,
    };
  });
}

function checkName(root: string, name: string): void {
  const names = pipelinesOf(readDeliverySettings(root)).map((model) => model.name);
  if (names.includes(name)) return;
  const message = `there is no pipeline ${JSON.stringify(name)}; there are: ${names.join(", ") || "none"}`;
  throw userError("PipelineUnknown", message, "tributary pipeline show");
}

async function checkedOnly(name: string, values: Values): Promise<Outcome> {
  await tell(values, false);
  return {
    document: { ok: true, pipeline: name, restarted: null },
    text: `the settings give the pipeline ${name}; on this machine there is nothing to update\n`,
  };
}

async function tell({ variables }: Values, restarted: boolean): Promise<void> {
  if (typeof variables === "string") await writeVariables(variables, { RESTARTED: String(restarted) });
}

/** Brings the settings to the branches that the repositories have now. */
async function lookForBranches({ root, sink }: CommandContext): Promise<void> {
  const patterns = Object.entries(branchPatterns(readDeliverySettings(root)));
  if (patterns.length === 0) return;
  const remotes = remotesOf(readDeliverySettings(root));
  const each = [...new Set(Object.values(remotes))];
  const heads = new Map(
    await Promise.all(each.map(async (remote) => [remote, await remoteHeads(root, remote)] as const)),
  );
  const found = patterns.map(([name, include]) => [name, openBranches(heads.get(remotes[name]!)!, include)] as const);
  for (const [name, { refused }] of found) {
    if (refused.length === 0) continue;
    const text = `${name}: no pipeline for ${refused.slice(0, 10).map(oneLine).join(", ")}: only letters, digits and ./+@_- in its name, and 50 branches at most`;
    sink({ type: "message", level: "warning", text });
  }
  await writeOpenBranches(root, Object.fromEntries(found.map(([name, { branches }]) => [name, branches])));
}

/** Only an execution can be started again; a person who runs this starts the next one himself. */
async function startedAgain(root: string, name: string): Promise<string | undefined> {
  const { EXECUTION: execution, COMMIT: commit, RESTARTED_FROM: from } = process.env;
  if (!execution || !commit) return undefined;
  const [stack] = environmentStacks(root, DELIVERY).stacks;
  const pipeline = pipelineName(readDeliverySettings(root), name);
  const restartedFrom = from === undefined || from === "none" ? undefined : from;
  const running: RunningExecution = { pipeline, execution, commit, restartedFrom };
  const { settings, close } = await clientsOf(root, stack!);
  const client = restartClient(settings);
  try {
    return await restart(client, running);
  } finally {
    client.close();
    close();
  }
}

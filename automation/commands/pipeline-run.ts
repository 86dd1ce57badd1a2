import { createInterface } from "node:readline/promises";
import { patience } from "../cli/interrupt";
import type { Values } from "../cli/specification";
import { userError } from "../errors";
import { identitySources, whoAmI } from "../gates/identity";
import { runOnAws } from "../pipeline/aws";
import {
  beginRun,
  checkVariables,
  findPipeline,
  findSource,
  ofPipeline,
  pipelinesAt,
  resumeRun,
  runLocally,
  tellChanges,
  type PipelineRun,
  type RepositorySource,
} from "../pipeline/run";
import { describeRun, runDocument } from "../pipeline/run/describe";
import { endGroup } from "../pipeline/run/shell";
import type { CommandContext, Outcome } from "./context";

/** `tributary pipeline run <name> [--local]` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const name = String(values.name);
  const variables = parseVariables(listOf(values.variable));
  if (values.local !== true) {
    refuseLocalFlags(values);
    return runOnAws(context, name, { variables, revision: textOf(values.revision) });
  }
  const { first, models, source } = await prepare(context, name, variables, values);
  const approver = await whoAmI(identitySources(context.root, true, undefined));
  let current = first;
  const runs = await context.shield(
    () =>
      runLocally(context, first, models, source, {
        variables,
        approve: listOf(values.approve),
        ...(process.stdin.isTTY && process.stdout.isTTY ? { ask: (question) => ask(context, question) } : {}),
        who: approver.name,
        alone: values.alone === true,
        fresh: values.fresh === true,
        patience,
        onRun: (begun) => void (current = begun),
        ...(typeof values.parallel === "number" ? { parallel: values.parallel } : {}),
      }),
    () => current.groups.forEach(({ group }) => void endGroup(group, 0)),
  );
  return outcome(runs);
}

async function prepare(context: CommandContext, name: string, variables: Record<string, string>, values: Values) {
  const { root } = context;
  const resumption = { id: textOf(values.run), from: textOf(values.from) };
  if (values.resume === true || resumption.id !== undefined || resumption.from !== undefined) {
    const first = await resumeRun(root, name, resumption);
    const source = first.definition ?? Object.values(first.sources).find((each) => each.kind === "repository")!;
    const models = await pipelinesAt(root, source);
    checkVariables(models, variables);
    return { first, models, source };
  }
  const { own, apart } = await repositoriesOf(listOf(values.repository));
  const source = await findSource(own ?? root, textOf(values.revision) ?? "HEAD");
  const models = await pipelinesAt(root, source);
  const model = findPipeline(models, name);
  checkVariables(models, variables);
  const first = await beginRun(root, { model, source, apart, variables: ofPipeline(model, variables) });
  for (const each of Object.values(first.sources)) if (each.kind === "repository") await tellChanges(context, each);
  return { first, models, source };
}

/** `<folder>`: the repository that defines the pipelines. `<name>=<folder>`: another one, by its name in the settings. */
async function repositoriesOf(given: string[]) {
  const named = given.map((text) => /^([a-z][a-z0-9-]{0,30})=(.+)$/.exec(text) ?? [text, undefined, text]);
  const [own, ...others] = named.flatMap(([, name, folder = ""]) => (name === undefined ? [folder] : []));
  if (others.length > 0) {
    const message = `--repository: found ${given.join(", ")}; allowed: one folder, and <name>=<folder> for others`;
    throw userError("WrongUsage", message, "tributary pipeline run --help");
  }
  const apart: Record<string, RepositorySource> = {};
  for (const [, name, folder = ""] of named) if (name !== undefined) apart[name] = await findSource(folder, "HEAD");
  return { own, apart };
}

function outcome(runs: PipelineRun[]): Outcome {
  const last = runs.at(-1)!;
  const text = runs.map(describeRun).join("\n");
  const documents = runs.map(runDocument);
  if (last.status === "SUCCEEDED") return { document: { ok: true, runs: documents }, text };
  const stage = last.stages.find(({ status }) => !["SUCCEEDED", "SKIPPED"].includes(status));
  const action = stage?.actions.find(({ status }) => !["SUCCEEDED", "SKIPPED", "PENDING"].includes(status));
  const where = [stage?.name, action?.name].filter(Boolean).join(": ");
  const again = `tributary pipeline run ${last.pipeline} --local --run ${last.id}`;
  if (last.status === "WAITING") {
    const waiting = action?.name ?? stage?.name ?? "all";
    const message = `${where} waits for an approval: ${action?.why ?? ""}`;
    const error = { code: "PipelineWaits", message, next: `${again} --approve ${waiting}` };
    return { document: { ok: false, error, runs: documents }, text: `${text}next: ${error.next}\n`, exitCode: 3 };
  }
  const message = `${last.pipeline} failed at ${where}: ${action?.why ?? stage?.why ?? "see its log"}`;
  const next = `mend it and commit, then run it again; or, where the commit is not to blame, go on: ${again}`;
  const error = { code: "PipelineFailed", message, next };
  return { document: { ok: false, error, runs: documents }, text: `${text}next: ${next}\n`, exitCode: 1 };
}

/** A yes at the terminal; anything else is a no. */
async function ask({ sink, signal }: CommandContext, question: string): Promise<boolean> {
  sink({ type: "message", level: "info", text: question });
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question("Approve? (yes/no) ", { signal });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

function parseVariables(given: string[]): Record<string, string> {
  const entries = given.map((text) => {
    const at = text.indexOf("=");
    const name = text.slice(0, at);
    if (at > 0 && /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name)) return [name, text.slice(at + 1)] as const;
    throw userError(
      "WrongUsage",
      `--variable takes NAME=VALUE; found: ${text.slice(0, 80)}`,
      "tributary pipeline run --help",
    );
  });
  return Object.fromEntries(entries);
}

const localOnly = ["repository", "approve", "run", "resume", "from", "alone", "fresh", "parallel"];

function refuseLocalFlags(values: Values): void {
  const given = localOnly.filter((flag) => values[flag] !== undefined);
  if (given.length === 0) return;
  const message = `--${given.join(", --")} belongs to --local; a pipeline on AWS is approved and gone on with there`;
  throw userError("WrongUsage", message, "tributary pipeline run --help");
}

const listOf = (value: Values[string]): string[] => (Array.isArray(value) ? value : []);

const textOf = (value: Values[string]): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

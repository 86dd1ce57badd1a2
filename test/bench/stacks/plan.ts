import { regions, resourcesOfSmallProgram, useSmallProgram, writeEnvironment } from "../../local/support/smallProgram";
import { Workspace } from "../../local/support/workspace";
import type { BenchmarkResult } from "../index";
import { machine } from "../images/setup";
import { columnsOf, measured, type Measurement } from "../images/meter";
import { bare, type BareStack } from "./bare";

interface Row extends Measurement {
  stacks: number;
  side: string;
  change: "all changed" | "none changed";
}

const sizes = [1, 6, 12, 30];

/**
 * Previews of 1, 6, 12 and 30 stacks: `tributary plan` against a shell loop of single previews, with a change in every stack; and
 * without one, where `tributary plan --changed` has to find that out.
 */
export async function plan(): Promise<BenchmarkResult> {
  const workspace = await Workspace.create("bench-plan");
  try {
    const rows: Row[] = [];
    for (const stacks of sizes) rows.push(...(await measureSize(workspace, stacks)));
    return { machine: machine(), rows: rows.map(rounded), conclusions: conclusions(rows) };
  } finally {
    await workspace.remove();
  }
}

async function measureSize(workspace: Workspace, stacks: number): Promise<Row[]> {
  const rows: Row[] = [];
  const measure = async (side: string, change: Row["change"], run: () => Promise<void>) => {
    const row = { stacks, side, change, ...(await measured(run)) };
    process.stderr.write(`${stacks} stacks, ${side}, ${change}: ${row.seconds.toFixed(2)} s\n`);
    rows.push(row);
  };
  const env = `plan${stacks}`;
  const used = regions.slice(0, stacks);
  const own: BareStack[] = used.map((region, index) => ({ name: index === 0 ? env : `${env}.${region}`, region }));
  await useSmallProgram(workspace);
  await writeEnvironment(workspace, env, [used]);
  await workspace.json(["deploy", env]);
  const loop = () => bare(workspace, "preview", own, false);
  await measure("tributary plan --changed", "none changed", () => planned(workspace, [env, "--changed"]));
  await measure("loop of previews", "none changed", loop);
  await useSmallProgram(workspace, "second");
  await measure("tributary plan", "all changed", () => planned(workspace, [env]));
  await measure("loop of previews", "all changed", loop);
  await useSmallProgram(workspace);
  await workspace.json(["destroy", env, "--yes", env, "--empty"]);
  return rows;
}

async function planned(workspace: Workspace, args: string[]): Promise<void> {
  await workspace.json(["plan", ...args]);
}

function rounded(row: Row): Record<string, string | number> {
  const { stacks, side, change } = row;
  return { stacks, side, change, ...columnsOf(row) };
}

function conclusions(rows: Row[]): string[] {
  const ratio = (stacks: number, change: Row["change"]) => {
    const [ours, loop] = rows.filter((row) => row.stacks === stacks && row.change === change);
    return `${stacks} stacks, ${change}: ${(ours!.seconds / loop!.seconds).toFixed(2)} of the loop.`;
  };
  return [
    `Each stack has ${resourcesOfSmallProgram} resources.`,
    ...sizes.map((stacks) => ratio(stacks, "all changed")),
    ...sizes.map((stacks) => ratio(stacks, "none changed")),
  ];
}

import { regions, resourcesOfSmallProgram, useSmallProgram, writeEnvironment } from "../../local/support/smallProgram";
import { Workspace } from "../../local/support/workspace";
import type { BenchmarkResult } from "../index";
import { machine } from "../images/setup";
import { columnsOf, measured, type Measurement } from "../images/meter";
import { bare, initialize, type BareStack } from "./bare";

interface Row extends Measurement {
  stacks: number;
  side: string;
  work: "create" | "unchanged";
}

const sizes = [1, 3, 6, 12];

/**
 * The same program in 1, 3, 6 and 12 stacks of one wave: `tributary deploy` against as many runs of the bare engine, one by one
 * and all at once, from nothing and again without a change.
 */
export async function fanout(): Promise<BenchmarkResult> {
  const workspace = await Workspace.create("bench-fanout");
  try {
    await useSmallProgram(workspace);
    await writeEnvironment(workspace, "warm", [["eu-west-1"]]);
    await workspace.json(["deploy", "warm"]);
    const rows: Row[] = [];
    for (const stacks of sizes) rows.push(...(await measureSize(workspace, stacks)));
    return { machine: machine(), rows: rows.map(rounded), conclusions: conclusions(rows) };
  } finally {
    await workspace.remove();
  }
}

async function measureSize(workspace: Workspace, stacks: number): Promise<Row[]> {
  const rows: Row[] = [];
  const measure = async (side: string, work: Row["work"], run: () => Promise<void>) => {
    const row = { stacks, side, work, ...(await measured(run)) };
    process.stderr.write(`${stacks} stacks, ${side}, ${work}: ${row.seconds.toFixed(2)} s\n`);
    rows.push(row);
  };
  const used = regions.slice(0, stacks);
  const env = `ours${stacks}`;
  await writeEnvironment(workspace, env, [used]);
  const ours = async () => void (await workspace.json(["deploy", env]));
  await measure("tributary", "create", ours);
  await measure("tributary", "unchanged", ours);
  await workspace.json(["destroy", env, "--yes", env, "--empty"]);
  for (const [side, atOnce] of [
    ["engine, one by one", false],
    ["engine, all at once", true],
  ] as const) {
    const own: BareStack[] = used.map((region) => ({ name: `${atOnce ? "all" : "one"}${stacks}.${region}`, region }));
    await initialize(workspace, own);
    const up = () => bare(workspace, "up --yes --skip-preview", own, atOnce);
    await measure(side, "create", up);
    await measure(side, "unchanged", up);
    await bare(workspace, "destroy --yes --skip-preview", own, true);
  }
  return rows;
}

function rounded(row: Row): Record<string, string | number> {
  const { stacks, side, work } = row;
  return { stacks, side, work, ...columnsOf(row), "MB a stack": Math.round(row.peakMegabytes / stacks) };
}

function conclusions(rows: Row[]): string[] {
  const of = (stacks: number, side: string, work: Row["work"]) =>
    rows.find((row) => row.stacks === stacks && row.side === side && row.work === work)!.seconds;
  const compared = sizes.flatMap((stacks) =>
    (["create", "unchanged"] as const).map((work) => {
      const better = Math.min(of(stacks, "engine, one by one", work), of(stacks, "engine, all at once", work));
      return `${stacks} stacks, ${work}: ${(of(stacks, "tributary", work) / better).toFixed(2)} of the better bare way.`;
    }),
  );
  const growth = of(12, "tributary", "unchanged") / of(1, "tributary", "unchanged");
  return [
    `Each stack has ${resourcesOfSmallProgram} resources.`,
    ...compared,
    `12 stacks without a change: ${growth.toFixed(1)} times the time of one.`,
  ];
}

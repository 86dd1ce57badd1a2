import { promises as fs } from "node:fs";
import * as path from "node:path";
import { eraseBuilder } from "../../../automation/builder";
import { silent } from "../../../automation/events";
import { ensureLocalAws, eraseLocalAws } from "../../../automation/local";
import { Workspace } from "../../local/support/workspace";
import type { BenchmarkResult } from "../index";
import { measured } from "./meter";
import { writeReference } from "./reference";
import { createRepository, ecrOf } from "./registry";
import { benchOf, freshBuilder, loginsOf, machine } from "./setup";
import { buildReference } from "./sides";

const counts = [1, 13, 50];

/**
 * How the time from sources to pushed digests grows with the number of functions: layer and 1, 13 and 50 functions, each on a
 * builder and a registry that have nothing of them, ours against the reference's one by one.
 */
export async function imagesGrowth(): Promise<BenchmarkResult> {
  const rows: Record<string, number>[] = [];
  for (const functions of counts) {
    const { ours, reference } = await measureBoth(functions);
    process.stderr.write(`${functions} functions: ${ours.toFixed(1)} s, reference ${reference.toFixed(1)} s\n`);
    rows.push({
      functions,
      "tributary, s": round(ours),
      "reference, s": round(reference),
      ratio: round(ours / reference),
    });
  }
  const [first, last] = [rows[0]!, rows[rows.length - 1]!];
  const each = (side: string) => round((last[side]! - first[side]!) / (last.functions! - first.functions!));
  return {
    machine: machine(),
    rows,
    conclusions: [
      `A further function takes ${each("tributary, s")} s, the reference's ${each("reference, s")} s.`,
      chart(rows),
    ],
  };
}

async function measureBoth(functions: number): Promise<{ ours: number; reference: number }> {
  const workspace = await Workspace.create("bench-growth");
  const { root } = workspace;
  try {
    await writeFunctions(root, functions);
    const aws = await ensureLocalAws(root, silent);
    const logins = await loginsOf(root, aws);
    const bench = await benchOf(root, aws, logins);
    const contexts = await writeReference(root, path.join(root, ".tributary", "reference"));
    await createRepository(await ecrOf(aws), "reference");
    await freshBuilder(root, aws);
    const ours = await measured(async () => void (await workspace.json(["images", "build"])));
    await freshBuilder(root, aws);
    const reference = await measured(() => buildReference(bench, contexts, "reference", 1));
    await logins.close();
    return { ours: ours.seconds, reference: reference.seconds };
  } finally {
    await eraseBuilder(root);
    await eraseLocalAws(root);
    await workspace.remove();
  }
}

/** Functions that differ from each other, in place of the checkout's. */
async function writeFunctions(root: string, count: number): Promise<void> {
  const folder = path.join(root, "functions");
  const handler = await fs.readFile(path.join(folder, "routing", "handler.ts"), "utf8");
  const entries = await fs.readdir(folder, { withFileTypes: true });
  const old = entries.filter((entry) => entry.isDirectory());
  await Promise.all(old.map(({ name }) => fs.rm(path.join(folder, name), { recursive: true })));
  for (let index = 1; index <= count; index++) {
    const name = path.join(folder, `number-${index}`);
    await fs.mkdir(name);
    await fs.writeFile(path.join(name, "handler.ts"), `${handler}\nexport const number = ${index};\n`);
  }
}

/** The rows as a chart that Markdown viewers with Mermaid draw. */
function chart(rows: Record<string, number>[]): string {
  const line = (key: string) => `  line [${rows.map((row) => row[key]).join(", ")}]`;
  return [
    "",
    "```mermaid",
    "xychart-beta",
    '  title "Seconds from sources to pushed digests: reference (upper line), tributary (lower line)"',
    `  x-axis "functions" [${rows.map((row) => row.functions).join(", ")}]`,
    '  y-axis "s"',
    line("reference, s"),
    line("tributary, s"),
    "```",
  ].join("\n");
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

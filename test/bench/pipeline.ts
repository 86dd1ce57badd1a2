/**
 * `npm run bench -- pipeline`: one commit to the layer, through the layer's pipeline and the application's, until the second environment
 * on the local AWS is verified. Ours: builds of a stage side by side, packages and images kept from build to build. The reference order of
 * steps: one build after the other, each on a machine that is new and installs its dependencies.
 */
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { commit, deliveryWorkspace, runPipeline, type Ran } from "../local/pipeline/support";
import type { Workspace } from "../local/support/workspace";
import { machine } from "./images/setup";
import type { BenchmarkResult } from "./index";

/** The steps that are told. */
const told: [name: string, pattern: RegExp][] = [
  ["layer image", /^(layer|publish)$/],
  ["tests, lint, images", /^(test|lint|images)$/],
  ["plan and gates", /^plan-/],
  ["deploy", /^deploy-/],
  ["verify", /^verify-/],
];

/** Measures both orders of steps. */
export async function pipeline(): Promise<BenchmarkResult> {
  const workspace = await deliveryWorkspace();
  try {
    // Environments that are there already, and a builder that has the base: what every later commit finds.
    await runPipeline(workspace, ["lake-layer", "--approve", "all"]);
    const reference = await deliver(workspace, 1, ["--fresh", "--parallel", "1"]);
    const ours = await deliver(workspace, 2, []);
    const share = ours.total / reference.total;
    return {
      machine: machine(),
      rows: [ours, reference].map(({ total, runs }, index) => row(["ours", "reference order"][index]!, total, runs)),
      conclusions: [
        `From commit to the last environment: ${share.toFixed(2)} of the reference order; the target is at most 0.50.`,
      ],
    };
  } finally {
    await workspace.remove();
  }
}

async function deliver(workspace: Workspace, change: number, flags: string[]): Promise<{ total: number; runs: Ran[] }> {
  process.stderr.write(`pipeline: change ${change} of the layer ${flags.join(" ")}\n`);
  const file = path.join(workspace.root, "layer", "index.ts");
  await fs.appendFile(file, `\nexport const benchmark${change} = ${change};\n`);
  await commit(workspace, `change ${change} of the layer`);
  const started = performance.now();
  const { runs } = await runPipeline(workspace, ["lake-layer", "--approve", "all", ...flags]);
  return { total: (performance.now() - started) / 1000, runs };
}

function row(side: string, total: number, runs: Ran[]): Record<string, string | number> {
  const actions = runs.flatMap(({ stages }) => stages.flatMap((stage) => stage.actions));
  const seconds = (pattern: RegExp) =>
    actions.filter(({ name }) => pattern.test(name)).reduce((sum, action) => sum + (action.seconds ?? 0), 0);
  const steps = told.map(([name, pattern]) => [`${name} (s)`, Math.round(seconds(pattern) * 10) / 10]);
  return { side, "commit to last environment (s)": Math.round(total), ...Object.fromEntries(steps) };
}

import { orderStacks } from "../../../automation/selection";
import { generatedStacks } from "../../unit/selection/stacks";
import type { BenchmarkResult } from "../index";
import { machine } from "../images/setup";

const sizes = [100, 1_000, 10_000];
const runs = 5;

/** Ordering generated stacks whose dependencies cross regions and accounts; no engine is started. */
export function order(): Promise<BenchmarkResult> {
  const rows = sizes.map((stacks) => {
    const generated = generatedStacks(stacks);
    const times = Array.from({ length: runs }, () => {
      const started = performance.now();
      orderStacks(generated);
      return performance.now() - started;
    }).sort((a, b) => a - b);
    const rounded = (milliseconds: number) => Math.round(milliseconds * 10) / 10;
    return {
      stacks,
      groups: orderStacks(generated).length,
      "median ms": rounded(times[2]!),
      "worst ms": rounded(times[runs - 1]!),
    };
  });
  const thousand = rows[1]!["worst ms"];
  return Promise.resolve({
    machine: machine(),
    rows,
    conclusions: [`1,000 stacks: at most ${thousand} ms in ${runs} runs, the first one included.`],
  });
}

/**
 * Runs a benchmark by name: `npm run bench -- flow [--json]`. A benchmark measures in a copy of the checkout with a local
 * environment of its own and prints a table, or with `--json` one document. Progress goes to stderr.
 */
import { Workspace } from "../local/support/workspace";
import { flow } from "./flow";
import { images } from "./images";
import { imagesGrowth } from "./images/growth";
import { pipeline } from "./pipeline";
import { scale } from "./scale";
import { fanout } from "./stacks/fanout";
import { order } from "./stacks/order";
import { plan } from "./stacks/plan";

/** What every benchmark gives back. */
export interface BenchmarkResult {
  /** Which machine the figures belong to. */
  machine: string;
  /** The table's rows. */
  rows: Record<string, string | number>[];
  /** Further tables. */
  more?: { title: string; rows: Record<string, string | number>[] }[];
  /** What the rows say, in a sentence each. */
  conclusions: string[];
}

const benchmarks: Record<string, (option?: string) => Promise<BenchmarkResult>> = {
  flow,
  scale,
  images,
  "images-growth": imagesGrowth,
  fanout,
  plan,
  order,
  pipeline,
};

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const [name, option] = args.filter((argument) => !argument.startsWith("--"));
  const benchmark = name === undefined ? undefined : benchmarks[name];
  if (!benchmark) {
    process.stderr.write(
      `bench: ${name === undefined ? "no benchmark was named" : `there is no benchmark "${name}"`}; ` +
        `there are: ${Object.keys(benchmarks).join(", ")}. Example: npm run bench -- flow\n`,
    );
    return 2;
  }
  const result = await benchmark(option);
  process.stdout.write(args.includes("--json") ? `${JSON.stringify(result, null, 2)}\n` : render(result));
  return 0;
}

function render(result: BenchmarkResult): string {
  const more = (result.more ?? []).flatMap(({ title, rows }) => ["", `${title}:`, "", ...table(rows)]);
  return [result.machine, "", ...table(result.rows), ...more, "", ...result.conclusions, ""].join("\n");
}

function table(rows: BenchmarkResult["rows"]): string[] {
  const columns = Object.keys(rows[0] ?? {});
  const line = (cells: (string | number | undefined)[]) => `| ${cells.join(" | ")} |`;
  return [
    line(columns),
    line(columns.map(() => "---")),
    ...rows.map((row) => line(columns.map((column) => row[column]))),
  ];
}

let interrupted = false;

/** An interrupted benchmark leaves nothing behind: what was begun is removed first. */
function stop(): void {
  if (interrupted) return;
  interrupted = true;
  process.stderr.write("interrupted: ending what runs and removing it …\n");
  void Workspace.removeAll().finally(() => process.exit(130));
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop);

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    // The command that was ended fails, and the removal goes on.
    if (interrupted) return;
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);

import { execFile } from "node:child_process";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import { TributaryError } from "../../../automation/errors";
import { machine } from "../images/setup";
import type { BenchmarkResult } from "../index";
import type { ProgramRun } from "./program";

const run = promisify(execFile);
const root = path.resolve(__dirname, "../../..");

const sizes = [1, 10, 100, 500];
/** Runs of each size; the median counts. */
const runs = 3;
/** What the issue asks for: milliseconds a resource. */
const MOST = 4;

/**
 * Time and memory of the program with 1, 10, 100 and 500 datasets on Pulumi's mocks, each in a process of its own: reading
 * the manifests, making the components, registering their resources. Fails where AWS's limits would refuse the result.
 *
 * @param option `small` leaves out 500 datasets and takes one run of each
 */
export async function scale(option?: string): Promise<BenchmarkResult> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), "tributary-scale-"));
  try {
    const measured: ProgramRun[] = [];
    for (const datasets of option === "small" ? sizes.slice(0, 3) : sizes) {
      await writeDatasets(path.join(folder, String(datasets)), datasets);
      measured.push(await median(path.join(folder, String(datasets)), option === "small" ? 1 : runs));
    }
    return { machine: machine(), rows: measured.map(rowOf), conclusions: conclusions(measured) };
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}

/** Copies of the meteorites under other names, fifty a team. */
async function writeDatasets(folder: string, count: number): Promise<void> {
  const source = path.join(root, "datasets", "engineering", "meteorites");
  const manifest = await fs.readFile(path.join(source, "manifest.yaml"), "utf8");
  for (let index = 0; index < count; index++) {
    const [team, dataset] = [`team-${Math.floor(index / 50)}`, `dataset-${index}`];
    const own = path.join(folder, team, dataset);
    await fs.mkdir(own, { recursive: true });
    const renamed = manifest
      .replace(/^team: .*$/m, `team: ${team}`)
      .replace(/^dataset: .*$/m, `dataset: ${dataset}`)
      .replace(/^table: .*$/m, `table: dataset_${index}`);
    await fs.writeFile(path.join(own, "manifest.yaml"), renamed);
    for (const file of await fs.readdir(source))
      if (file.endsWith(".sql")) await fs.copyFile(path.join(source, file), path.join(own, file));
  }
}

async function median(folder: string, times: number): Promise<ProgramRun> {
  const found: ProgramRun[] = [];
  for (let time = 0; time < times; time++) {
    const args = ["--require", path.join(root, "bin/typescript.js"), path.join(__dirname, "program.ts"), folder];
    const { stdout } = await run(process.execPath, args, { cwd: root, maxBuffer: 1 << 26 });
    const measured = JSON.parse(stdout) as ProgramRun;
    process.stderr.write(`${measured.datasets} datasets: ${measured.seconds.toFixed(2)} s\n`);
    if (measured.broken.length > 0) throw beyond(measured);
    found.push(measured);
  }
  return found.sort((a, b) => a.processorSeconds - b.processorSeconds)[Math.floor(times / 2)]!;
}

function beyond({ datasets, broken }: ProgramRun): TributaryError {
  return new TributaryError(
    `${datasets} datasets are beyond AWS's limits:\n${broken.map((one) => `  ${one}`).join("\n")}`,
    {
      code: "BenchmarkInvalid",
      next: "grant by name, prefix or tag of the lake, never dataset by dataset; test/unit/scale/limits.ts lists the limits",
    },
  );
}

/** Of processor time: what else runs on the machine does not count. */
const perResource = ({ processorSeconds, resources }: ProgramRun) => (processorSeconds * 1000) / resources;

function rowOf(measured: ProgramRun) {
  const { datasets, resources, seconds, processorSeconds, manifestSeconds, megabytes, largestPolicy } = measured;
  return {
    datasets,
    resources,
    seconds: round(seconds),
    "processor, s": round(processorSeconds),
    "of which manifests, s": round(manifestSeconds),
    "processor ms a resource": round(perResource(measured)),
    "memory, MB": Math.round(megabytes),
    "largest policy, characters": largestPolicy,
  };
}

/** What further datasets cost: the program's fixed part (loading the AWS package) is in the smallest run. */
function conclusions(measured: ProgramRun[]): string[] {
  const [first, last] = [measured[0]!, measured.at(-1)!];
  const added = last.resources - first.resources;
  const milliseconds = ((last.processorSeconds - first.processorSeconds) * 1000) / added;
  const kilobytes = ((last.megabytes - first.megabytes) * 1024) / added;
  return [
    `${last.datasets} datasets: ${last.resources} resources, ${round(perResource(last))} ms of processor time a resource (at most ${MOST} wanted).`,
    `Each further resource: ${round(milliseconds)} ms and ${Math.round(kilobytes)} KB; no policy of a role grows.`,
  ];
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

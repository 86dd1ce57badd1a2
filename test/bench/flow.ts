import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { TributaryError } from "../../automation/errors";
import { Workspace } from "../local/support/workspace";
import type { BenchmarkResult } from "./index";

const sizes = [1, 10, 100, 500];
const team = "engineering/meteorites";

interface Ingested {
  accepted: number;
  processed: number;
  failed: number;
}

/**
 * Objects through both stages, from the first upload to the last outcome: this lake as it is, against the same lake set
 * to one message at a time (`tributary:batchSize: 1`), which is how the reference system works. Both sides run in one
 * run on one machine, the sizes from small to large, after one object that nobody counts (cold functions).
 */
export async function flow(): Promise<BenchmarkResult> {
  const workspace = await Workspace.create("bench");
  try {
    const batched = await measure(workspace, "batched", undefined);
    const single = await measure(workspace, "one at a time", 1);
    const rows = sizes.map((objects, index) => ({
      objects,
      "batched, s": round(batched[index]!),
      "one at a time, s": round(single[index]!),
      "batched, objects/s": round(objects / batched[index]!),
      "one at a time, objects/s": round(objects / single[index]!),
      "batched, s/object": round(batched[index]! / objects),
      "one at a time, s/object": round(single[index]! / objects),
      ratio: round(single[index]! / batched[index]!),
    }));
    const last = rows[rows.length - 1]!;
    return {
      machine: `${os.cpus().length} x ${os.cpus()[0]?.model ?? "unknown"}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
      rows,
      conclusions: [`${last.objects} objects at once: ${last.ratio} times faster than one message at a time.`],
    };
  } finally {
    await workspace.remove();
  }
}

async function measure(workspace: Workspace, label: string, batchSize: number | undefined): Promise<number[]> {
  await setBatchSize(workspace, batchSize);
  process.stderr.write(`${label}: deploying\n`);
  await workspace.json(["deploy", "local"]);
  await send(workspace, `${label}-warm-up`, 1);
  const seconds: number[] = [];
  for (const objects of sizes) {
    seconds.push(await send(workspace, `${label}-${objects}`, objects));
    process.stderr.write(`${label}: ${objects} objects in ${round(seconds[seconds.length - 1]!)} s\n`);
  }
  return seconds;
}

async function send(workspace: Workspace, name: string, objects: number): Promise<number> {
  const files = await Promise.all(
    Array.from({ length: objects }, (_, index) =>
      workspace.input(`${name}/${name}-${index}.json`, record(name, index)),
    ),
  );
  const started = performance.now();
  const result = await workspace.json<Ingested>(["ingest", "local", team, ...files, "--wait", "--timeout", "1800"]);
  const seconds = (performance.now() - started) / 1000;
  if (result.processed !== objects) {
    throw new TributaryError(
      `${name}: ${result.processed} of ${objects} objects were processed, ${result.failed} failed`,
      { code: "BenchmarkInvalid", next: "run it again on a quiet machine; a second failure is a defect" },
    );
  }
  return seconds;
}

function record(name: string, index: number): string {
  return JSON.stringify({ name: `${name} ${index}`, id: String(index), recclass: "L5", mass: "21", fall: "Fell" });
}

async function setBatchSize(workspace: Workspace, batchSize: number | undefined): Promise<void> {
  if (batchSize === undefined) return;
  const file = path.join(workspace.root, "Pulumi.local.yaml");
  const text = await fs.readFile(file, "utf8");
  const without = text.replace(/^\s*tributary:batchSize:.*\n/m, "");
  await fs.writeFile(file, without.replace(/^config:\n/m, `config:\n  tributary:batchSize: ${batchSize}\n`));
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

import { type CostLine, flowCosts, type FlowUsage, totalOf } from "../../automation/costs";
import { findLocalAws } from "../../automation/local";
import { Workspace } from "../local/support/workspace";
import { ingest, sendFile, sendSmall, setBatchSize, setLargeFile } from "./flow/objects";
import { memoryByFunction } from "./flow/memory";
import { type LakeOutputs, usageOf } from "./flow/usage";
import { unexpected } from "./flow/emulator";
import { machine } from "./images/setup";
import type { BenchmarkResult } from "./index";

/** How much is measured. */
interface Extent {
  /** Objects at once, small to large. */
  sizes: number[];
  /** Above this, one message at a time is not waited for. */
  mostSingle: number;
  /** Objects whose cost is counted, batched and one at a time: the recorder keeps 10,000 requests. */
  counted: { batched: number; single: number };
  /** Size of the one large file (MB). */
  file: number;
}

const extents: Record<string, Extent> = {
  full: { sizes: [1, 10, 100, 500, 2_000], mostSingle: 500, counted: { batched: 500, single: 100 }, file: 1_024 },
  small: { sizes: [1, 20], mostSingle: 20, counted: { batched: 100, single: 20 }, file: 32 },
};

/** What was measured of one side. */
interface Side {
  /** Seconds from the first upload to the last outcome, by number of objects. */
  seconds: Map<number, number>;
  usage: FlowUsage;
}

/**
 * Objects through both stages, from the first upload to the last outcome: this lake as it is, against the same lake set
 * to one message at a time (`tributary:batchSize: 1`), which is how the reference system works. Both sides run in one
 * run on one machine, the sizes from small to large, after one object that nobody counts (cold functions). Then what a million
 * objects would cost on AWS, one large file, and the memory that functions took.
 *
 * @param option `small` for a short run that shows that all of it works
 */
export async function flow(option = "full"): Promise<BenchmarkResult> {
  const extent = extents[option];
  if (!extent) throw unexpected(`flow knows ${Object.keys(extents).join(" and ")}, not "${option}"`);
  const workspace = await Workspace.create("bench");
  try {
    const batched = await measureSide(workspace, "batched", undefined, extent);
    const memory = await memoryOf(workspace);
    const file = await measureFile(workspace, extent.file);
    const single = await measureSide(workspace, "one at a time", 1, extent);
    return resultOf(extent, { batched, single, file, memory });
  } finally {
    await workspace.remove();
  }
}

async function measureSide(
  workspace: Workspace,
  label: string,
  batchSize: number | undefined,
  { sizes, mostSingle, counted }: Extent,
): Promise<Side> {
  await setBatchSize(workspace, batchSize);
  process.stderr.write(`${label}: deploying\n`);
  await workspace.json(["deploy", "local"]);
  const name = label.replaceAll(" ", "-");
  await sendSmall(workspace, `${name}-warm-up`, 1);
  const seconds = new Map<number, number>();
  for (const objects of sizes) {
    if (batchSize === 1 && objects > mostSingle) continue;
    seconds.set(objects, await sendSmall(workspace, `${name}-${objects}`, objects));
    process.stderr.write(`${label}: ${objects} objects in ${round(seconds.get(objects)!)} s\n`);
  }
  const objects = batchSize === 1 ? counted.single : counted.batched;
  const { aws, outputs } = await lakeOf(workspace);
  const usage = await usageOf(aws, outputs, objects, async () => {
    await sendSmall(workspace, `${name}-counted`, objects);
  });
  process.stderr.write(`${label}: counted what ${objects} objects use\n`);
  return { seconds, usage };
}

/** The functions get more memory for it, which is taken back: what others cost must not change. */
async function measureFile(workspace: Workspace, megabytes: number): Promise<Record<string, number>> {
  await setLargeFile(workspace, true);
  await workspace.json(["deploy", "local"]);
  await sendSmall(workspace, "large-warm-up", 1);
  const { file, bytes, rows } = await sendFile(workspace, megabytes);
  const seconds = await ingest(workspace, [file]);
  await setLargeFile(workspace, false);
  process.stderr.write(`one file of ${megabytes} MB in ${round(seconds)} s\n`);
  return { MB: round(bytes / 2 ** 20), rows, seconds: round(seconds), "MB/s": round(bytes / 2 ** 20 / seconds) };
}

async function lakeOf(workspace: Workspace) {
  const aws = await findLocalAws(workspace.root);
  if (!aws) throw unexpected("the local AWS of the benchmark does not run");
  const { environments } = await workspace.json<{ environments: { outputs: LakeOutputs }[] }>(["status", "local"]);
  return { aws, outputs: environments[0]!.outputs };
}

async function memoryOf(workspace: Workspace): Promise<Record<string, string | number>[]> {
  const { aws, outputs } = await lakeOf(workspace);
  const memory = await memoryByFunction(aws.pid);
  return Object.entries(outputs.functions).flatMap(([name, arn]) => {
    const used = memory.get(arn.split(":").at(-2) ?? "");
    return used === undefined ? [] : [{ function: name, "resident memory at most, MB": used }];
  });
}

interface Measured {
  batched: Side;
  single: Side;
  file: Record<string, number>;
  memory: Record<string, string | number>[];
}

function resultOf({ sizes }: Extent, { batched, single, file, memory }: Measured): BenchmarkResult {
  const rows = sizes.map((objects) => {
    const [ours, theirs] = [batched.seconds.get(objects)!, single.seconds.get(objects)];
    return {
      objects,
      "batched, s": round(ours),
      "one at a time, s": theirs === undefined ? "-" : round(theirs),
      "batched, objects/s": round(objects / ours),
      "one at a time, objects/s": theirs === undefined ? "-" : round(objects / theirs),
      ratio: theirs === undefined ? "-" : round(theirs / ours),
    };
  });
  const compared = rows.filter(({ ratio }) => ratio !== "-").at(-1)!;
  const bill = billOf(batched.usage, single.usage);
  return {
    machine: machine(),
    rows,
    more: [
      { title: "USD for a million objects on AWS", rows: bill.rows },
      {
        title: "What they use",
        rows: [batched, single].map(({ usage }, at) => useOf(at === 0 ? "batched" : "one at a time", usage)),
      },
      { title: "One large file (JSON lines)", rows: [file] },
      { title: "Memory of functions", rows: memory },
    ],
    conclusions: [
      `${compared.objects} objects at once: ${compared.ratio} times faster than one message at a time.`,
      ...bill.conclusions,
    ],
  };
}

/**
 * States of a Stage A execution that goes well: PreUpdate, Process, PostUpdate, the Choice, and the end. The reference system
 * starts a Standard execution for each message in both stages, which bills every state; ours bills Express time instead.
 */
const STAGE_A_STATES = 5;

function billOf(batched: FlowUsage, single: FlowUsage) {
  const standard: FlowUsage = {
    ...single,
    express: { executions: 0, seconds: 0 },
    standardTransitions: single.standardTransitions + single.express.executions * STAGE_A_STATES,
  };
  const bills = [batched, single, standard].map(flowCosts);
  const [ours, theirs, reference] = bills.map(totalOf) as [number, number, number];
  const line = (what: string, values: number[]) => ({
    what,
    batched: round(values[0]!),
    "one at a time": round(values[1]!),
    "one at a time, Standard in both stages": round(values[2]!),
  });
  const usd = (what: CostLine["what"]) => bills.map((bill) => bill.find((each) => each.what === what)!.usd);
  return {
    rows: [...bills[0]!.map(({ what }) => line(what, usd(what))), line("together", [ours, theirs, reference])],
    conclusions: [
      `A million objects: ${round(ours)} USD, ${round(reference / ours)} times cheaper than one message at a time with Standard ` +
        `executions in both stages (the reference system's way), ${round(theirs / ours)} times cheaper than one at a time in this lake.`,
    ],
  };
}

/** Use for each thousand objects. */
function useOf(side: string, usage: FlowUsage): Record<string, string | number> {
  const perThousand = (value: number) => round((value * 1_000) / usage.objects);
  const functions = Object.values(usage.functions);
  return {
    "per 1,000 objects": side,
    invocations: perThousand(functions.reduce((sum, { invocations }) => sum + invocations, 0)),
    "GB-s": perThousand(functions.reduce((sum, each) => sum + (each.milliseconds / 1e3) * (each.megabytes / 1024), 0)),
    "Express executions": perThousand(usage.express.executions),
    "Standard states": perThousand(usage.standardTransitions),
    "write units": perThousand(usage.dynamodb.writeUnits),
    "read units": perThousand(usage.dynamodb.readUnits),
    "S3 PUT": perThousand(usage.s3.puts),
    "S3 GET": perThousand(usage.s3.gets),
    "SQS requests": perThousand(usage.sqs.standard + usage.sqs.fifo),
    "log KB": perThousand(usage.logBytes / 1e3),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

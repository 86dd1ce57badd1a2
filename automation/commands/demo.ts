import { readdir } from "node:fs/promises";
import * as path from "node:path";
import pc from "picocolors";
import { table } from "../cli/render/table";
import { duration } from "../cli/render/text";
import { secondsSince, step } from "../events";
import { withLake } from "../lake/connect";
import { ingest, type IngestResult } from "../lake/ingest";
import { query, type QueryResult } from "../lake/query";
import { deploy } from "../stacks/deploy";
import { findEnvironment } from "../stacks/environments";
import { verify } from "../waves/images";
import { describeChanges } from "./deploy";
import type { CommandContext, Outcome } from "./context";

const dataset = "engineering/meteorites";
/** Longest wait for the sample's outcome, in seconds; it takes a few. */
const timeout = 300;

/** What the demo asks the lake: which classes of meteorites fell most often, and how much of them was found. */
export const sql =
  "select recclass, count(*) as falls, round(sum(mass_g) / 1000, 1) as mass_kg, min(year) as first_year " +
  "from meteorites group by recclass order by falls desc, mass_kg desc nulls last, recclass limit 8";

/** A part of the demo and how long it took. The first three run side by side. */
export interface Phase {
  name: string;
  seconds: number;
}

/** `tributary demo` */
export async function run(context: CommandContext): Promise<Outcome> {
  const { root } = context;
  const environment = findEnvironment(root, "local");
  const phases: Phase[] = [];
  const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const started = performance.now();
    const result = await work();
    phases.push({ name, seconds: secondsSince(started) });
    return result;
  };
  const deployed = await deploy(context, environment, "up");
  phases.push(...deployed.phases);
  if (environment.image) await timed("check images", () => verify(context, environment, deployed));
  const files = await samples(root);
  const [sent, answer] = await withLake(root, environment, async (lake) => {
    const request = { dataset, files, wait: true, timeout };
    const result = await timed("ingest", () => ingest(lake, request, context));
    return [
      result,
      await timed("query", () => step(context.sink, "Query", () => query(lake, sql, context.signal))),
    ] as const;
  });
  const { accepted, processed, failed } = sent;
  const ok = failed === 0 && processed === accepted;
  return {
    document: { ok, phases, ingested: accepted, processed, failed, query: { sql, ...answer } },
    text: describe(phases, sent, answer, describeChanges(deployed.changes)),
    exitCode: ok ? 0 : 1,
  };
}

async function samples(root: string): Promise<string[]> {
  const folder = path.join(root, "datasets", dataset, "sample");
  return (await readdir(folder)).sort().map((name) => path.join(folder, name));
}

function describe(phases: Phase[], sent: IngestResult, answer: QueryResult, changes: string): string {
  const width = Math.max(...phases.map(({ name }) => name.length));
  const lines = phases.map(({ name, seconds }) => `  ${name.padEnd(width)}  ${pc.dim(duration(seconds).padStart(12))}`);
  const problems = sent.objects.flatMap(({ key, error }) => (error ? [`  ${key}: ${error}`] : []));
  return [
    "",
    pc.bold("A data lake on this machine"),
    `deployed by the real Pulumi engine and AWS provider to a local AWS: ${changes}`,
    `${sent.accepted} file of real meteorite records went raw -> Stage A (CSV) -> Stage B (Parquet): ${sent.processed} processed, ${sent.failed} failed`,
    ...problems,
    "",
    ...lines,
    "",
    pc.dim(sql),
    table(answer.columns, answer.rows),
    "",
    pc.bold("Try next"),
    `  npx tributary query local "select name, year, mass_g from meteorites order by mass_g desc limit 5"`,
    `  npx tributary ingest local ${dataset} your-file.json --wait`,
    "  npx tributary destroy local",
    "",
  ].join("\n");
}

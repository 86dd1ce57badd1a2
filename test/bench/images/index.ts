import { promises as fs } from "node:fs";
import * as path from "node:path";
import { eraseBuilder } from "../../../automation/builder";
import { silent } from "../../../automation/events";
import { allImages, prepareImages } from "../../../automation/images";
import { ensureLocalAws, eraseLocalAws, type LocalAws } from "../../../automation/local";
import { Workspace } from "../../local/support/workspace";
import type { BenchmarkResult } from "../index";
import { columnsOf, type Measurement, measured } from "./meter";
import { createRepository, ecrOf, PushCounter } from "./registry";
import { functionNames, type Reference, writeReference } from "./reference";
import { benchOf, freshBuilder, loginsOf, machine } from "./setup";
import { type Bench, buildReference, buildWithBake, type Staged } from "./sides";

/** One way to build all images from sources to pushed digests. */
interface Side {
  name: string;
  /** Repositories that belong to it begin with this. */
  prefix: string;
  build: () => Promise<void>;
  /** Changes one handler, or the layer, in this side's sources. */
  edit: (what: "function" | "layer") => Promise<void>;
}

interface Row extends Measurement {
  side: string;
  builder: "fresh" | "warm";
  change: string;
  images: number;
  bytes: number;
}

const platform = process.arch === "arm64" ? "linux/arm64" : "linux/amd64";

/**
 * All images of the checkout from sources to pushed digests: this project's way against the reference's (one by one, and
 * 20 at once) and against `buildx bake` over our own Dockerfiles, on a fresh builder (empty cache, registry kept: CI) and
 * on a warm one (a person's machine). All sides in one run, with one builder, one registry, one base and the same sources.
 */
export async function images(wanted?: string): Promise<BenchmarkResult> {
  const workspace = await Workspace.create("bench-images");
  const { root } = workspace;
  try {
    const aws = await ensureLocalAws(root, silent);
    const logins = await loginsOf(root, aws);
    const bench = await benchOf(root, aws, logins);
    const ecr = await ecrOf(aws);
    const rows: Row[] = [];
    const all = await sidesOf(workspace, bench, (name) => createRepository(ecr, name));
    for (const side of all.filter(({ name }, index) => index === 0 || name.startsWith(wanted ?? ""))) {
      const pushed = new PushCounter(ecr, side.prefix);
      rows.push(...(await measureSide(root, aws, side, pushed)));
    }
    await logins.close();
    return { machine: machine(), rows: rows.map(rounded), conclusions: conclusions(rows) };
  } finally {
    await eraseBuilder(root);
    await eraseLocalAws(root);
    await workspace.remove();
  }
}

async function measureSide(root: string, aws: LocalAws, side: Side, pushed: PushCounter): Promise<Row[]> {
  const rows: Row[] = [];
  const measure = async (builder: Row["builder"], change: string) => {
    if (builder === "fresh") await freshBuilder(root, aws);
    const measurement = await measured(side.build);
    const row = { side: side.name, builder, change, ...measurement, ...(await pushed.arrived()) };
    process.stderr.write(
      `${side.name}, ${builder} builder, ${change}: ${row.seconds.toFixed(2)} s, ${row.images} images\n`,
    );
    rows.push(row);
  };
  await measure("fresh", "cold");
  await measure("fresh", "unchanged");
  await side.edit("function");
  await measure("fresh", "one function");
  await side.edit("layer");
  await measure("fresh", "layer");
  await measure("warm", "unchanged");
  await side.edit("function");
  await measure("warm", "one function");
  await side.edit("layer");
  await measure("warm", "layer");
  return rows;
}

async function sidesOf(workspace: Workspace, bench: Bench, create: (name: string) => Promise<void>): Promise<Side[]> {
  const ours: Side = {
    name: "tributary",
    prefix: "tributary-",
    build: async () => void (await workspace.json(["images", "build"])),
    edit: (what) => edit(workspace.root, what),
  };
  const sides = [ours];
  for (const [name, concurrency] of [
    ["reference, one by one", 1],
    ["reference, 20 at once", 20],
  ] as const) {
    const repository = `reference-${concurrency}`;
    const reference = await writeReference(workspace.root, path.join(workspace.root, ".tributary", repository));
    await create(repository);
    const build = () => buildReference(bench, reference, repository, concurrency);
    sides.push({ name, prefix: repository, build, edit: (what) => editReference(reference, what) });
  }
  await create("bake");
  const bake = () => buildBake(workspace.root, bench);
  return [...sides, { name: "buildx bake", prefix: "bake", build: bake, edit: (what) => edit(workspace.root, what) }];
}

/** Bake builds what our own preparation stages: it has no step of its own for packing TypeScript. */
async function buildBake(root: string, bench: Bench): Promise<void> {
  const prepared = await prepareImages(
    root,
    { platform, baseImages: { BASE_IMAGE: bench.base }, version: "0.0.0" },
    silent,
  );
  const staged = allImages(prepared).map((image): Staged => ({
    ...image,
    context: path.join(root, image.context),
    dockerfile: path.join(root, image.dockerfile),
  }));
  await buildWithBake(bench, staged, "bake", path.join(root, ".tributary", "bake.json"));
}

let edits = 0;

async function edit(root: string, what: "function" | "layer"): Promise<void> {
  const [first = ""] = await functionNames(root);
  await append(
    what === "layer" ? path.join(root, "layer", "index.ts") : path.join(root, "functions", first, "handler.ts"),
  );
}

async function editReference(reference: Reference, what: "function" | "layer"): Promise<void> {
  const [first = ""] = Object.values(reference.functions);
  await append(what === "layer" ? path.join(reference.layer, "layer", "index.ts") : path.join(first, "handler.ts"));
}

/** A change of code, not of a comment: compilers drop those. */
async function append(file: string): Promise<void> {
  await fs.appendFile(file, `\nexport const edited${++edits} = ${edits};\n`);
}

function rounded(row: Row): Record<string, string | number> {
  const { side, builder, change, images: count, bytes } = row;
  return {
    side,
    builder,
    change,
    ...columnsOf(row),
    "images pushed": count,
    "MB pushed": Math.round(bytes / 10_000) / 100,
    // CodeBuild bills full minutes of one build; every side is one.
    "CodeBuild min": Math.ceil(row.seconds / 60),
  };
}

/** Ours against each other side, where both were measured. */
function conclusions(rows: Row[]): string[] {
  const [ours, ...others] = [...new Set(rows.map(({ side }) => side))];
  return others.flatMap((side) =>
    rows
      .filter((row) => row.side === ours)
      .flatMap(({ builder, change, seconds }) => {
        const other = rows.find((row) => row.side === side && row.builder === builder && row.change === change);
        if (!other) return [];
        const more = seconds - other.seconds;
        const difference = `${Math.abs(more).toFixed(1)} s ${more > 0 ? "more" : "less"}`;
        return [`${change}, ${builder} builder: ${(seconds / other.seconds).toFixed(2)} of ${side} (${difference}).`];
      }),
  );
}

import { stat } from "node:fs/promises";
import * as path from "node:path";
import { table } from "../cli/render/table";
import { duration, oneLine } from "../cli/render/text";
import type { Values } from "../cli/specification";
import { samplesOf, testDataset, type DatasetTest, type FileTest, type Tested } from "../datasets/test";
import { cases, fileName, notesOf, problemsOf } from "../datasets/testReport";
import { userError } from "../errors";
import { step } from "../events";
import { writeJunit } from "../pipeline/reports/write";
import { loadManifests, type Manifest } from "../../layer/manifest";
import type { CommandContext, Outcome } from "./context";

/** `tributary dataset test [<team>/<dataset>…]` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const { root, sink, signal } = context;
  const wanted = chosen(loadManifests(path.join(root, "datasets")), values);
  const file = await fileOf(values);
  const tests: DatasetTest[] = [];
  for (const manifest of wanted) {
    signal.throwIfAborted();
    const files = file === undefined ? await samplesOf(root, manifest) : [file];
    tests.push(await step(sink, `${manifest.team}/${manifest.dataset}`, () => testDataset(manifest, files)));
  }
  const junit = typeof values.junit === "string" ? path.resolve(values.junit) : undefined;
  if (junit !== undefined) await writeJunit(junit, "datasets", cases(tests));
  const failed = tests.filter(({ ok }) => !ok).map(({ dataset }) => dataset);
  const error = {
    code: "DatasetTestFailed",
    message: `${failed.length} of ${tests.length} datasets failed: ${failed.join(", ")}`,
    next: "mend manifest, SQL or sample by what is told of each; docs/datasets.md explains the codes",
  };
  const ok = failed.length === 0;
  return {
    document: { ok, ...(ok ? {} : { error }), datasets: tests, ...(junit === undefined ? {} : { junit }) },
    text: `${describe(tests, junit)}${ok ? "" : `error ${error.code}: ${error.message}\nnext: ${error.next}\n`}`,
    exitCode: ok ? 0 : 1,
  };
}

/**
 * The datasets that are asked for, of the checkout; all where none is named.
 *
 * @throws TributaryError `UnknownDataset`, or `WrongUsage` for a file without the one dataset that it is for
 */
export function chosen(manifests: Manifest[], { datasets, file }: Values): Manifest[] {
  const names = Array.isArray(datasets) ? [...new Set(datasets)] : [];
  if (file !== undefined && names.length !== 1)
    throw userError(
      "WrongUsage",
      `--file is tried with one dataset; ${names.length === 0 ? "none is named" : `${names.length} are named: ${names.join(", ")}`}`,
      "tributary dataset test <team>/<dataset> --file FILE",
    );
  const known = new Map(manifests.map((one) => [`${one.team}/${one.dataset}`, one]));
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length > 0)
    throw userError(
      "UnknownDataset",
      `datasets/ of this checkout has no ${unknown.join(", ")}; it has: ${[...known.keys()].join(", ") || "none"}`,
      "correct the name, or `tributary dataset new` makes it from a file",
    );
  return names.length === 0 ? manifests : names.map((name) => known.get(name) as Manifest);
}

async function fileOf({ file }: Values): Promise<Tested | undefined> {
  if (typeof file !== "string") return undefined;
  const found = await stat(file).catch(() => undefined);
  if (!found)
    throw userError("FileMissing", `${file} is not there; nothing was tested`, "check the path behind --file");
  if (!found.isFile())
    throw userError("NotAFile", `${file} is no file; nothing was tested`, "name one file behind --file");
  return { path: path.resolve(file), name: path.basename(file), arrivedAt: new Date() };
}

/** The tests for people: a line a file, then what is wrong, then what one should know. */
export function describe(tests: readonly DatasetTest[], junit?: string): string {
  if (tests.length === 0) return "there are no datasets\n";
  const columns = ["dataset", "file", "records", "rows", "quarantined", "broken", "files", "seconds", "result"];
  const rows = tests.flatMap(({ dataset, tests: its }) => its.map((test) => ({ dataset, ...rowOf(test) })));
  const lines = tests.flatMap(({ dataset, tests: its, queries }) => [
    ...its.flatMap((test) => [
      ...problemsOf(test).map((text) => `${dataset}: ${fileName(test)}: ${text}`),
      ...notesOf(test).map((text) => `note: ${dataset}: ${fileName(test)}: ${text}`),
    ]),
    ...queries.flatMap(({ name, doubt }) => (doubt === undefined ? [] : [`note: ${dataset}: query ${name}: ${doubt}`])),
  ]);
  const seconds = tests.reduce((sum, one) => sum + one.seconds, 0);
  return [
    `${table(columns, rows)}\n`,
    ...lines.map((line) => `${oneLine(line)}\n`),
    ...(junit === undefined ? [] : [`wrote ${junit}\n`]),
    `${tests.filter(({ ok }) => ok).length} of ${tests.length} datasets passed, in ${duration(seconds)}\n`,
  ].join("");
}

function rowOf(test: FileTest): Record<string, unknown> {
  const { records, rows, quarantined, files, seconds, ok, expectations } = test;
  const broken = expectations.filter((one) => one.broken > 0).length;
  return { file: fileName(test), records, rows, quarantined, broken, files, seconds, result: ok ? "passed" : "failed" };
}

import { createWriteStream, promises as fs } from "node:fs";
import * as path from "node:path";
import { pipeline } from "node:stream/promises";
import { parseDocument } from "yaml";
import type { Workspace } from "../../local/support/workspace";
import { unexpected } from "./emulator";

const dataset = "engineering/meteorites";

interface Ingested {
  accepted: number;
  processed: number;
  failed: number;
  objects: { error?: string }[];
}

/** Sends so many objects of one record each; answers the seconds until all have their outcome. */
export async function sendSmall(workspace: Workspace, name: string, objects: number): Promise<number> {
  const files = await Promise.all(
    Array.from({ length: objects }, (_, index) =>
      workspace.input(`${name}/${name}-${index}.json`, record(`${name} ${index}`, index)),
    ),
  );
  return ingest(workspace, files);
}

/**
 * Sends files; answers the seconds until all have their outcome.
 *
 * @throws TributaryError `BenchmarkInvalid` unless all were processed
 */
export async function ingest(workspace: Workspace, files: string[]): Promise<number> {
  const started = performance.now();
  const result = await workspace.json<Ingested>(["ingest", "local", dataset, ...files, "--wait", "--timeout", "1800"]);
  const seconds = (performance.now() - started) / 1000;
  if (result.processed === files.length) return seconds;
  const reasons = [...new Set(result.objects.map(({ error }) => error).filter(Boolean))].join("; ");
  throw unexpected(
    `${result.processed} of ${files.length} objects were processed, ${result.failed} failed: ${reasons}`,
  );
}

/** Writes a file of JSON lines that is at least so large. */
export async function sendFile(
  workspace: Workspace,
  megabytes: number,
): Promise<{ file: string; bytes: number; rows: number }> {
  const file = await workspace.input(`large/large-${megabytes}.json`, "");
  let [bytes, rows] = [0, 0];
  async function* parts() {
    while (bytes < megabytes * 2 ** 20) {
      const part = Array.from({ length: 5_000 }, () => record(`Stone ${rows}`, rows++)).join("\n") + "\n";
      bytes += part.length;
      yield part;
    }
  }
  await pipeline(parts, createWriteStream(file));
  return { file, bytes, rows };
}

function record(name: string, index: number): string {
  const place = { year: "1880-01-01T00:00:00.000", reclat: "50.775", reclong: "6.08333" };
  return JSON.stringify({ name, id: String(index), recclass: "L5", mass: "21", fall: "Fell", ...place });
}

/** Lets the copy's dataset take a file of up to 2 GB and gives the functions that transform it Lambda's largest memory, or not. */
export async function setLargeFile(workspace: Workspace, allowed: boolean): Promise<void> {
  const memory = { memory: "10 GB" };
  await edit(path.join(workspace.root, "datasets", dataset, "manifest.yaml"), (manifest) =>
    allowed ? manifest.setIn(["limits", "objectSize"], "2 GB") : manifest.deleteIn(["limits", "objectSize"]),
  );
  await edit(path.join(workspace.root, "Pulumi.local.yaml"), (settings) => {
    const key = ["config", "tributary:functions"];
    if (!allowed) settings.deleteIn(key);
    else settings.setIn(key, { "stage-a-process-object": memory, "stage-b-process-data": memory });
  });
}

/** How many messages the routers of the copy take at once; undefined for the default. */
export async function setBatchSize(workspace: Workspace, batchSize: number | undefined): Promise<void> {
  if (batchSize === undefined) return;
  await edit(path.join(workspace.root, "Pulumi.local.yaml"), (settings) =>
    settings.setIn(["config", "tributary:batchSize"], batchSize),
  );
}

async function edit(file: string, change: (document: ReturnType<typeof parseDocument>) => void): Promise<void> {
  const document = parseDocument(await fs.readFile(file, "utf8"));
  change(document);
  await fs.writeFile(file, document.toString());
}

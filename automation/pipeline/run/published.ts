import { createHash } from "node:crypto";
import { cp, readFile, rename, rm } from "node:fs/promises";
import * as path from "node:path";
import { userError } from "../../errors";
import { matchFiles } from "./files";
import { pipelineFolder, type RunSource } from "./state";

/** What the artifact bucket is on AWS: the last artifact that was published under a key. */
function publishedFolder(root: string, key: string): string {
  return path.join(pipelineFolder(root), "published", encodeURIComponent(key));
}

/** Publishes an artifact for other pipelines; readers see the old one or the new one. */
export async function publish(root: string, key: string, artifact: string): Promise<void> {
  const folder = publishedFolder(root, key);
  const [next, former] = [`${folder}.next`, `${folder}.former`];
  await rm(next, { recursive: true, force: true });
  await cp(artifact, next, { recursive: true });
  await rm(former, { recursive: true, force: true });
  await rename(folder, former).catch(() => undefined);
  await rename(next, folder);
  await rm(former, { recursive: true, force: true });
}

/**
 * The artifact that was published last.
 *
 * @throws user error `NothingPublished`
 */
export async function findPublished(root: string, key: string, by: string): Promise<RunSource> {
  const folder = publishedFolder(root, key);
  const files = await matchFiles(folder, ["**/*"]);
  if (files.length === 0) {
    const message = `the pipeline ${by} has published nothing on this machine, and what it publishes is a source here`;
    throw userError("NothingPublished", message, `tributary pipeline run ${by} --local`);
  }
  const hash = createHash("sha256");
  for (const file of files) hash.update(`${file}\0`).update(await readFile(path.join(folder, file)));
  return { kind: "published", folder, revision: hash.digest("hex") };
}

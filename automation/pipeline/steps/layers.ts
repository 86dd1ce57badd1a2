import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import * as path from "node:path";
import {
  ListLayerVersionsCommand,
  PublishLayerVersionCommand,
  type LambdaClient,
  type Runtime,
} from "@aws-sdk/client-lambda";
import { zipSync, type Zippable } from "fflate";
import { messageOf, userError } from "../../errors";
import { matchFiles } from "../run/files";

/** A layer as it is published: the same files give the same bytes. */
export interface LayerArchive {
  zip: Uint8Array;
  /** SHA-256 over names, modes and content of its files; hexadecimal. */
  digest: string;
  files: number;
}

/** What became of a layer in one region. */
export interface PublishedLayer {
  region: string;
  result: "published" | "unchanged" | "failed";
  /** Of the version. */
  arn?: string;
  error?: string;
}

/** Largest archive that PublishLayerVersion takes directly, in bytes. */
const largest = 50 * 1024 * 1024;

/** ZIP counts times from 1980 on; every file gets its first day. */
const epoch = new Date(1980, 0, 1);

/**
 * Packs a folder, which Lambda unpacks below `/opt`.
 *
 * @throws user error `LayerEmpty`, `LayerTooLarge`
 */
export async function packLayer(folder: string): Promise<LayerArchive> {
  const names = await matchFiles(folder, ["**/*"]);
  if (names.length === 0) {
    throw userError("LayerEmpty", `${folder} holds no file that a layer could have`, "name the folder with --folder");
  }
  const hash = createHash("sha256");
  const entries: Zippable = {};
  for (const name of names) {
    const file = path.join(folder, name);
    const [bytes, { mode }] = await Promise.all([readFile(file), stat(file)]);
    const executable = (mode & 0o111) !== 0;
    hash.update(JSON.stringify([name, executable, bytes.length])).update(bytes);
    // The upper half of a ZIP entry's attributes is the file's mode on Unix, which `os: 3` says.
    entries[name] = [bytes, { mtime: epoch, os: 3, attrs: ((0o100_000 | (executable ? 0o755 : 0o644)) << 16) >>> 0 }];
  }
  const zip = zipSync(entries, { level: 9 });
  if (zip.byteLength <= largest) return { zip, digest: hash.digest("hex"), files: names.length };
  const message = `the layer's archive has ${zip.byteLength} bytes; Lambda takes ${largest} at most`;
  throw userError("LayerTooLarge", message, "leave out what functions do not load, or build an image");
}

/** What is published. */
export interface LayerRequest {
  name: string;
  archive: LayerArchive;
  runtimes: string[];
}

/** Begins a version's description: by it a version of the same content is found again. */
const mark = (digest: string) => `content ${digest}`;

/**
 * Publishes a layer in several regions at once. A region whose newest version has the same content gets no new one, so the step
 * may be repeated; a region that fails does not keep the others from theirs.
 *
 * @param clientOf a client of a region
 */
export function publishLayers(
  regions: readonly string[],
  request: LayerRequest,
  clientOf: (region: string) => Pick<LambdaClient, "send">,
): Promise<PublishedLayer[]> {
  return Promise.all(
    regions.map(async (region): Promise<PublishedLayer> => {
      try {
        return { region, ...(await publishIn(clientOf(region), request)) };
      } catch (error) {
        return { region, result: "failed", error: messageOf(error) };
      }
    }),
  );
}

async function publishIn(
  client: Pick<LambdaClient, "send">,
  { name, archive, runtimes }: LayerRequest,
): Promise<Pick<PublishedLayer, "result" | "arn">> {
  const { LayerVersions = [] } = await client.send(new ListLayerVersionsCommand({ LayerName: name, MaxItems: 1 }));
  const [newest] = LayerVersions;
  const same = sorted(newest?.CompatibleRuntimes ?? []) === sorted(runtimes);
  if (newest?.Description === mark(archive.digest) && same) return { result: "unchanged", arn: newest.LayerVersionArn };
  const published = await client.send(
    new PublishLayerVersionCommand({
      LayerName: name,
      Description: mark(archive.digest),
      Content: { ZipFile: archive.zip },
      CompatibleRuntimes: runtimes as Runtime[],
    }),
  );
  return { result: "published", arn: published.LayerVersionArn };
}

const sorted = (texts: readonly string[]) => [...texts].sort().join(",");

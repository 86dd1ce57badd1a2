import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { env } from "./config";
import { Rejection } from "./errors";
import { fileStem } from "./identity";
import type { HandedOver, ObjectRef } from "./messages";
import { openStage, putBytes, putFile } from "./objects";
import { itemName } from "./store/metadata";

/*
 * Stage A's files in the stage bucket. A file is paid for when it is put, whatever its size: so the CSVs of small objects that
 * are processed together lie in one file, one behind the other, each with its header.
 */

/** Where an object's CSV is. */
export type PreFile = Pick<HandedOver, "preKey" | "preBytes" | "preStart">;

/** A CSV of fewer bytes shares a file: with more, what its file costs hardly counts. */
const SHARED_BELOW = 128 * 1024;

/** Name of the metadata that tells where in a shared file each CSV begins. S3 takes 2 KB of metadata: some 200 places. */
const STARTS = "starts";

/** Stands in the place of a CSV that was erased from a shared file. No CSV begins with it, because all have a header. */
const ERASED = 0x0a;

interface Kept {
  ref: ObjectRef;
  csv: Buffer;
}

/** Puts the CSV files of one call of Stage A. */
export class PreFiles {
  private readonly kept: Kept[] = [];

  /** Puts a large file; a small one is kept for `putKept`. */
  async add(ref: ObjectRef, file: string): Promise<PreFile | undefined> {
    const { size } = await stat(file);
    if (size < SHARED_BELOW) {
      this.kept.push({ ref, csv: await readFile(file) });
      return undefined;
    }
    await putFile(env("STAGE_BUCKET"), ownKey(ref), file, "text/csv");
    return { preKey: ownKey(ref), preBytes: size };
  }

  /** Puts what was kept: one file for each dataset. Answers where each object's CSV is, by `itemName`. */
  async putKept(): Promise<Map<string, PreFile>> {
    const places = new Map<string, PreFile>();
    const datasets = new Map<string, Kept[]>();
    // In an order that does not depend on which object was read first: a repeated call then makes the same file.
    const kept = [...this.kept].sort((a, b) => (itemName(a.ref) < itemName(b.ref) ? -1 : 1));
    for (const one of kept) datasets.set(folderOf(one.ref), [...(datasets.get(folderOf(one.ref)) ?? []), one]);
    for (const [folder, its] of datasets) {
      const put = its.length === 1 ? await putAlone(its[0] as Kept) : await putTogether(folder, its);
      for (const [name, place] of put) places.set(name, place);
    }
    return places;
  }
}

function folderOf({ team, dataset }: ObjectRef): string {
  return `pre/${team}/${dataset}/`;
}

function ownKey(ref: ObjectRef): string {
  return `${folderOf(ref)}${fileStem(ref)}.csv`;
}

async function putAlone({ ref, csv }: Kept): Promise<[string, PreFile][]> {
  await putBytes({ bucket: env("STAGE_BUCKET"), key: ownKey(ref), contentType: "text/csv" }, csv);
  return [[itemName(ref), { preKey: ownKey(ref), preBytes: csv.length }]];
}

/** The file is named by its content: whoever puts other objects, or the same ones in another order, overwrites nothing. */
async function putTogether(folder: string, kept: Kept[]): Promise<[string, PreFile][]> {
  const content = Buffer.concat(kept.map(({ csv }) => csv));
  const key = `${folder}shared-${createHash("sha256").update(content).digest("hex").slice(0, 40)}.csv`;
  let end = 0;
  const places = kept.map(({ ref, csv }): [string, PreFile] => {
    const preStart = end;
    end += csv.length;
    return [itemName(ref), { preKey: key, preBytes: csv.length, preStart }];
  });
  const metadata = { [STARTS]: places.map(([, { preStart }]) => preStart).join(",") };
  await putBytes({ bucket: env("STAGE_BUCKET"), key, contentType: "text/csv", metadata }, content);
  return places;
}

/**
 * Opens an object's CSV.
 *
 * @throws Rejection `StageFileGone` when it is not there any more: Stage A has to be redriven
 */
export async function openPre({ preKey, preStart, preBytes = 0 }: PreFile): Promise<Readable> {
  if (preStart === undefined) return openStage(env("STAGE_BUCKET"), preKey);
  const csv = await buffer(await openStage(env("STAGE_BUCKET"), preKey, { start: preStart, bytes: preBytes }));
  if (csv.length === preBytes && !isErased(csv)) return Readable.from([csv]);
  throw new Rejection("StageFileGone", `the object's part of ${preKey} was erased: Stage A has to be redriven`);
}

/** The parts of a shared file, from its metadata, as places in it; undefined for a file of one object. */
export function partsOf(
  metadata: Record<string, string> | undefined,
  size: number,
): [from: number, to: number][] | undefined {
  const starts = metadata?.[STARTS]?.split(",").map(Number);
  return starts?.map((start, index) => [start, starts[index + 1] ?? size]);
}

/** Whether a part of a shared file was erased. */
export function isErased(part: Buffer): boolean {
  return part[0] === ERASED;
}

/** Overwrites a part of a shared file; all others stay where they are. */
export function erasePart(content: Buffer, [from, to]: [number, number]): void {
  content.fill(ERASED, from, to);
}

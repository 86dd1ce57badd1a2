import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, realpath, stat } from "node:fs/promises";
import * as path from "node:path";
import { pipeline } from "node:stream/promises";
import { userError } from "../errors";

/** A file that is to be sent. */
export interface IngestFile {
  /** As the person wrote it. */
  file: string;
  /** Absolute, links resolved. */
  path: string;
  /** Key in the raw bucket. */
  key: string;
  /** Bytes. */
  size: number;
}

/** S3 takes keys of at most so many bytes of UTF-8. */
export const longestKey = 1024;
/** S3 takes objects of at most 5 TiB. */
const largestObject = 5 * 2 ** 40;

/**
 * Looks at all files before anything is sent.
 *
 * @param prefix `team/dataset`
 * @throws TributaryError `FileMissing`, `NotAFile`, `SameName`, `KeyTooLong`, `FileTooLarge`
 */
export async function planFiles(files: string[], prefix: string): Promise<IngestFile[]> {
  const found = await Promise.all(files.map((file) => look(file, prefix)));
  return unique(found);
}

/** A file named twice counts once; two files of one name would overwrite each other and are refused. */
export function unique(files: IngestFile[]): IngestFile[] {
  const byKey = new Map<string, IngestFile>();
  for (const file of files) {
    const other = byKey.get(file.key);
    if (other && other.path !== file.path) {
      const message = `two files have the same name and would become the same object "${file.key}": ${other.file} and ${file.file}`;
      throw userError("SameName", message, "rename one of them, or send them one after the other");
    }
    if (!other) byKey.set(file.key, file);
  }
  return [...byKey.values()];
}

async function look(file: string, prefix: string): Promise<IngestFile> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw userError(
      "FileMissing",
      `${file} cannot be read: ${error.code === "ENOENT" ? "there is no such file" : error.message}`,
      "nothing was sent; mend the list of files",
    );
  });
  if (!found.isFile()) {
    const what = found.isDirectory() ? "a directory" : "no regular file";
    throw userError(
      "NotAFile",
      `${file} is ${what}; only files can be sent`,
      found.isDirectory()
        ? `name its files, e.g. ${file.replace(/\/+$/, "")}/*.json`
        : "write its content to a file first",
    );
  }
  const key = `${prefix}/${path.basename(file)}`;
  const bytes = Buffer.byteLength(key);
  if (bytes > longestKey)
    throw userError(
      "KeyTooLong",
      `the key of ${file} has ${bytes} bytes; S3 allows ${longestKey}`,
      "give the file a shorter name",
    );
  if (found.size > largestObject)
    throw userError("FileTooLarge", `${file} has ${found.size} bytes; S3 allows ${largestObject}`, "split the file");
  return { file, path: await realpath(file), key, size: found.size };
}

/** A file's content for one request, or a stream of it, with its SHA-256 as hex. */
export interface Content {
  sha256: string;
  body: () => Buffer | ReturnType<typeof createReadStream>;
}

/** Files up to this size are read once, hashed and sent from memory, in bytes; larger ones are read twice. */
export const inMemory = 8 * 2 ** 20;

/** Reads a file's hash, and its content when it is small. */
export async function readContent(file: IngestFile): Promise<Content> {
  const hash = createHash("sha256");
  if (file.size <= inMemory) {
    const buffer = await readFile(file.path);
    return { sha256: hash.update(buffer).digest("hex"), body: () => buffer };
  }
  await pipeline(createReadStream(file.path), hash);
  return { sha256: hash.digest("hex"), body: () => createReadStream(file.path) };
}

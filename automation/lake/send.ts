import { HeadObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import PQueue from "p-queue";
import type { Progress } from "../events";
import type { Lake } from "./connect";
import { inMemory, readContent, type Content, type IngestFile } from "./files";
import { itemsOf, keyId, matchItem, outcomeOf, plainEtag, type ObjectOutcome, type SentObject } from "./objects";

/** Files that are sent at once. More does not help one machine, and S3 takes 3,500 a second on one prefix. */
const concurrency = 16;
/** Bytes of a part of a large file; at most 10,000 parts. */
const partSize = 8 * 2 ** 20;
const parts = 10_000;

/** A file in the raw bucket, and its outcome if that is known already. */
export interface Sent extends SentObject {
  /** False when the same content was there already and the lake knew it. */
  sent: boolean;
  outcome: ObjectOutcome | undefined;
}

/** Sends files, except those that are there already with the same content and known to the control tables. */
export async function send(lake: Lake, files: IngestFile[], progress: Progress, signal: AbortSignal): Promise<Sent[]> {
  const queue = new PQueue({ concurrency });
  let done = 0;
  const work = files.map((file) =>
    queue.add(
      async () => {
        const sent = await sendOne(lake, file, signal);
        progress(file.key, { done: ++done, total: files.length });
        return sent;
      },
      { signal },
    ),
  );
  try {
    return await Promise.all(work);
  } catch (error) {
    queue.clear();
    await Promise.allSettled(work.slice(0, 0));
    throw error;
  }
}

async function sendOne(lake: Lake, file: IngestFile, signal: AbortSignal): Promise<Sent> {
  const content = await readContent(file);
  const object =
    (await putIfNew(lake, file, content, signal)) ??
    (await present(lake, file, content)) ??
    (await put(lake, file, content, signal));
  return { ...object, file: file.file };
}

/** Most files are new: then one request is enough. Undefined when there is an object of that key, or a file is too large to try. */
async function putIfNew(lake: Lake, file: IngestFile, content: Content, signal: AbortSignal) {
  if (file.size > inMemory) return undefined;
  try {
    return await put(lake, file, content, signal, "*");
  } catch (error) {
    const name = (error as Error).name;
    // The second: somebody else is writing the same key at this moment.
    if (name === "PreconditionFailed" || name === "ConditionalRequestConflict") return undefined;
    throw error;
  }
}

/** The object in the bucket, when it has the file's content and the lake knows that version of it. */
async function present(lake: Lake, file: IngestFile, content: Content): Promise<Omit<Sent, "file"> | undefined> {
  const Bucket = lake.outputs.rawBucket;
  const head = await lake.s3.send(new HeadObjectCommand({ Bucket, Key: file.key })).catch(absent);
  if (head?.Metadata?.sha256 !== content.sha256 || head.ContentLength !== file.size) return undefined;
  const id = keyId(Bucket, file.key);
  const object = { key: file.key, keyId: id, etag: plainEtag(head.ETag), versionId: head.VersionId };
  const item = matchItem(object, await itemsOf(lake, id));
  return item && { ...object, sent: false, outcome: outcomeOf(item) };
}

async function put(
  lake: Lake,
  file: IngestFile,
  content: Content,
  signal: AbortSignal,
  IfNoneMatch?: string,
): Promise<Omit<Sent, "file">> {
  const Bucket = lake.outputs.rawBucket;
  const input = { Bucket, Key: file.key, Body: content.body(), Metadata: { sha256: content.sha256 }, IfNoneMatch };
  const result =
    file.size <= inMemory
      ? await lake.s3.send(new PutObjectCommand(input), { abortSignal: signal })
      : await upload(lake, input, file.size, signal);
  return {
    key: file.key,
    keyId: keyId(Bucket, file.key),
    etag: plainEtag(result.ETag),
    versionId: result.VersionId,
    sent: true,
    outcome: undefined,
  };
}

async function upload(
  lake: Lake,
  params: ConstructorParameters<typeof Upload>[0]["params"],
  size: number,
  signal: AbortSignal,
) {
  const upload = new Upload({
    client: lake.s3,
    params,
    partSize: Math.max(partSize, Math.ceil(size / parts)),
    queueSize: 4,
  });
  const abort = () => void upload.abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await upload.done();
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function absent(error: { name?: string; $metadata?: { httpStatusCode?: number } }): undefined {
  if (error.name === "NotFound" || error.$metadata?.httpStatusCode === 404) return undefined;
  throw error;
}

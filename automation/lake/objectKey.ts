import { userError } from "../errors";

/**
 * The key of an object that a person named: as `s3://<raw bucket>/<key>`, as a key, or as what follows `<team>/<dataset>/`
 * in it.
 *
 * @param dataset `<team>/<dataset>` that the object belongs to
 * @throws TributaryError `InvalidObject` for a URL of another bucket, or without a key
 */
export function keyOf(text: string, rawBucket: string, dataset: string): string {
  if (!text.startsWith("s3://")) return text.startsWith(`${dataset}/`) ? text : `${dataset}/${text}`;
  const start = `s3://${rawBucket}/`;
  if (text.startsWith(start) && text.length > start.length) return text.slice(start.length);
  throw userError(
    "InvalidObject",
    `--object: found ${JSON.stringify(text)}; allowed: an object of the raw bucket, ${start}<key>, or its key`,
    `write it as ${start}${dataset}/<name>`,
  );
}

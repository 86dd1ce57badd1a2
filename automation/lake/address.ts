import { userError } from "../errors";
import { keyId } from "./objects";
import type { LakeOutputs } from "./outputs";

/** An object of the raw bucket, as a person named it. */
export interface Address {
  keyId: string;
  /** Missing where a file that was made of it was named: the file's name tells only the id. */
  key?: string;
}

/** Files of the stage bucket are named by the id of their object's key and a digest of its version. */
const madeFile = /^(?:pre|post|quarantine)\/.*\/([0-9a-f]{32})-[0-9a-f]{16}[^/]*$/;

/**
 * The object that a person named: by its key, as `s3://<raw bucket>/<key>`, or by a file in the stage bucket that was made of
 * it, as Athena's "$path" tells it.
 *
 * @param flag for the message, e.g. `--object`
 * @throws TributaryError `InvalidObject`
 */
export function addressOf(text: string, { rawBucket, stageBucket }: LakeOutputs, flag: string): Address {
  const key = text.startsWith(`s3://${rawBucket}/`) ? text.slice(`s3://${rawBucket}/`.length) : text;
  if (!key.startsWith("s3://") && key !== "") return { keyId: keyId(rawBucket, key), key };
  const made = key.startsWith(`s3://${stageBucket}/`) ? madeFile.exec(key.slice(`s3://${stageBucket}/`.length)) : null;
  if (made) return { keyId: made[1] as string };
  if (/\/pre\/.*\/shared-[0-9a-f]+\.csv$/.test(text)) {
    throw userError(
      "InvalidObject",
      `${flag}: ${JSON.stringify(text)} holds the records of several objects`,
      "name one of them by its key, or by a file below post/",
    );
  }
  throw userError(
    "InvalidObject",
    `${flag}: found ${JSON.stringify(text)}; allowed: s3://${rawBucket}/<key>, a key <team>/<dataset>/<name>, or a file below pre/, post/ or quarantine/ of s3://${stageBucket}`,
    'write the address of an object, as `aws s3 ls` or a query of "$path" shows it',
  );
}

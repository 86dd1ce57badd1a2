import { DeleteObjectsCommand, ListObjectVersionsCommand, S3Client, type ObjectIdentifier } from "@aws-sdk/client-s3";
import { TributaryError, userError } from "../errors";
import { step } from "../events";
import { connectClients, localAwsAs } from "../local";
import type { Environment } from "../stacks/environments";
import type { Session } from "../stacks/session";
import type { RecordedState } from "../stacks/state";
import { readState } from "../stacks/stateReader";

/** Buckets that a state lists. */
export function bucketsOf(state: RecordedState): string[] {
  const buckets = state.resources.filter(({ type, id }) => type === "aws:s3/bucket:Bucket" && id !== undefined);
  return buckets.map(({ id }) => id!).sort();
}

/**
 * Makes sure that the buckets of a stack may be removed: they are empty, or they are emptied now because a person said so.
 *
 * @throws user error `BucketNotEmpty` that names them
 */
export async function clearBuckets(session: Session, stack: Environment, empty: boolean): Promise<void> {
  const reading = await readState(session.context.root, stack, await session.variables(stack));
  const buckets = reading === "unreadable" || !reading.state ? [] : bucketsOf(reading.state);
  if (buckets.length === 0) return;
  await withS3(session, stack, async (s3) => {
    const full = (await Promise.all(buckets.map(async (name) => ((await isEmpty(s3, name)) ? [] : [name])))).flat();
    if (full.length === 0) return;
    if (!empty) {
      const message = `${stack.name} has buckets that are not empty: ${full.join(", ")}; nothing of it was removed`;
      throw userError("BucketNotEmpty", message, `tributary destroy ${stack.env} --empty deletes what is in them, too`);
    }
    const work = async (tell: (text: string) => void) => {
      for (const bucket of full) await emptyBucket(s3, bucket, session, tell);
    };
    await step(session.context.sink, `Empty the buckets of ${stack.name}`, work, stack.name);
  });
}

async function isEmpty(s3: S3Client, bucket: string): Promise<boolean> {
  try {
    const { Versions = [], DeleteMarkers = [] } = await s3.send(
      new ListObjectVersionsCommand({ Bucket: bucket, MaxKeys: 1 }),
    );
    return Versions.length + DeleteMarkers.length === 0;
  } catch (error) {
    if (error instanceof Error && error.name === "NoSuchBucket") return true;
    throw error;
  }
}

/** Deletes all versions of all objects, page by page: what is deleted is not listed any more. */
async function emptyBucket(
  s3: S3Client,
  Bucket: string,
  session: Session,
  tell: (text: string) => void,
): Promise<void> {
  for (let count = 0; ;) {
    session.context.signal.throwIfAborted();
    const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket }));
    const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }): ObjectIdentifier => ({ Key, VersionId }));
    if (Objects.length === 0) return;
    const { Errors = [] } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
    if (Errors[0]) {
      const { Key, Code, Message } = Errors[0];
      throw new TributaryError(
        `${Errors.length} objects of ${Bucket} could not be deleted, e.g. ${Key}: ${Code} ${Message}`,
        {
          code: "CloudRefused",
          source: "cloud",
          next: "allow s3:DeleteObject and s3:DeleteObjectVersion, then run the command again",
        },
      );
    }
    tell(`${(count += Objects.length)} object versions of ${Bucket} deleted`);
  }
}

async function withS3<T>(session: Session, stack: Environment, work: (s3: S3Client) => Promise<T>): Promise<T> {
  const aws = session.common.aws && localAwsAs(session.common.aws, stack.account);
  const { settings, close } = await connectClients(aws);
  const local = aws ? { ...settings, forcePathStyle: true } : {};
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = stack.role === undefined ? {} : await session.variables(stack);
  const role = accessKeyId && secretAccessKey ? { credentials: { accessKeyId, secretAccessKey, sessionToken } } : {};
  const s3 = new S3Client({ ...local, ...role, ...(stack.region ? { region: stack.region } : {}), maxAttempts: 5 });
  try {
    return await work(s3);
  } finally {
    s3.destroy();
    close();
  }
}

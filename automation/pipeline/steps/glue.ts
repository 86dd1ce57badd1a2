import { createHash } from "node:crypto";
import * as path from "node:path";
import { GetJobCommand, UpdateJobCommand, type GlueClient, type Job, type JobUpdate } from "@aws-sdk/client-glue";
import { HeadObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { TributaryError, userError } from "../../errors";

/** What became of a job's script. */
export interface UpdatedJob {
  result: "updated" | "unchanged";
  /** `s3://…` of the script that the job runs now. */
  location: string;
  /** Of the one before. */
  former: string;
}

/** What is read of a job and not written, or set by other commands. */
const readOnly = ["Name", "CreatedOn", "LastModifiedOn", "AllocatedCapacity", "ProfileName", "JobMode"];

/**
 * Gives a Glue job another script. Scripts are named by their content and never written over: a run in progress keeps its own, and
 * the way back is the former location. All other properties of the job stay as they are.
 *
 * @throws user error `GlueJobUnknown`; TributaryError `GlueJobWithoutScript`
 */
export async function updateJob(
  { glue, s3 }: { glue: Pick<GlueClient, "send">; s3: Pick<S3Client, "send"> },
  name: string,
  script: Buffer,
): Promise<UpdatedJob> {
  const job = await findJob(glue, name);
  const former = job.Command?.ScriptLocation ?? "";
  const place = /^s3:\/\/([^/]+)\/(?:(.*)\/)?([^/]+)$/.exec(former);
  if (!place) {
    const message = `the Glue job ${name} has no script in S3: found "${former}"`;
    throw new TributaryError(message, { code: "GlueJobWithoutScript", source: "cloud", next: "deploy the job first" });
  }
  const [, bucket, folder = "", file = ""] = place;
  const key = path.posix.join(folder, contentName(file, script));
  const location = `s3://${bucket}/${key}`;
  if (location === former) return { result: "unchanged", location, former };
  await putOnce(s3, bucket!, key, script);
  await glue.send(new UpdateJobCommand({ JobName: name, JobUpdate: changed(job, location) }));
  return { result: "updated", location, former };
}

async function findJob(glue: Pick<GlueClient, "send">, name: string): Promise<Job> {
  try {
    const { Job: job } = await glue.send(new GetJobCommand({ JobName: name }));
    if (job) return job;
  } catch (error) {
    if ((error as Error).name !== "EntityNotFoundException") throw error;
  }
  throw userError("GlueJobUnknown", `there is no Glue job "${name}"`, "deploy it first, or correct --job");
}

/** `job.py` or `job-<digest>.py` becomes `job-<digest of this content>.py`. */
function contentName(file: string, script: Buffer): string {
  const { name, ext } = path.posix.parse(file);
  const digest = createHash("sha256").update(script).digest("hex").slice(0, 16);
  return `${name.replace(/-[0-9a-f]{16}$/, "")}-${digest}${ext}`;
}

async function putOnce(s3: Pick<S3Client, "send">, bucket: string, key: string, script: Buffer): Promise<void> {
  const there = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key })).then(
    () => true,
    (error: Error & { $metadata?: { httpStatusCode?: number } }) => {
      if (error.$metadata?.httpStatusCode === 404) return false;
      throw error;
    },
  );
  if (!there) await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: script }));
}

/** UpdateJob resets whatever it is not told, so it is told everything. */
function changed(job: Job, location: string): JobUpdate {
  // Capacity is told in workers, or in units; the one follows from the other, and both together are refused.
  const unwanted = job.WorkerType === undefined ? readOnly : [...readOnly, "MaxCapacity"];
  const kept = Object.entries(job).filter(([key]) => !unwanted.includes(key));
  return { ...(Object.fromEntries(kept) as JobUpdate), Command: { ...job.Command, ScriptLocation: location } };
}

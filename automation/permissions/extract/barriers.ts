import type { Barrier, ResourceState } from "../types";
import { shortType } from "./policyTypes";
import { resourceSubject } from "./resources";
import type { StateIndex } from "./states";

const PUBLIC_BLOCKS = {
  blockPublicAcls: "new public ACLs",
  blockPublicPolicy: "new public bucket policies",
  ignorePublicAcls: "access by public ACLs",
  restrictPublicBuckets: "access of strangers to buckets with a public policy",
} as const;

/** Types whose inputs are switches that keep the public out. */
const BLOCKS: Readonly<Record<string, { of: string; owners: readonly string[] }>> = {
  "aws:s3/bucketPublicAccessBlock": { of: "bucket", owners: ["aws:s3/bucket", "aws:s3/bucketV2"] },
  "aws:s3/accountPublicAccessBlock": { of: "accountId", owners: [] },
};

/** The switches beside policies that keep strangers out: S3's public access blocks. */
export function barriersOf(index: StateIndex): Barrier[] {
  return index.resources.flatMap((state) => publicBlocks(state, index));
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html */
function publicBlocks(state: ResourceState, index: StateIndex): Barrier[] {
  const block = BLOCKS[shortType(state.type)];
  if (!block) return [];
  const subject = resourceSubject(index, state, state.inputs[block.of] ?? "this account", block.owners);
  return Object.entries(PUBLIC_BLOCKS).map(([property, keepsOut]) => ({
    subject,
    source: { urn: state.urn, property },
    keepsOut,
    on: String(state.inputs[property]) === "true",
  }));
}

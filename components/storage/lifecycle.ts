import type * as aws from "@pulumi/aws";
import { type Duration, toDays } from "../units";

/** When objects of a bucket expire or move to cheaper storage. */
export interface LifecycleRule {
  /** Name of the rule, unique in its bucket. */
  id: string;
  /** Keys that the rule is for. @default every key */
  prefix?: string;
  /** Deletes the current version after this time. @default never */
  expireAfter?: Duration;
  /** Deletes older versions after this time. @default never */
  expireOldVersionsAfter?: Duration;
  /** Moves objects to Intelligent-Tiering after this time. @default never */
  tierAfter?: Duration;
}

/** Time after which the parts of an upload that never ended are deleted. */
const ABANDONED_UPLOAD_DAYS = 7;

/**
 * The rules as S3 takes them, with one more that ends abandoned uploads.
 *
 * @param path where the rules stand, for messages
 */
export function lifecycleRules(
  rules: readonly LifecycleRule[],
  path: string,
): aws.types.input.s3.BucketLifecycleConfigurationRule[] {
  return [
    {
      id: "abandoned-uploads",
      status: "Enabled",
      filter: { prefix: "" },
      abortIncompleteMultipartUpload: { daysAfterInitiation: ABANDONED_UPLOAD_DAYS },
    },
    ...rules.map((rule) => lifecycleRule(rule, `${path}.lifecycle.${rule.id}`)),
  ];
}

function lifecycleRule(rule: LifecycleRule, path: string): aws.types.input.s3.BucketLifecycleConfigurationRule {
  const { expireAfter, expireOldVersionsAfter, tierAfter } = rule;
  return {
    id: rule.id,
    status: "Enabled",
    filter: { prefix: rule.prefix ?? "" },
    ...(expireAfter && { expiration: { days: toDays(expireAfter, `${path}.expireAfter`) } }),
    ...(expireOldVersionsAfter && {
      noncurrentVersionExpiration: { noncurrentDays: toDays(expireOldVersionsAfter, `${path}.expireOldVersionsAfter`) },
    }),
    ...(tierAfter && {
      transitions: [{ days: toDays(tierAfter, `${path}.tierAfter`), storageClass: "INTELLIGENT_TIERING" }],
    }),
  };
}

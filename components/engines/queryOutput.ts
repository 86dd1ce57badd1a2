import * as pulumi from "@pulumi/pulumi";
import type { Grantee } from "../iam";
import type { SecureBucket } from "../storage/SecureBucket";

/** Allows what Athena needs, with the rights of who asks, to write below a prefix: in parts, which it looks up. */
export function grantQueryOutput(bucket: SecureBucket, grantee: Grantee, prefix: string): void {
  bucket.grantWrite(grantee, prefix);
  bucket.grantList(grantee, prefix);
  grantee.addStatements(
    { actions: ["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"], resources: [bucket.arn] },
    { actions: ["s3:ListMultipartUploadParts"], resources: [pulumi.interpolate`${bucket.arn}/${prefix}*`] },
  );
}

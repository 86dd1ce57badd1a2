import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Component, transformed } from "../Component";
import type { Scope } from "../scope";
import type { CustomerKey } from "../storage/CustomerKey";
import { SecureBucket, type SecureBucketArgs } from "../storage/SecureBucket";
import type { Transform } from "../Component";

/** Arguments of {@link CodeStore}. */
export interface CodeStoreArgs {
  scope: Scope;
  /** Key that the packages are encrypted with. */
  key: CustomerKey;
  /** Deletes replaced packages after 30 days; Lambda keeps copies of its own. @default true */
  lifecycle?: boolean;
  /** Changes to the children. */
  transform?: { bucket?: SecureBucketArgs["transform"] };
}

/** A package in S3, as Lambda takes it. */
export interface StoredCode {
  s3Bucket: pulumi.Input<string>;
  s3Key: pulumi.Input<string>;
  s3ObjectVersion: pulumi.Input<string>;
}

/**
 * A bucket for packages of functions and layers. Through S3 they may be larger than 50 MB, and functions are created side
 * by side: the AWS provider sends packages inline one after the other, and waits 5 s after each.
 */
export class CodeStore extends Component<{ bucket: SecureBucket }> {
  readonly nodes: { bucket: SecureBucket };

  constructor(name: string, args: CodeStoreArgs, opts?: pulumi.ComponentResourceOptions) {
    super("compute:CodeStore", name, opts);
    const bucket = new SecureBucket(
      name,
      {
        scope: args.scope,
        what: "code",
        key: args.key,
        // Packages are made again from the sources.
        forceDestroy: true,
        lifecycle: args.lifecycle === false ? [] : [{ id: "replaced", expireOldVersionsAfter: "30 days" }],
        transform: args.transform?.bucket,
      },
      this.child(),
    );
    this.nodes = { bucket };
    this.registerOutputs({});
  }

  /**
   * Uploads a folder as a ZIP archive.
   *
   * @param name logical name of the object
   * @param key the object's key
   * @param parent the component that the package belongs to
   */
  upload(
    name: string,
    upload: { key: string; directory: string; transform?: Transform<aws.s3.BucketObjectv2Args> },
    parent: pulumi.Resource,
  ): StoredCode {
    const { bucket, versioning, encryption } = this.nodes.bucket.nodes;
    const object = new aws.s3.BucketObjectv2(
      name,
      transformed(upload.transform, {
        bucket: bucket.bucket,
        key: upload.key,
        source: new pulumi.asset.FileArchive(upload.directory),
      }),
      // Before versioning is on, an object has no version that a function could name.
      { parent, dependsOn: [versioning, encryption] },
    );
    return { s3Bucket: object.bucket, s3Key: object.key, s3ObjectVersion: object.versionId };
  }
}

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Component, type Transform, transformed } from "../Component";
import { denyWithoutTls, type Grantee } from "../iam";
import { physicalName, type Scope } from "../scope";
import type { CustomerKey } from "./CustomerKey";
import { type LifecycleRule, lifecycleRules } from "./lifecycle";

/** Arguments of {@link SecureBucket}. */
export interface SecureBucketArgs {
  scope: Scope;
  /** What the bucket holds; part of its physical name. */
  what: string;
  /** Key that every object is encrypted with. */
  key: CustomerKey;
  /** When objects expire or move to cheaper storage. @default none */
  lifecycle?: readonly LifecycleRule[];
  /** Sends the bucket's events to EventBridge. @default false */
  events?: boolean;
  /** Deletes the objects, too, when the bucket is destroyed. @default false */
  forceDestroy?: boolean;
  /** Changes to the children. */
  transform?: {
    bucket?: Transform<aws.s3.BucketArgs>;
    publicAccess?: Transform<aws.s3.BucketPublicAccessBlockArgs>;
    ownership?: Transform<aws.s3.BucketOwnershipControlsArgs>;
    encryption?: Transform<aws.s3.BucketServerSideEncryptionConfigurationArgs>;
    versioning?: Transform<aws.s3.BucketVersioningArgs>;
    policy?: Transform<aws.s3.BucketPolicyArgs>;
    lifecycle?: Transform<aws.s3.BucketLifecycleConfigurationArgs>;
    notification?: Transform<aws.s3.BucketNotificationArgs>;
  };
}

/** The resources of a {@link SecureBucket}. */
export interface SecureBucketNodes {
  bucket: aws.s3.Bucket;
  publicAccess: aws.s3.BucketPublicAccessBlock;
  ownership: aws.s3.BucketOwnershipControls;
  encryption: aws.s3.BucketServerSideEncryptionConfiguration;
  versioning: aws.s3.BucketVersioning;
  policy: aws.s3.BucketPolicy;
  /** Only with `lifecycle`. */
  lifecycle?: aws.s3.BucketLifecycleConfiguration;
  /** Only with `events`. */
  notification?: aws.s3.BucketNotification;
}

/** A versioned bucket that only its account reaches, only over TLS 1.2 or later, encrypted with a key of ours. */
export class SecureBucket extends Component<SecureBucketNodes> {
  readonly nodes: SecureBucketNodes;
  /** The bucket's name, known before it exists. */
  readonly physicalName: string;
  /** The bucket's name. */
  readonly bucketName: pulumi.Output<string>;
  /** The bucket's ARN. */
  readonly arn: pulumi.Output<string>;
  private readonly key: CustomerKey;

  constructor(
    private readonly logicalName: string,
    args: SecureBucketArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("storage:SecureBucket", logicalName, opts);
    this.key = args.key;
    this.physicalName = physicalName("s3Bucket", args.scope, args.what);
    const bucket = new aws.s3.Bucket(
      `${logicalName}-bucket`,
      transformed(args.transform?.bucket, { bucket: this.physicalName, forceDestroy: args.forceDestroy ?? false }),
      this.child(),
    );
    this.bucketName = bucket.bucket;
    this.arn = bucket.arn;
    const publicAccess = this.blockPublicAccess(args);
    const versioning = this.keepVersions(args);
    this.nodes = {
      bucket,
      publicAccess,
      ownership: this.ownership(args),
      encryption: this.encrypt(args),
      versioning,
      policy: this.requireTls(args, publicAccess),
      lifecycle: this.expire(args, versioning),
      notification: this.notify(args),
    };
    this.registerOutputs({ bucketName: this.bucketName, arn: this.arn });
  }

  /**
   * Allows reading objects, all their versions included.
   *
   * @param prefix keys that may be read, without a wildcard; "" is every key
   * @param options.list also lists the bucket: only then S3 answers "not found" for a key that is not there
   */
  grantRead(grantee: Grantee, prefix: string, options: { list?: boolean } = {}): void {
    grantee.addStatements(
      { actions: ["s3:GetObject", "s3:GetObjectVersion"], resources: [this.objects(prefix)] },
      this.key.statement("read", "s3"),
    );
    if (options.list) grantee.addStatements({ actions: ["s3:ListBucket"], resources: [this.arn] });
  }

  /** Allows listing the keys under a prefix. */
  grantList(grantee: Grantee, prefix: string): void {
    grantee.addStatements({
      actions: ["s3:ListBucket"],
      resources: [this.arn],
      conditions: { StringLike: { "s3:prefix": `${prefix}*` } },
    });
  }

  /** Allows listing all versions of all objects. */
  grantListVersions(grantee: Grantee): void {
    grantee.addStatements({ actions: ["s3:ListBucketVersions"], resources: [this.arn] });
  }

  /** Allows writing objects under a prefix; also ends what was left of an interrupted multipart upload. */
  grantWrite(grantee: Grantee, prefix: string): void {
    grantee.addStatements(
      { actions: ["s3:PutObject", "s3:AbortMultipartUpload"], resources: [this.objects(prefix)] },
      this.key.statement("write", "s3"),
    );
  }

  /** Allows deleting objects under a prefix; their versions stay until the lifecycle ends them. */
  grantDelete(grantee: Grantee, prefix: string): void {
    grantee.addStatements({ actions: ["s3:DeleteObject"], resources: [this.objects(prefix)] });
  }

  private objects(prefix: string): pulumi.Output<string> {
    return pulumi.interpolate`${this.arn}/${prefix}*`;
  }

  private blockPublicAccess({ transform }: SecureBucketArgs) {
    return new aws.s3.BucketPublicAccessBlock(
      `${this.logicalName}-public-access`,
      transformed(transform?.publicAccess, {
        bucket: this.bucketName,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      }),
      this.child(),
    );
  }

  private ownership({ transform }: SecureBucketArgs) {
    return new aws.s3.BucketOwnershipControls(
      `${this.logicalName}-ownership`,
      transformed(transform?.ownership, { bucket: this.bucketName, rule: { objectOwnership: "BucketOwnerEnforced" } }),
      this.child(),
    );
  }

  private encrypt({ transform, key }: SecureBucketArgs) {
    return new aws.s3.BucketServerSideEncryptionConfiguration(
      `${this.logicalName}-encryption`,
      transformed(transform?.encryption, {
        bucket: this.bucketName,
        rules: [
          {
            applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: key.arn },
            bucketKeyEnabled: true,
          },
        ],
      }),
      this.child(),
    );
  }

  private keepVersions({ transform }: SecureBucketArgs) {
    return new aws.s3.BucketVersioning(
      `${this.logicalName}-versioning`,
      transformed(transform?.versioning, {
        bucket: this.bucketName,
        versioningConfiguration: { status: "Enabled" },
      }),
      this.child(),
    );
  }

  private requireTls({ transform }: SecureBucketArgs, publicAccess: pulumi.Resource) {
    return new aws.s3.BucketPolicy(
      `${this.logicalName}-policy`,
      transformed(transform?.policy, { bucket: this.bucketName, policy: this.arn.apply(tlsPolicy) }),
      // S3 refuses one of two changes of a bucket's access at the same time.
      this.child({ dependsOn: publicAccess }),
    );
  }

  private expire({ transform, lifecycle = [] }: SecureBucketArgs, versioning: pulumi.Resource) {
    if (lifecycle.length === 0) return undefined;
    return new aws.s3.BucketLifecycleConfiguration(
      `${this.logicalName}-lifecycle`,
      transformed(transform?.lifecycle, {
        bucket: this.bucketName,
        rules: lifecycleRules(lifecycle, this.logicalName),
      }),
      // Rules about old versions mean nothing before versioning is on.
      this.child({ dependsOn: versioning }),
    );
  }

  private notify({ transform, events }: SecureBucketArgs) {
    if (!events) return undefined;
    return new aws.s3.BucketNotification(
      `${this.logicalName}-notification`,
      transformed(transform?.notification, { bucket: this.bucketName, eventbridge: true }),
      this.child(),
    );
  }
}

function tlsPolicy(bucketArn: string): string {
  const resources = [bucketArn, `${bucketArn}/*`];
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      denyWithoutTls("s3", resources),
      {
        ...denyWithoutTls("s3", resources),
        Sid: "DenyOldTls",
        Condition: { NumericLessThan: { "s3:TlsVersion": "1.2" } },
      },
    ],
  });
}

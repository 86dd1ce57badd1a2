import type * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Component } from "../Component";
import type { Grantee } from "../iam";
import type { Scope } from "../scope";
import type { CustomerKey } from "../storage/CustomerKey";
import { SecureBucket, type SecureBucketArgs } from "../storage/SecureBucket";
import type { Duration } from "../units";

/** Arguments of {@link ArtifactStore}. */
export interface ArtifactStoreArgs {
  scope: Scope;
  /** The team or application whose pipelines share it. */
  pipeline: string;
  key: CustomerKey;
  /** How long artifacts are kept. What is published is kept as long as it is the newest. */
  retention: Duration;
  /** Creates the lifecycle rules. @default true */
  lifecycle?: boolean;
  /** Deletes artifacts, too, when the store is destroyed. @default false */
  forceDestroy?: boolean;
  /** Changes to the bucket's parts. */
  transform?: SecureBucketArgs["transform"];
}

/**
 * Where the pipelines of one team hand artifacts on. Workload accounts never read it: builds run in the pipelines' account, and take a
 * deploy role only to deploy. So its policy keeps every other account out, whatever their own policies say.
 */
export class ArtifactStore extends Component<{ bucket: SecureBucket }> {
  readonly nodes: { bucket: SecureBucket };
  /** The bucket's name. */
  readonly bucketName: pulumi.Output<string>;
  /** ARN of the key that artifacts are encrypted with. */
  readonly keyArn: pulumi.Output<string>;
  private readonly bucket: SecureBucket;
  private readonly key: CustomerKey;
  /** What keys of artifacts begin with. */
  private readonly artifacts: string;

  constructor(name: string, args: ArtifactStoreArgs, opts?: pulumi.ComponentResourceOptions) {
    super("delivery:ArtifactStore", name, opts);
    const { scope, key, retention, transform } = args;
    this.key = key;
    this.artifacts = artifactStart(scope);
    this.bucket = new SecureBucket(
      `${name}-artifacts`,
      {
        scope,
        what: `${args.pipeline}-artifacts`,
        key,
        // Rules of EventBridge see what is published.
        events: true,
        forceDestroy: args.forceDestroy ?? false,
        lifecycle: args.lifecycle === false ? [] : expiry(scope, retention),
        transform: { policy: (given) => ownAccountOnly(given, scope.account), ...transform },
      },
      this.child(),
    );
    this.bucketName = this.bucket.bucketName;
    this.keyArn = key.arn;
    this.nodes = { bucket: this.bucket };
    this.registerOutputs({ bucketName: this.bucketName });
  }

  /**
   * Allows handing artifacts on: reading and writing objects.
   *
   * @param publishes also what starts other pipelines; builds do not
   */
  grantExchange(grantee: Grantee, { publishes }: { publishes: boolean }): void {
    const written = [`${this.artifacts}*`, ...(publishes ? ["published/*"] : [])];
    this.bucket.grantRead(grantee, "");
    grantee.addStatements(
      { actions: ["s3:GetBucketLocation", "s3:GetBucketVersioning"], resources: [this.bucket.arn] },
      {
        actions: ["s3:AbortMultipartUpload", "s3:PutObject"],
        resources: written.map((keys) => pulumi.interpolate`${this.bucket.arn}/${keys}`),
      },
      this.key.statement("write", "s3"),
    );
  }
}

/** CodePipeline begins an artifact's key with the pipeline's name, cut to 20 characters. */
const artifactStart = ({ project }: Scope) => `${project}-`.slice(0, 20);

function expiry(scope: Scope, retention: Duration) {
  return [
    { id: "artifacts", prefix: artifactStart(scope), expireAfter: retention },
    { id: "old-versions", expireOldVersionsAfter: retention },
  ];
}

function ownAccountOnly(given: aws.s3.BucketPolicyArgs, account: string): aws.s3.BucketPolicyArgs {
  return { ...given, policy: pulumi.output(given.policy).apply((text) => artifactPolicy(String(text), account)) };
}

/** The bucket's policy with one more denial: for principals of other accounts. AWS's own services have none. */
export function artifactPolicy(tlsPolicy: string, account: string): string {
  const policy = JSON.parse(tlsPolicy) as { Statement: { Resource: unknown }[] };
  const strangers = {
    Sid: "DenyOtherAccounts",
    Effect: "Deny",
    Principal: "*",
    Action: "s3:*",
    Resource: policy.Statement[0]?.Resource,
    Condition: { StringNotEquals: { "aws:PrincipalAccount": account }, Bool: { "aws:PrincipalIsAWSService": "false" } },
  };
  return JSON.stringify({ ...policy, Statement: [...policy.Statement, strangers] });
}

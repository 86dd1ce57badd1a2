import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { Component, type Transform, transformed } from "../Component";
import type { Statement } from "../iam";
import { arn, physicalName, type Scope } from "../scope";
import { type Duration, toDays } from "../units";

/** Arguments of {@link CustomerKey}. */
export interface CustomerKeyArgs {
  scope: Scope;
  /** What the key protects; part of its alias. */
  what: string;
  /**
   * How long a deleted key can still be recovered, "7 days" to "30 days" (the limits of KMS).
   * @default "30 days"
   */
  deletionWindow?: Duration;
  /** Changes to the children. */
  transform?: { key?: Transform<aws.kms.KeyArgs>; alias?: Transform<aws.kms.AliasArgs> };
}

/** What a principal does with data under a key. */
export type KeyUse = "read" | "write";

const uses: Readonly<Record<KeyUse, readonly string[]>> = {
  read: ["kms:Decrypt", "kms:DescribeKey"],
  write: ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"],
};

/** A KMS key of our own, rotated every year, usable by IAM policies of its account and by CloudWatch Logs. */
export class CustomerKey extends Component<{ key: aws.kms.Key; alias: aws.kms.Alias }> {
  readonly nodes: { key: aws.kms.Key; alias: aws.kms.Alias };
  /** The key's ARN. */
  readonly arn: pulumi.Output<string>;
  private readonly scope: Scope;

  constructor(name: string, args: CustomerKeyArgs, opts?: pulumi.ComponentResourceOptions) {
    super("storage:CustomerKey", name, opts);
    const { scope, what, transform = {} } = args;
    this.scope = scope;
    const key = new aws.kms.Key(
      `${name}-key`,
      transformed(transform.key, {
        description: `${scope.project} ${scope.env}: ${what}`,
        enableKeyRotation: true,
        deletionWindowInDays: toDays(args.deletionWindow ?? "30 days", `${name}.deletionWindow`),
        policy: keyPolicy(scope),
      }),
      this.child(),
    );
    const alias = new aws.kms.Alias(
      `${name}-alias`,
      transformed(transform.alias, { name: `alias/${physicalName("kmsAlias", scope, what)}`, targetKeyId: key.keyId }),
      this.child(),
    );
    this.arn = key.arn;
    this.nodes = { key, alias };
    this.registerOutputs({ arn: this.arn });
  }

  /** The permission to use the key, only through the service that keeps the data. */
  statement(use: KeyUse, service: "s3" | "dynamodb"): Statement {
    const via = `${service}.${this.scope.region}.${this.scope.dnsSuffix}`;
    return { actions: uses[use], resources: [this.arn], conditions: { StringEquals: { "kms:ViaService": via } } };
  }
}

/** Everything that IAM policies of the account may allow: administration and use, but not for everybody ("kms:*"). */
const accountActions = [
  ...["CancelKeyDeletion", "CreateAlias", "CreateGrant", "Decrypt", "DeleteAlias", "DescribeKey", "DisableKey"],
  ...["DisableKeyRotation", "EnableKey", "EnableKeyRotation", "Encrypt", "GenerateDataKey", "GetKeyPolicy"],
  ...["GenerateDataKeyWithoutPlaintext", "GetKeyRotationStatus", "ListAliases", "ListGrants", "ListKeyPolicies"],
  ...["ListKeyRotations", "ListResourceTags", "ListRetirableGrants", "PutKeyPolicy", "ReEncryptFrom", "ReEncryptTo"],
  ...["RetireGrant", "RevokeGrant", "RotateKeyOnDemand", "ScheduleKeyDeletion", "TagResource", "UntagResource"],
  ...["UpdateAlias", "UpdateKeyDescription"],
].map((action) => `kms:${action}`);

/**
 * In a key policy, resource `*` means this key. The account's principal only opens the key to IAM policies, which decide;
 * Logs may use it for log groups of this account.
 */
export function keyPolicy(scope: Scope): string {
  const { account, region, partition, dnsSuffix } = scope;
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "IamPoliciesOfTheAccount",
        Effect: "Allow",
        Principal: { AWS: `arn:${partition}:iam::${account}:root` },
        Action: accountActions,
        Resource: "*",
      },
      {
        Sid: "LogGroupsOfTheAccount",
        Effect: "Allow",
        Principal: { Service: `logs.${region}.${dnsSuffix}` },
        Action: [
          "kms:Decrypt",
          "kms:DescribeKey",
          "kms:Encrypt",
          "kms:GenerateDataKey",
          "kms:GenerateDataKeyWithoutPlaintext",
          "kms:ReEncryptFrom",
          "kms:ReEncryptTo",
        ],
        Resource: "*",
        Condition: { ArnLike: { "kms:EncryptionContext:aws:logs:arn": arn(scope, "logs", "log-group:*") } },
      },
    ],
  });
}

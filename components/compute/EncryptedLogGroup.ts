import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { userError } from "../../automation/errors";
import { Component, type Transform, transformed } from "../Component";
import type { Grantee } from "../iam";
import type { Scope } from "../scope";
import type { CustomerKey } from "../storage/CustomerKey";
import { type Duration, toDays } from "../units";

/** Where and how long logs are kept. */
export interface LogSettings {
  /** One of the retentions that CloudWatch Logs offers, e.g. "30 days". @default "30 days" */
  retention?: Duration;
  /** Key that the log is encrypted with. */
  key: CustomerKey;
}

/** Arguments of {@link EncryptedLogGroup}. */
export interface EncryptedLogGroupArgs extends LogSettings {
  scope: Scope;
  /** The group's name; AWS prescribes its form. */
  logGroupName: string;
  /** Changes to the group. */
  transform?: Transform<aws.cloudwatch.LogGroupArgs>;
}

/** Retentions in days that CloudWatch Logs offers (PutRetentionPolicy). */
const retentions = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

/**
 * A log retention in days.
 *
 * @param path where the value stands, for messages
 * @throws user error `InvalidRetention` when CloudWatch Logs does not offer it
 */
export function logRetentionDays(retention: Duration, path: string): number {
  const days = toDays(retention, path);
  if (retentions.includes(days)) return days;
  throw userError(
    "InvalidRetention",
    `${path}: found ${JSON.stringify(retention)}; allowed, in days: ${retentions.join(", ")}`,
  );
}

/** A log group that is encrypted with a key of ours and forgets after its retention. */
export class EncryptedLogGroup extends Component<{ group: aws.cloudwatch.LogGroup }> {
  readonly nodes: { group: aws.cloudwatch.LogGroup };
  /** The group's ARN, without the suffix for its streams. */
  readonly arn: pulumi.Output<string>;

  constructor(name: string, args: EncryptedLogGroupArgs, opts?: pulumi.ComponentResourceOptions) {
    super("compute:EncryptedLogGroup", name, opts);
    const group = new aws.cloudwatch.LogGroup(
      `${name}-log-group`,
      transformed(args.transform, {
        name: args.logGroupName,
        retentionInDays: logRetentionDays(args.retention ?? "30 days", `${name}.logs.retention`),
        kmsKeyId: args.key.arn,
      }),
      this.child(),
    );
    this.arn = group.arn;
    this.nodes = { group };
    this.registerOutputs({ arn: this.arn });
  }

  /** Allows writing the group's streams. */
  grantWrite(grantee: Grantee): void {
    grantee.addStatements({
      actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
      resources: [pulumi.interpolate`${this.arn}:*`],
    });
  }
}

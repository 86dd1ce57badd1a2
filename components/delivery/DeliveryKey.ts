import type * as pulumi from "@pulumi/pulumi";
import type { Scope } from "../scope";
import { CustomerKey, keyPolicy } from "../storage/CustomerKey";
import type { Duration } from "../units";

/** Arguments of {@link deliveryKey}. */
export interface DeliveryKeyArgs {
  scope: Scope;
  /** How long the deleted key can still be recovered. */
  deletionWindow: Duration;
}

/** The key of everything that pipelines keep: artifacts, logs, notifications. */
export function deliveryKey(name: string, args: DeliveryKeyArgs, opts?: pulumi.ComponentResourceOptions): CustomerKey {
  const { scope, deletionWindow } = args;
  const transform = { key: { policy: deliveryKeyPolicy(scope) } };
  return new CustomerKey(`${name}-key`, { scope, what: "delivery", deletionWindow, transform }, opts);
}

/** EventBridge encrypts what it sends to the topic; it comes only for rules of this account. */
export function deliveryKeyPolicy(scope: Scope): string {
  const policy = JSON.parse(keyPolicy(scope)) as { Statement: object[] };
  policy.Statement.push({
    Sid: "NotificationsOfTheAccount",
    Effect: "Allow",
    Principal: { Service: `events.${scope.dnsSuffix}` },
    Action: ["kms:Decrypt", "kms:GenerateDataKey"],
    Resource: "*",
    Condition: { StringEquals: { "aws:SourceAccount": scope.account } },
  });
  return JSON.stringify(policy);
}

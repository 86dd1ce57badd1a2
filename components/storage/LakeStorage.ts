import type * as pulumi from "@pulumi/pulumi";
import { Component } from "../Component";
import type { Scope } from "../scope";
import type { Duration } from "../units";
import { CustomerKey, type CustomerKeyArgs } from "./CustomerKey";
import { SecureBucket, type SecureBucketArgs } from "./SecureBucket";

/** How long the lake keeps what it can make again or no longer needs. */
export interface StorageRetention {
  /** Stage A's files under `pre/`; longer than a message may wait in a DLQ (14 days), so that a redrive finds them. */
  intermediate: Duration;
  /** Replaced versions of tables' files. */
  oldVersions: Duration;
  /** Rows that broke an expectation, under `quarantine/`. */
  quarantine: Duration;
  /** Athena's results. */
  queryResults: Duration;
}

/** Arguments of {@link LakeStorage}. */
export interface LakeStorageArgs {
  scope: Scope;
  retention: StorageRetention;
  /**
   * Creates lifecycle rules.
   * @default true
   */
  lifecycle?: boolean;
  /** Deletes the data, too, when the lake is destroyed. @default false */
  forceDestroy?: boolean;
  /** How long the deleted key can be recovered, "7 days" to "30 days". @default "30 days" */
  keyDeletionWindow?: Duration;
  /** Changes to the children. */
  transform?: {
    key?: CustomerKeyArgs["transform"];
    raw?: SecureBucketArgs["transform"];
    stage?: SecureBucketArgs["transform"];
    analytics?: SecureBucketArgs["transform"];
  };
}

/** The three zones of the lake and the key that protects them: raw, stage (`pre/`, `post/`, `quarantine/`), analytics (`athena/`). */
export class LakeStorage extends Component<Zones> {
  readonly nodes: Zones;
  /** The key of all data of the lake. */
  readonly key: CustomerKey;
  /** What producers put; the lake never changes or deletes it. Sends its events to EventBridge. */
  readonly raw: SecureBucket;
  /** Stage A's output under `pre/`, the tables' files under `post/`, what broke an expectation under `quarantine/`. */
  readonly stage: SecureBucket;
  /** Athena's results under `athena/`. */
  readonly analytics: SecureBucket;

  constructor(name: string, args: LakeStorageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("storage:LakeStorage", name, opts);
    const { scope, retention, forceDestroy, transform = {} } = args;
    this.key = new CustomerKey(
      `${name}-data`,
      { scope, what: "lake", deletionWindow: args.keyDeletionWindow, transform: transform.key },
      this.child(),
    );
    const zone = (what: "raw" | "stage" | "analytics", zoneArgs: Partial<SecureBucketArgs>) =>
      new SecureBucket(
        `${name}-${what}`,
        {
          scope,
          what,
          key: this.key,
          forceDestroy,
          transform: transform[what],
          ...zoneArgs,
          lifecycle: args.lifecycle === false ? [] : zoneArgs.lifecycle,
        },
        this.child(),
      );
    this.raw = zone("raw", { events: true, lifecycle: [{ id: "tiering", tierAfter: "30 days" }] });
    this.stage = zone("stage", { lifecycle: stageRules(retention) });
    this.analytics = zone("analytics", { lifecycle: analyticsRules(retention) });
    this.nodes = { key: this.key, raw: this.raw, stage: this.stage, analytics: this.analytics };
    this.registerOutputs({});
  }
}

function stageRules({ intermediate, oldVersions, quarantine }: StorageRetention): SecureBucketArgs["lifecycle"] {
  return [
    { id: "intermediate", prefix: "pre/", expireAfter: intermediate, expireOldVersionsAfter: oldVersions },
    // What the engines of a batch have read and written; a batch takes at most 30 hours.
    { id: "engines", prefix: "engines/", expireAfter: "3 days", expireOldVersionsAfter: "1 day" },
    { id: "iceberg", prefix: "iceberg/", expireOldVersionsAfter: oldVersions },
    { id: "replaced", prefix: "post/", expireOldVersionsAfter: oldVersions },
    { id: "quarantine", prefix: "quarantine/", expireAfter: quarantine, expireOldVersionsAfter: oldVersions },
  ];
}

function analyticsRules({ queryResults }: StorageRetention): SecureBucketArgs["lifecycle"] {
  const rule = { expireAfter: queryResults, expireOldVersionsAfter: queryResults };
  return [
    { id: "results", prefix: "athena/", ...rule },
    { id: "backfills", prefix: "backfill/", ...rule },
  ];
}

/** The parts of a {@link LakeStorage}. */
export interface Zones {
  key: CustomerKey;
  raw: SecureBucket;
  stage: SecureBucket;
  analytics: SecureBucket;
}

import type * as pulumi from "@pulumi/pulumi";
import { retentionDays } from "../../layer/manifest/retention";
import { Component } from "../Component";
import type { Scope } from "../scope";
import type { Duration } from "../units";
import type { LifecycleRule } from "./lifecycle";
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

/** A dataset, as far as its data is kept. */
export interface KeptDataset {
  team: string;
  dataset: string;
  /** How long its objects and all that was made of them are kept, e.g. "365 days". @default for ever */
  retention?: string | undefined;
}

/** Arguments of {@link LakeStorage}. */
export interface LakeStorageArgs {
  scope: Scope;
  retention: StorageRetention;
  /** The datasets. One with a retention has a rule for each of its folders: S3 takes 1,000 rules a bucket. @default none */
  datasets?: readonly KeptDataset[];
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
    const { scope, retention, datasets = [], forceDestroy, transform = {} } = args;
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
    this.raw = zone("raw", {
      events: true,
      lifecycle: [{ id: "tiering", tierAfter: "30 days" }, ...kept("", datasets)],
    });
    this.stage = zone("stage", {
      lifecycle: [
        ...stageRules(retention),
        ...["pre/", "post/", "quarantine/"].flatMap((folder) => kept(folder, datasets)),
      ],
    });
    this.analytics = zone("analytics", { lifecycle: analyticsRules(retention) });
    this.nodes = { key: this.key, raw: this.raw, stage: this.stage, analytics: this.analytics };
    this.registerOutputs({});
  }
}

/** Deletes what is older than its dataset's retention, former versions a day later. */
function kept(folder: string, datasets: readonly KeptDataset[]): LifecycleRule[] {
  return datasets.flatMap(({ team, dataset, retention }) =>
    retention === undefined
      ? []
      : {
          id: `retention-${folder.replace("/", "-")}${team}-${dataset}`,
          prefix: `${folder}${team}/${dataset}/`,
          expireAfter: `${retentionDays(retention)} days` as Duration,
          expireOldVersionsAfter: "1 day" as Duration,
        },
  );
}

function stageRules({ intermediate, oldVersions, quarantine }: StorageRetention): LifecycleRule[] {
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

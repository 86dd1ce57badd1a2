import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Component, type Transform, transformed } from "../Component";
import { physicalName, type Scope } from "../scope";
import { CustomerKey, type CustomerKeyArgs } from "../storage/CustomerKey";
import type { Duration } from "../units";
import { cacheLifecycle, imageLifecycle } from "./lifecycle";
import { pullPolicy } from "./pullPolicy";

/** Arguments of {@link ImageRepository}. */
export interface ImageRepositoryArgs {
  scope: Scope;
  /** Names of the images that are kept in it; each is kept by itself. */
  images: readonly string[];
  /** How many images of each function are kept; what is deployed stays anyway. @default 100 */
  keep?: number;
  /** How long the builder's cache is kept. @default "14 days" */
  keepCache?: Duration;
  /**
   * `customer`: a KMS key of our own, which costs 1 USD a month. `aws`: the account's key for ECR, free. `aes256`: ECR's own.
   * A change replaces the repository.
   * @default "customer"
   */
  encryption?: "customer" | "aws" | "aes256";
  /** Scans every image for known vulnerabilities when it is pushed. @default true */
  scanOnPush?: boolean;
  /** Other accounts (12 digits) whose functions run these images. @default none */
  accounts?: readonly string[];
  /**
   * Regions that every image is copied to. An account has one replication configuration in a region: this one replaces
   * whatever is configured there. @default none, and the configuration is left alone
   */
  replicateTo?: readonly string[];
  /** Registry (`host:port`) that images are pushed to instead of ECR's own address: of a local AWS. */
  registry?: string;
  /** Deletes the images, too, when the repository is destroyed. @default false */
  forceDelete?: boolean;
  /** How long a deleted key can still be recovered. @default "30 days" */
  keyDeletionWindow?: Duration;
  /** Changes to the children. */
  transform?: {
    repository?: Transform<aws.ecr.RepositoryArgs>;
    policy?: Transform<aws.ecr.RepositoryPolicyArgs>;
    lifecycle?: Transform<aws.ecr.LifecyclePolicyArgs>;
    cache?: Transform<aws.ecr.RepositoryArgs>;
    replication?: Transform<aws.ecr.ReplicationConfigurationArgs>;
    key?: CustomerKeyArgs["transform"];
  };
}

/** The parts of an {@link ImageRepository}. */
export interface ImageRepositoryNodes {
  repository: aws.ecr.Repository;
  policy: aws.ecr.RepositoryPolicy;
  lifecycle: aws.ecr.LifecyclePolicy;
  /** Where BuildKit keeps its cache: its tags move. */
  cache: aws.ecr.Repository;
  cacheLifecycle: aws.ecr.LifecyclePolicy;
  /** Only with `encryption: "customer"`. */
  key?: CustomerKey;
  /** Only with `replicateTo`: the repositories that copies go to, by region. */
  replicas: Record<string, aws.ecr.Repository>;
  replication?: aws.ecr.ReplicationConfiguration;
}

/**
 * One repository for the layer and all functions: what they share is pushed and kept once. Tags never move, so a tag names
 * the same image for ever.
 */
export class ImageRepository extends Component<ImageRepositoryNodes> {
  readonly nodes: ImageRepositoryNodes;
  /** ECR's own address of the repository: what functions name. */
  readonly url: pulumi.Output<string>;
  /** The address that images are pushed to; {@link url} but in a local AWS. */
  readonly pushUrl: pulumi.Output<string>;
  /** The address that the builder's cache is pushed to. */
  readonly cacheUrl: pulumi.Output<string>;
  /** What must be there before the first push. */
  readonly ready: pulumi.Resource[];

  constructor(
    private readonly logicalName: string,
    private readonly args: ImageRepositoryArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("images:ImageRepository", logicalName, opts);
    const key = this.key();
    const name = repositoryName(args.scope, "images");
    const repository = this.repository("", name, key, args.scope.region);
    const policy = this.policy("", repository, args.scope.region);
    const lifecycle = this.lifecycle("", repository, args.scope.region);
    const { cache, cacheLifecycle: expiry } = this.cache(key);
    const replicas = this.replicas(name);
    const replication = this.replication(name, Object.values(replicas));
    this.nodes = { repository, policy, lifecycle, cache, cacheLifecycle: expiry, key, replicas, replication };
    this.url = repository.repositoryUrl;
    this.pushUrl = this.pushedTo(repository);
    this.cacheUrl = this.pushedTo(cache);
    // An image that is pushed before replication is configured is never copied.
    this.ready = [policy, lifecycle, cache, ...(replication ? [replication] : [])];
    this.registerOutputs({ url: this.url });
  }

  private pushedTo(repository: aws.ecr.Repository): pulumi.Output<string> {
    const { registry } = this.args;
    return registry === undefined ? repository.repositoryUrl : pulumi.interpolate`${registry}/${repository.name}`;
  }

  private key(): CustomerKey | undefined {
    const { scope, encryption = "customer", keyDeletionWindow, transform } = this.args;
    if (encryption !== "customer") return undefined;
    const name = `${this.logicalName}-images`;
    return new CustomerKey(
      name,
      { scope, what: "images", deletionWindow: keyDeletionWindow, transform: transform?.key },
      this.child(),
    );
  }

  private repository(suffix: string, name: string, key: CustomerKey | undefined, region: string): aws.ecr.Repository {
    const { scanOnPush = true, forceDelete = false, transform } = this.args;
    return new aws.ecr.Repository(
      `${this.logicalName}-repository${suffix}`,
      transformed(transform?.repository, {
        name,
        region,
        imageTagMutability: "IMMUTABLE",
        imageScanningConfiguration: { scanOnPush },
        encryptionConfigurations: [this.encryption(key)],
        forceDelete,
      }),
      this.child(),
    );
  }

  private encryption(key: CustomerKey | undefined) {
    if (this.args.encryption === "aes256") return { encryptionType: "AES256" };
    return { encryptionType: "KMS", ...(key !== undefined && { kmsKey: key.arn }) };
  }

  private policy(suffix: string, { name: repository }: aws.ecr.Repository, region: string): aws.ecr.RepositoryPolicy {
    const { scope, accounts = [], transform } = this.args;
    return new aws.ecr.RepositoryPolicy(
      `${this.logicalName}-policy${suffix}`,
      transformed(transform?.policy, { repository, region, policy: pullPolicy({ ...scope, region }, accounts) }),
      this.child(),
    );
  }

  private lifecycle(suffix: string, { name: repository }: aws.ecr.Repository, region: string): aws.ecr.LifecyclePolicy {
    const { images, keep = 100, transform } = this.args;
    return new aws.ecr.LifecyclePolicy(
      `${this.logicalName}-lifecycle${suffix}`,
      transformed(transform?.lifecycle, { repository, region, policy: imageLifecycle(images, keep) }),
      this.child(),
    );
  }

  private cache(key: CustomerKey | undefined) {
    const { scope, keepCache = "14 days", transform } = this.args;
    const cache = new aws.ecr.Repository(
      `${this.logicalName}-cache`,
      transformed(transform?.cache, {
        name: repositoryName(scope, "build-cache"),
        imageTagMutability: "MUTABLE",
        encryptionConfigurations: [this.encryption(key)],
        // Nobody misses a cache.
        forceDelete: true,
      }),
      this.child(),
    );
    const policy = cacheLifecycle(keepCache, `${this.logicalName}.keepCache`);
    const args = { repository: cache.name, policy };
    return {
      cache,
      cacheLifecycle: new aws.ecr.LifecyclePolicy(`${this.logicalName}-cache-lifecycle`, args, this.child()),
    };
  }

  /** ECR would make repositories of its own for the copies: with tags that move, and without a policy. */
  private replicas(name: string): Record<string, aws.ecr.Repository> {
    const replicas = (this.args.replicateTo ?? []).map((region): [string, aws.ecr.Repository] => {
      const replica = this.repository(`-${region}`, name, undefined, region);
      this.policy(`-${region}`, replica, region);
      this.lifecycle(`-${region}`, replica, region);
      return [region, replica];
    });
    return Object.fromEntries(replicas);
  }

  private replication(name: string, replicas: aws.ecr.Repository[]): aws.ecr.ReplicationConfiguration | undefined {
    const { scope, replicateTo = [], transform } = this.args;
    if (replicateTo.length === 0) return undefined;
    const destinations = replicateTo.map((region) => ({ region, registryId: scope.account }));
    const repositoryFilters = [{ filter: name, filterType: "PREFIX_MATCH" }];
    return new aws.ecr.ReplicationConfiguration(
      `${this.logicalName}-replication`,
      transformed(transform?.replication, {
        replicationConfiguration: { rules: [{ destinations, repositoryFilters }] },
      }),
      this.child({ dependsOn: replicas }),
    );
  }
}

/** `<project>-images` for the stack `images`, which all environments share; `<project>-<env>-images` for another's own. */
export function repositoryName(scope: Scope, what: "images" | "build-cache"): string {
  return scope.env === "images" ? `${scope.project}-${what}` : physicalName("ecrRepository", scope, what);
}

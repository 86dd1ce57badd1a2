import type * as pulumi from "@pulumi/pulumi";
import type { BuildRole as BuildRoleModel, RepositorySource } from "../../automation/pipeline/model";
import { DELIVERY } from "../../automation/settings";
import type { Statement } from "../iam";
import type { Scope } from "../scope";
import type { ArtifactStore } from "./ArtifactStore";
import { BuildRole, sourceStatements, type BuildRoleArgs } from "./BuildRole";
import { METRICS_NAMESPACE } from "./metrics";

/** What the build of a layer with a repository of its own works with. */
export interface LayerBuild {
  source: RepositorySource;
  /** What its build may beyond pushing. */
  images: readonly Statement[];
  /** Begin of the names of its repositories in the registry. */
  repositories: string;
}

/** Arguments of {@link BuildRoles}. */
export interface BuildRolesArgs {
  scope: Scope;
  /** The team or application whose pipelines share them. */
  pipeline: string;
  store: ArtifactStore;
  /** What builds log in to with git. @default none */
  source?: RepositorySource;
  /** ARN of the permissions boundary of all of them. */
  boundary: pulumi.Input<string>;
  /** ARN of an environment's deploy role. */
  deployRole(environment: string): pulumi.Input<string>;
  /** ARN of the role that deploys the stack `delivery`. */
  updateRole: pulumi.Input<string>;
  /** What builds write beside the states of an environment in their own name: approvals. */
  approvals(environment: string): readonly Statement[];
  /** What an update reads beside the source: the definition's repository, and others whose branches it looks for. @default none */
  updateSources?: readonly RepositorySource[];
  /** What the build of images may beyond pushing. */
  images: readonly Statement[];
  /** Begin of the names of the images' repositories. */
  repositories: string;
  /** Of a layer with a repository of its own. @default none */
  layer?: LayerBuild;
  /** Works in a network of ours. */
  network: boolean;
  /** Changes to each role. */
  transform?: BuildRoleArgs["transform"];
}

/** Putting the environment's figures where the dashboard reads them. */
const figures: Statement = {
  actions: ["cloudwatch:PutMetricData"],
  // CloudWatch limits this to no resource, only to a namespace.
  resources: ["*"],
  conditions: { StringEquals: { "cloudwatch:namespace": METRICS_NAMESPACE } },
};

/**
 * The roles of one team's builds: one for tests, one for images, one that updates the pipelines, and one for each environment. All
 * pipelines of the team that run reviewed code share them, and none can do what another is for; pipelines of branches have roles of their own.
 */
export class BuildRoles {
  private readonly made = new Map<string, BuildRole>();

  constructor(
    private readonly name: string,
    private readonly args: BuildRolesArgs,
    private readonly opts: pulumi.ComponentResourceOptions,
  ) {}

  /** The role of a kind; made when it is first asked for. */
  of(model: BuildRoleModel): BuildRole {
    const what = model.kind === "environment" ? `env-${model.environment}` : model.kind;
    const known = this.made.get(what);
    if (known) return known;
    const { scope, pipeline, store, source, boundary, network, transform } = this.args;
    const git = source === undefined ? {} : { source };
    const role = new BuildRole(
      `${this.name}-build-${what}`,
      { scope, what: `${pipeline}-build-${what}`, boundary, network, transform, ...git, ...this.special(model) },
      this.opts,
    );
    store.grantExchange(role, { publishes: false });
    if (model.kind === "images") role.addStatements(...this.args.images);
    if (model.kind === "layer") role.addStatements(...(this.args.layer?.images ?? []));
    if (model.kind === "environment") role.addStatements(figures, ...this.args.approvals(model.environment));
    if (model.kind === "update") role.addStatements(...this.updates());
    this.made.set(what, role);
    return role;
  }

  /** Makes all roles that pipelines of branches need, so that the first branch changes no trust of a deploy role. */
  all(environment: string): void {
    for (const kind of ["test", "images"] as const) this.of({ kind });
    this.of({ kind: "environment", environment });
  }

  /** The role that updates the pipelines, where a pipeline of the team does. */
  get ofUpdate(): BuildRole | undefined {
    return this.made.get("update");
  }

  /** Roles that take the deploy role of an environment, by environment. */
  get ofEnvironments(): Map<string, BuildRole> {
    const found = [...this.made].filter(([what]) => what.startsWith("env-"));
    return new Map(found.map(([what, role]) => [what.slice("env-".length), role]));
  }

  private updates(): Statement[] {
    const { scope, approvals, updateSources = [] } = this.args;
    return [...approvals(DELIVERY), ...updateSources.flatMap((each) => sourceStatements(scope, each, "build"))];
  }

  private special(model: BuildRoleModel): Partial<BuildRoleArgs> {
    const { deployRole, updateRole, repositories, layer } = this.args;
    switch (model.kind) {
      case "environment":
        return { assumes: [deployRole(model.environment)] };
      case "update":
        return { assumes: [updateRole] };
      case "images":
        return { pushes: repositories, ...(layer ? { pulls: layer.repositories } : {}) };
      case "layer":
        return layer ? { pushes: layer.repositories, source: layer.source } : {};
      case "test":
        return {};
    }
  }
}

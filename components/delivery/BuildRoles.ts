import type * as pulumi from "@pulumi/pulumi";
import type { BuildRole as BuildRoleModel, RepositorySource } from "../../automation/pipeline/model";
import type { Statement } from "../iam";
import type { Scope } from "../scope";
import type { ArtifactStore } from "./ArtifactStore";
import { BuildRole, sourceStatements, type BuildRoleArgs } from "./BuildRole";
import { METRICS_NAMESPACE } from "./metrics";

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
  /** What an update reads beside the source: the definition's repository, and others whose branches it looks for. @default none */
  updateSources?: readonly RepositorySource[];
  /** What the build of images may beyond pushing. */
  images: readonly Statement[];
  /** Begin of the names of the images' repositories. */
  repositories: string;
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
 * pipelines of the team share them, and none can do what another is for.
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
    store.grantExchange(role);
    if (model.kind === "images") role.addStatements(...this.args.images);
    if (model.kind === "environment") role.addStatements(figures);
    if (model.kind === "update") {
      for (const each of this.args.updateSources ?? []) role.addStatements(...sourceStatements(scope, each, "build"));
    }
    this.made.set(what, role);
    return role;
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

  private special(model: BuildRoleModel): Partial<BuildRoleArgs> {
    const { deployRole, updateRole, repositories } = this.args;
    switch (model.kind) {
      case "environment":
        return { assumes: [deployRole(model.environment)] };
      case "update":
        return { assumes: [updateRole] };
      case "images":
        return { pushes: repositories };
      case "test":
        return {};
    }
  }
}

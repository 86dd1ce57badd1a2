import type * as pulumi from "@pulumi/pulumi";
import {
  layerPipelineName,
  updateSources,
  type PipelineModel,
  type RepositorySource,
} from "../../automation/pipeline/model";
import { BRANCH_IMAGES, BRANCH_IMAGES_ENV, IMAGES, type DeliverySettings } from "../../automation/settings";
import { BRANCHES } from "../../automation/settings/deliveryRules";
import { Component } from "../Component";
import type { Scope } from "../scope";
import type { CustomerKey } from "../storage/CustomerKey";
import { withDefaultTags } from "../tags";
import { ApplicationPipeline } from "./ApplicationPipeline";
import { ArtifactStore } from "./ArtifactStore";
import type { Boundary } from "./Boundary";
import { BuildNetwork } from "./BuildNetwork";
import type { BuildMachines } from "./BuildProject";
import { BuildRoles, type LayerBuild } from "./BuildRoles";
import { DeliveryDashboard } from "./Dashboard";
import { deliveryAccess, type DeliveryAccess } from "./deliveryAccess";
import { deliveryKey } from "./DeliveryKey";
import { accessArns, EnvironmentAccess } from "./EnvironmentAccess";
import { LayerPipeline } from "./LayerPipeline";
import { Notifications } from "./Notifications";
import {
  approvalStatements,
  imagesDeployment,
  secretsStatements,
  stateStatements,
  type StateOwner,
} from "./permissions";
import type { PipelineArgs } from "./Pipeline";

/** An account that environments are in. */
export interface WorkloadAccount {
  scope: Scope;
  /** Makes resources there. Undefined: the stack's own provider. */
  provider?: pulumi.ProviderResource;
}

/** Arguments of {@link Delivery}. */
export interface DeliveryArgs {
  /** Of the pipelines' own account. */
  scope: Scope;
  settings: DeliverySettings;
  /** All pipelines, as the settings ask for them. */
  models: readonly PipelineModel[];
  /** The account of each environment. */
  accounts: Readonly<Record<string, WorkloadAccount>>;
  /** Changes to the pipelines. */
  transform?: { pipelines?: PipelineArgs["transform"] };
}

/** The parts of {@link Delivery}. */
export interface DeliveryNodes {
  key: CustomerKey;
  notifications: Notifications;
  dashboard: DeliveryDashboard;
  boundary: Boundary;
  access: DeliveryAccess;
  stores: Record<string, ArtifactStore>;
  pipelines: Record<string, ApplicationPipeline | LayerPipeline>;
  environments: Record<string, EnvironmentAccess>;
  /** Only with `build.vpc: create`. */
  network?: BuildNetwork;
}

/** All pipelines of a settings file, with what they share: key, artifacts, roles, notifications and figures. */
export class Delivery extends Component<DeliveryNodes> {
  readonly nodes: DeliveryNodes;
  private readonly key: CustomerKey;
  private readonly notifications: Notifications;
  private readonly access: DeliveryAccess;
  private readonly machines: BuildMachines;
  private readonly network?: BuildNetwork;
  private readonly stores: Record<string, ArtifactStore> = {};
  private readonly roles: Record<string, BuildRoles> = {};

  constructor(
    private readonly logicalName: string,
    private readonly args: DeliveryArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("delivery:Delivery", logicalName, withDefaultTags(args.scope, args.settings.tags, opts));
    const { scope, settings } = args;
    const { emails, on, chat } = settings.notifications;
    this.key = deliveryKey(logicalName, { scope, deletionWindow: settings.keyDeletionWindow }, this.child());
    this.notifications = new Notifications(
      logicalName,
      { scope, key: this.key, emails, on: on as ("failure" | "approval" | "success")[], ...chatOf(chat) },
      this.child(),
    );
    if (settings.build.vpc === "create") this.network = new BuildNetwork(logicalName, { scope }, this.child());
    this.machines = this.machinesOf();
    this.access = deliveryAccess(logicalName, { scope, settings, accounts: args.accounts }, this.child());
    const pipelines = this.pipelines();
    this.access.trust(Object.values(this.roles).flatMap(({ ofUpdate }) => ofUpdate ?? []));
    this.nodes = {
      key: this.key,
      notifications: this.notifications,
      dashboard: new DeliveryDashboard(
        logicalName,
        { scope, environments: Object.keys(settings.environments) },
        this.child(),
      ),
      boundary: this.access.buildBoundary,
      access: this.access,
      stores: this.stores,
      pipelines,
      environments: this.environments(),
      ...(this.network ? { network: this.network } : {}),
    };
    this.registerOutputs({});
  }

  /** What the stack `delivery` tells; docs/delivery.md lists it. */
  get outputs() {
    const { scope, settings, accounts } = this.args;
    const deployRoles = Object.keys(settings.environments).map((env) => {
      const { role, runtime } = accessArns(accounts[env]!.scope, env);
      return [env, { role, permissionsBoundary: runtime }] as const;
    });
    return {
      pipelines: Object.fromEntries(
        Object.entries(this.nodes.pipelines).map(([name, { pipelineName }]) => [name, pipelineName]),
      ),
      environments: Object.fromEntries(deployRoles),
      topic: this.notifications.topicArn,
      dashboard: this.nodes.dashboard.dashboardName,
      region: scope.region,
      account: scope.account,
    };
  }

  private machinesOf(): BuildMachines {
    const { architecture, image, queuedTimeout, cache, vpc } = this.args.settings.build;
    const given = typeof vpc === "object" ? vpc : undefined;
    const ids = given && { vpcId: given.id, subnets: given.subnets, securityGroupIds: given.securityGroups };
    const network = this.network?.ids ?? ids;
    return {
      architecture: architecture as "arm64" | "x86_64",
      queuedTimeout,
      cache,
      ...(image === undefined ? {} : { image }),
      ...(network ? { network } : {}),
    };
  }

  private pipelines(): Record<string, ApplicationPipeline | LayerPipeline> {
    const { scope, settings, models, transform } = this.args;
    const common = { scope, key: this.key, notifications: this.notifications, machines: this.machines };
    const made = models.map((model) => {
      // What nobody has reviewed must not reach artifacts that are delivered, nor the roles of their builds.
      const team = model.kind === "checks" ? model.name : this.teamOf(model);
      const code = model.kind === "branch" ? "unreviewed" : "reviewed";
      const Class = model.kind === "layer" ? LayerPipeline : ApplicationPipeline;
      const args: PipelineArgs = {
        ...common,
        model,
        store: this.storeOf(team, code),
        roles: this.rolesOf(team, code),
        boundary: this.access.buildBoundary.arn,
        logRetention: settings.logRetention,
        ...(transform?.pipelines ? { transform: transform.pipelines } : {}),
      };
      return [model.name, new Class(`${this.logicalName}-${model.name}`, args, this.child())] as const;
    });
    for (const [team, { branches }] of Object.entries(settings.pipelines))
      if (branches) this.rolesOf(team, "unreviewed").all(branches.environment);
    return Object.fromEntries(made);
  }

  /** The entry of the settings that a pipeline belongs to. */
  private teamOf({ name }: PipelineModel): string {
    const names = Object.keys(this.args.settings.pipelines).filter(
      (each) => name === each || name.startsWith(`${each}-`),
    );
    // The longest: `lake-eu` has pipelines of its own beside those of `lake`.
    return names.sort((a, b) => b.length - a.length)[0]!;
  }

  private storeOf(team: string, code: Code): ArtifactStore {
    const { scope, settings } = this.args;
    const { artifactRetention: retention, lifecycle, forceDestroy } = settings;
    const name = nameOf(team, code);
    // Short: a bucket has 63 characters, and the role that deploys the pipelines works on names that are not cut.
    const pipeline = code === "reviewed" ? team : `${team}-${BRANCHES}`;
    const args = { scope, pipeline, key: this.key, retention, lifecycle, forceDestroy };
    return (this.stores[name] ??= new ArtifactStore(`${this.logicalName}-${name}`, args, this.child()));
  }

  private rolesOf(team: string, code: Code): BuildRoles {
    const { scope, settings, models, accounts } = this.args;
    const model = models.find((each) => each.name === team)!;
    const pipeline = nameOf(team, code);
    const source = repositoryOf(model)!;
    return (this.roles[pipeline] ??= new BuildRoles(
      `${this.logicalName}-${pipeline}`,
      {
        scope,
        pipeline,
        store: this.storeOf(team, code),
        ...(source.archive ? {} : { source }),
        boundary: this.access.buildBoundary.arn,
        deployRole: (env) => accessArns(accounts[env]!.scope, env).role,
        updateRole: this.access.roleArn,
        updateSources: updateSources(settings),
        approvals: (env) => approvalStatements(scope, settings.backend, stacksOf(settings, env)),
        ...this.registryOf(scope, code),
        ...this.layerOf(team),
        network: settings.build.vpc !== undefined,
      },
      this.child(),
    ));
  }

  /** What the build of images may in the registry of a project. */
  private registryOf(scope: Scope, code: Code) {
    const { backend, secretsProvider } = this.args.settings;
    const { stack, env } = imagesOf(code);
    const repositories = `${scope.project}-${env}`;
    const deployment = { scope, regions: [scope.region], start: repositories, env };
    const images = [
      ...imagesDeployment(deployment, code),
      ...stateStatements(scope, backend, { name: stack, alone: true }),
      ...secretsStatements(scope, secretsProvider),
    ];
    return { repositories, images };
  }

  /** The build of a team's layer, where that has a repository of its own. */
  private layerOf(team: string): { layer?: LayerBuild } {
    const { scope, settings, models } = this.args;
    const { layer = false } = settings.pipelines[team] ?? {};
    const model = models.find((each) => each.name === layerPipelineName(team));
    const source = model && repositoryOf(model);
    if (layer === false || layer.project === undefined || source?.apart === undefined) return {};
    return { layer: { source, ...this.registryOf({ ...scope, project: layer.project }, "reviewed") } };
  }

  private environments(): Record<string, EnvironmentAccess> {
    const { scope, settings, accounts } = this.args;
    const trusts = (env: string) => Object.values(this.roles).flatMap((roles) => roles.ofEnvironments.get(env) ?? []);
    const made = Object.entries(settings.environments).flatMap(([env, given]) => {
      const roles = trusts(env);
      // Nobody deploys it: a trust policy that names nobody is none.
      if (roles.length === 0) return [];
      const { scope: own, provider } = accounts[env]!;
      // In another account it is something else: made there, and removed where it was.
      const place = provider ? `${env}-${own.account}` : env;
      const access = new EnvironmentAccess(
        `${this.logicalName}-${place}`,
        {
          scope: own,
          environment: env,
          resources: given.resources ?? env,
          stacks: stacksOf(settings, env),
          regions: given.regions ?? [scope.region],
          steps: given.steps,
          backend: settings.backend,
          secretsProvider: given.secretsProvider ?? settings.secretsProvider,
          resilience: given.resilience,
          trusts: roles.map((role) => role.arn),
          trusted: roles.map((role) => role.policy),
        },
        { parent: this, ...(provider ? { provider } : {}) },
      );
      return [[env, access] as const];
    });
    return Object.fromEntries(made);
  }
}

const repositoryOf = ({ sources }: PipelineModel) =>
  sources.find((source): source is RepositorySource => source.kind === "repository");

/** What a team's pipelines run: code that was merged, or that of any branch, which gets neither the roles nor the artifacts of the other. */
type Code = "reviewed" | "unreviewed";

const nameOf = (team: string, code: Code) => (code === "reviewed" ? team : `${team}-branches`);

/** Where a build of images keeps state and repositories. */
const imagesOf = (code: Code) =>
  code === "reviewed" ? { stack: IMAGES, env: IMAGES } : { stack: BRANCH_IMAGES, env: BRANCH_IMAGES_ENV };

/** Names of an environment's stacks; see {@link stateStatements}. */
const stacksOf = ({ environments }: DeliverySettings, env: string): StateOwner => ({
  name: environments[env]?.resources === BRANCHES ? `${BRANCHES}-*` : env,
});

function chatOf(chat: DeliverySettings["notifications"]["chat"]) {
  const { slackTeam, slackChannel } = chat ?? {};
  return slackTeam !== undefined && slackChannel !== undefined ? { chat: { slackTeam, slackChannel } } : {};
}

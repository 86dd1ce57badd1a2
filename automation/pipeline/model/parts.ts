import type { Duration } from "../../../components/units";
import type { DeliverySettings, PipelineSettings } from "../../settings";
import type { DistributionStep } from "../../settings/distribution";
import type { Buildspec } from "./buildspec";
import { deploySpec, distributionSpec, planSpec, resilienceSpec, verifySpec, type EnvironmentSpec } from "./specs";
import type { BuildAction, BuildRole, RepositorySource, StageModel } from "./types";

/** Artifact of the repository. */
export const REPOSITORY = "repository";

/** What names of artifacts and namespaces are made of: letters, digits and `_`. */
export const identifier = (text: string) => text.replace(/-/g, "_");

/** What a build action is told beside its defaults. */
export type BuildArguments = Pick<BuildAction, "name" | "buildspec" | "role"> &
  Partial<Omit<BuildAction, "kind" | "name" | "buildspec" | "role" | "reports">>;

/** A build action, complete. */
export function buildAction(given: BuildArguments, timeout: Duration): BuildAction {
  return {
    kind: "build",
    runOrder: 1,
    project: given.name,
    inputs: [REPOSITORY],
    outputs: [],
    variables: {},
    compute: "small",
    privileged: false,
    timeout,
    ...given,
    reports: Object.keys((given.buildspec satisfies Buildspec).reports ?? {}),
  };
}

/** The repository as a source. @param branch instead of the setting's */
export function repositorySource(settings: DeliverySettings, name: string, branch?: string): RepositorySource {
  const given = settings.repositories[name]!;
  return {
    kind: "repository",
    name: "Repository",
    artifact: REPOSITORY,
    namespace: "source",
    provider: given.provider,
    repository: given.repository,
    ...(given.provider === "s3" ? {} : { branch: branch ?? given.branch }),
    ...(given.connection === undefined ? {} : { connection: given.connection }),
  };
}

/** What stages of an environment are made from. */
export interface DeliveryOf {
  settings: DeliverySettings;
  pipeline: Pick<PipelineSettings, "onFailure">;
  timeout: Duration;
  /** See {@link EnvironmentSpec}. */
  images?: string;
  regional?: boolean;
  /** Variables that plan and deployment get. */
  variables?: Record<string, string>;
}

/**
 * The stages of one wave: plans side by side, an approval for each environment that waits for one, and the deployments side by side,
 * each followed by its verification. An approval is a stage of its own because CodePipeline can skip stages, not actions.
 *
 * @param name of the wave
 */
export function waveStages(of: DeliveryOf, name: string, environments: readonly string[]): StageModel[] {
  const plans = environments.map((environment) => planAction(of, environment));
  return [
    { name: `${name}-plan`, actions: plans, retry: { mode: "FAILED_ACTIONS" } },
    ...environments.map((environment) => approvalStage(of, environment)),
    {
      name: `${name}-deploy`,
      actions: environments.flatMap((environment) => deployActions(of, environment)),
      ...(of.pipeline.onFailure === "retry" ? { retry: { mode: "FAILED_ACTIONS" as const } } : {}),
      ...(of.pipeline.onFailure === "rollback" ? { rollback: true } : {}),
    },
  ];
}

const planNamespace = (environment: string) => `plan_${identifier(environment)}`;

const roleOf = (environment: string): BuildRole => ({ kind: "environment", environment });

function specOf({ images, regional }: DeliveryOf, environment: string): EnvironmentSpec {
  return { environment, ...(images === undefined ? {} : { images }), ...(regional ? { regional } : {}) };
}

const inputsOf = ({ images }: DeliveryOf) => [REPOSITORY, ...(images === undefined ? [] : [images])];

function planAction(of: DeliveryOf, environment: string): BuildAction {
  const namespace = planNamespace(environment);
  return buildAction(
    {
      name: `plan-${environment}`,
      buildspec: planSpec(specOf(of, environment)),
      inputs: inputsOf(of),
      outputs: [namespace],
      variables: { ...of.variables },
      namespace,
      role: roleOf(environment),
    },
    of.timeout,
  );
}

function approvalStage({ settings }: DeliveryOf, environment: string): StageModel {
  const namespace = planNamespace(environment);
  const always = settings.environments[environment]?.approval === "always";
  return {
    name: `${environment}-approve`,
    ...(always ? {} : { condition: { variable: `${namespace}.APPROVAL`, equals: "true", otherwise: "skip" as const } }),
    actions: [
      {
        kind: "approval",
        name: `approve-${environment}`,
        runOrder: 1,
        message: `#{${namespace}.SUMMARY}`,
        environment,
      },
    ],
  };
}

/** In the order of the stage: what the deployment needs, the deployment, what needs it, what looks at it. */
function deployActions(of: DeliveryOf, environment: string): BuildAction[] {
  const { steps = [], resilience } = of.settings.environments[environment] ?? {};
  const namespace = planNamespace(environment);
  const role = roleOf(environment);
  const [before, after] = [steps.filter(({ when }) => when === "before"), steps.filter(({ when }) => when === "after")];
  const at = before.length + 1;
  const deploy = buildAction(
    {
      name: `deploy-${environment}`,
      runOrder: at,
      buildspec: deploySpec(specOf(of, environment)),
      inputs: inputsOf(of),
      variables: { ...of.variables, APPROVAL: `#{${namespace}.APPROVAL}`, PLAN_ID: `#{${namespace}.PLAN_ID}` },
      role,
    },
    of.timeout,
  );
  const looks = [
    { name: `verify-${environment}`, buildspec: verifySpec(environment) },
    ...(resilience === undefined
      ? []
      : [{ name: `resilience-${environment}`, buildspec: resilienceSpec(environment, resilience) }]),
  ].map((look) => buildAction({ ...look, runOrder: at + after.length + 1, role }, of.timeout));
  const inTurn = (given: DistributionStep[], from: number) =>
    given.map((step, index) => stepAction(of, environment, step, from + index));
  return [...inTurn(before, 1), deploy, ...inTurn(after, at + 1), ...looks];
}

/** Steps come one after the other: a later one may need what an earlier one brought. */
function stepAction(of: DeliveryOf, environment: string, step: DistributionStep, runOrder: number): BuildAction {
  const name = `${stepNames[step.kind]}-${environment}-${step.name}`;
  const buildspec = distributionSpec(environment, step);
  return buildAction({ name, runOrder, buildspec, role: roleOf(environment) }, of.timeout);
}

const stepNames = { lambdaLayers: "layers", glueJob: "glue", sqlMigrations: "migrate" } as const;

import type { RepositoryProvider } from "../pipeline/model/types";
import type { DeliverySettings, PipelineSettings } from "./delivery";

/**
 * What contradicts itself in settings of the right form: path and what is allowed.
 *
 * @param project of Pulumi that the settings are of
 */
export function deliveryProblems(settings: DeliverySettings, project: string): { path: string[]; allowed: string }[] {
  const { repositories, environments, pipelines } = settings;
  const places = Object.entries(environments).map(([env, given]) => ({ env, start: given.resources ?? env }));
  const among = (names: object) => Object.keys(names).join(", ") || "none is there";
  const known = (name: string, names: object, path: string[], what: string) =>
    Object.hasOwn(names, name) ? [] : [{ path, allowed: `one of ${what}: ${among(names)}` }];
  return [
    ...Object.entries(repositories).flatMap(([name, given]) => repositoryProblems(name, given)),
    ...Object.entries(pipelines).flatMap(([name, given]) => [
      ...known(given.repository, repositories, ["pipelines", name, "repository"], "repositories"),
      ...(given.layer !== false && given.layer.repository !== undefined
        ? known(given.layer.repository, repositories, ["pipelines", name, "layer", "repository"], "repositories")
        : []),
      ...layerProblems(name, given, project),
      ...given.waves.flat().flatMap((env) => known(env, environments, ["pipelines", name, "waves"], "environments")),
      ...branchesProblems(name, settings, known),
    ]),
    ...places.flatMap(({ env, start }) => startProblems(env, start, places)),
    ...Object.keys(settings.openBranches).flatMap((name) =>
      known(name, pipelines, ["openBranches", name], "pipelines"),
    ),
    ...definitionProblems(settings),
    ...connectionOnly(settings),
    ...chatProblems(settings),
  ];
}

/** Two checkouts that build images of one project would take each other's stack and registry. */
function layerProblems(name: string, { layer, repository }: PipelineSettings, project: string) {
  if (layer === false) return [];
  const path = (key: string) => ["pipelines", name, "layer", key];
  if (layer.repository === undefined) {
    const allowed = "nothing: a layer in the pipeline's own repository is of its project";
    return layer.project === undefined ? [] : [{ path: path("project"), allowed }];
  }
  const ours = `another project than ${project}, whose images would take its place`;
  const named = "the name in Pulumi.yaml of the layer's repository";
  return [
    ...(layer.repository === repository
      ? [{ path: path("repository"), allowed: `another repository than ${repository}; or leave it out` }]
      : []),
    ...(layer.project === undefined ? [{ path: path("project"), allowed: named }] : []),
    ...(layer.project === project ? [{ path: path("project"), allowed: ours }] : []),
  ];
}

/** One repository says what pipelines there are, and one of its own pipelines brings all of them to that. */
function definitionProblems({ definition, pipelines }: DeliverySettings) {
  const delivered = [...new Set(Object.values(pipelines).map(({ repository }) => repository))];
  if (definition === undefined ? delivered.length <= 1 : delivered.includes(definition)) return [];
  const why =
    definition === undefined
      ? "only one of several repositories can say what pipelines there are, the one that holds this file"
      : "a pipeline of that repository brings all others to what this file says; add one, or move the file";
  return [{ path: ["definition"], allowed: `one of ${delivered.join(", ")}: ${why}` }];
}

/** What names of all branches' environments begin with: `resources` of the entry that stands for them. */
export const BRANCHES = "b";

/** The environment of branches is none that a wave deploys: its role may work on names of branches only. */
function branchesProblems(
  name: string,
  { environments, pipelines }: DeliverySettings,
  known: (name: string, names: object, path: string[], what: string) => { path: string[]; allowed: string }[],
) {
  const { branches, waves = [] } = pipelines[name] ?? {};
  if (!branches) return [];
  const { environment } = branches;
  const path = ["pipelines", name, "branches", "environment"];
  const unknown = known(environment, environments, path, "environments");
  if (unknown.length > 0) return unknown;
  const right = environments[environment]!.resources === BRANCHES && !waves.flat().includes(environment);
  return right ? [] : [{ path, allowed: `an environment with resources: ${BRANCHES} that no wave deploys` }];
}

/** Stacks of the project that are no environments of a lake. */
const taken = ["delivery", "images"];

/** The deploy role of an environment may work on everything whose name begins with its own: that must not be another's. */
function startProblems(env: string, start: string, all: { env: string; start: string }[]) {
  const path = ["environments", env];
  const inside = all.find((other) => other.env !== env && `${other.start}-`.startsWith(`${start}-`));
  const reserved = taken.find((each) => `${each}-`.startsWith(`${start}-`) || `${start}-`.startsWith(`${each}-`));
  return [
    ...(inside
      ? [{ path, allowed: `another name: its role could change ${inside.env}, whose names begin with ${start}-, too` }]
      : []),
    ...(reserved ? [{ path, allowed: `another name: that of the stack ${reserved} is taken` }] : []),
  ];
}

function repositoryProblems(
  name: string,
  { provider, connection, repository }: DeliverySettings["repositories"][string],
) {
  const path = ["repositories", name];
  const missing = provider === "codeconnections" && connection === undefined;
  const needless = provider !== "codeconnections" && connection !== undefined;
  const parts = repository.split("/").length;
  const fits =
    provider === "codecommit" ? parts === 1 : parts >= 2 && (provider !== "s3" || repository.endsWith(".zip"));
  return [
    ...(missing ? [{ path: [...path, "connection"], allowed: "the ARN of a connection" }] : []),
    ...(needless ? [{ path: [...path, "connection"], allowed: `nothing: ${provider} needs no connection` }] : []),
    ...(fits ? [] : [{ path: [...path, "repository"], allowed: repositoryForms[provider] }]),
  ];
}

const repositoryForms: Record<RepositoryProvider, string> = {
  codeconnections: '"<owner>/<name>"',
  codecommit: "the name of a CodeCommit repository",
  s3: '"<bucket>/<key>.zip"',
};

/** CodePipeline's triggers know tags, paths and pull requests of connections only. */
function connectionOnly({ pipelines, repositories }: DeliverySettings) {
  return Object.entries(pipelines).flatMap(([name, { repository, tags, pullRequests, branches, paths }]) => {
    const provider = repositories[repository]?.provider;
    if (provider === undefined || provider === "codeconnections") return [];
    const allowed = `nothing: ${provider} has no triggers of that kind; codeconnections has`;
    return [
      ...(tags ? [{ path: ["pipelines", name, "tags"], allowed: "false: " + allowed.slice(9) }] : []),
      ...(pullRequests ? [{ path: ["pipelines", name, "pullRequests"], allowed: "false: " + allowed.slice(9) }] : []),
      ...(branches ? [{ path: ["pipelines", name, "branches"], allowed }] : []),
      ...(paths ? [{ path: ["pipelines", name, "paths"], allowed }] : []),
    ];
  });
}

function chatProblems({ notifications: { chat: given } }: DeliverySettings) {
  if (given === undefined || (given.slackTeam !== undefined && given.slackChannel !== undefined)) return [];
  return [{ path: ["notifications", "chat"], allowed: "both slackTeam and slackChannel" }];
}

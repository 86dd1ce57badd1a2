import type { CommandSpecification, FlagSpecification } from "./specification";

const variables: FlagSpecification = {
  name: "variables",
  summary: "write what later steps need as shell text, to be read by `. ./FILE`",
  value: "file",
};

/** What pipelines call about themselves. */
export const pipelineCommands: CommandSpecification[] = [
  {
    name: "pipeline update",
    summary: "bring the pipelines to what this commit says, as their first step does",
    details:
      "Deploys the stack `delivery` through its gates, with a pipeline for each branch that the repository has now. When that changes the pipeline that runs it, its execution is started again from the same " +
      "commit, once. It builds nothing and reads no image.",
    arguments: [{ name: "name", summary: "the pipeline that is running" }],
    flags: [variables],
    examples: [{ line: "tributary pipeline update tributary", does: "the same as its step Update" }],
    json: '{ "ok": true, "pipeline", "changes": { … as deploy … }, "restarted": execution | null, "seconds": n }',
    module: "pipeline-update",
  },
  {
    name: "pipeline tag",
    summary: "find the release tag that an execution is for",
    details:
      "A tag <env>_<region>/<team>/<version> deploys that version to that region of the environment, <env>_global/<team>/<version> to all its regions, and nothing else.",
    arguments: [
      { name: "env", summary: "the pipeline's environment" },
      { name: "team", summary: "the pipeline's team" },
    ],
    flags: [
      { name: "tag", summary: "the one that is meant, where the commit has several; `none`: not known", value: "tag" },
      variables,
    ],
    examples: [{ line: "tributary pipeline tag prod tributary", does: "of the commit that is checked out" }],
    json: '{ "ok": true, "tag", "env", "team", "region": "eu-west-1" | null, "version" }',
    module: "pipeline-tag",
  },
  {
    name: "dora",
    summary: "lead time, deployment frequency, change failure rate and time to restore, from the deployment records",
    arguments: [{ name: "envs", summary: "environments", variadic: true }],
    flags: [
      { name: "days", summary: "of the last so many days", value: "n", kind: "integer", default: 30 },
      { name: "publish", summary: "put them where the dashboard of the stack `delivery` reads them" },
    ],
    examples: [{ line: "tributary dora dev prod", does: "a line for each" }],
    json: '{ "days": n, "environments": [{ "env", "deployments": n, "leadTime"?: seconds, "changeFailureRate"?: 0 to 1, "timeToRestore"?: seconds }], "published": false }',
    module: "dora",
  },
];

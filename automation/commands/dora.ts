import { table } from "../cli/render/table";
import { duration } from "../cli/render/text";
import type { Values } from "../cli/specification";
import { doraFigures, type DoraFigures } from "../dora/figures";
import { metricData, publishMetrics } from "../dora/metrics";
import { gitText } from "../git";
import { clientsOf } from "../pipeline/steps/clients";
import { history, type Deployment } from "../records";
import { Backends } from "../selection/backends";
import { environmentStacks, type EnvironmentStacks } from "../stacks/environments";
import type { CommandContext, Outcome } from "./context";

const DAY = 86_400_000;

/** `tributary dora <env…>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environments = (values.envs as string[]).map((name) => environmentStacks(context.root, name));
  const days = Number(values.days);
  const now = new Date();
  const found: { env: string; figures: DoraFigures }[] = [];
  for (const environment of environments) {
    const deployments = await recordsOf(context, environment);
    const times = await commitTimes(context.root, deployments);
    const figures = doraFigures(deployments, (commit) => times.get(commit), now.getTime() - days * DAY);
    found.push({ env: environment.env, figures });
    if (values.publish === true) await publish(context.root, environment, figures, now);
  }
  const document = found.map(({ env, figures }) => ({ env, ...figures }));
  return {
    document: { days, environments: document, published: values.publish === true },
    text: describe(found, days),
  };
}

async function recordsOf(context: CommandContext, { stacks }: EnvironmentStacks): Promise<Deployment[]> {
  const backends = new Backends(context);
  try {
    const each = await Promise.all(
      stacks.map(async (stack) => history((await backends.of(stack)).files, stack.project, [stack.name])),
    );
    return each.flatMap(({ deployments }) => deployments);
  } finally {
    backends.close();
  }
}

/** When commits were made (ms); those that are not in this clone are left out. */
async function commitTimes(root: string, deployments: Deployment[]): Promise<Map<string, number>> {
  const isCommit = (text: string | undefined): text is string => /^[0-9a-f]{40}$/.test(text ?? "");
  const commits = [...new Set(deployments.map(({ revision }) => revision.commit).filter(isCommit))];
  const times = await Promise.all(
    commits.map(
      async (commit) => [commit, Number(await gitText(root, "show", "-s", "--format=%ct", commit)) * 1_000] as const,
    ),
  );
  return new Map(times.filter(([, time]) => time > 0));
}

/** With the credentials of whoever runs it, not those of the environment's role: the dashboard is in the pipelines' account. */
async function publish(
  root: string,
  { env, stacks }: EnvironmentStacks,
  figures: DoraFigures,
  now: Date,
): Promise<void> {
  const first = { ...stacks[0]!, role: undefined };
  const { settings, close } = await clientsOf(root, first);
  try {
    await publishMetrics(settings, metricData(figures, { project: first.project, environment: env }, now));
  } finally {
    close();
  }
}

/** A line for each environment. */
export function describe(found: { env: string; figures: DoraFigures }[], days: number): string {
  const time = (seconds: number | undefined) => (seconds === undefined ? "" : duration(seconds));
  const rows = found.map(({ env, figures }) => ({
    env,
    deployments: figures.deployments,
    "lead time": time(figures.leadTime),
    "change failure rate":
      figures.changeFailureRate === undefined ? "" : `${Math.round(figures.changeFailureRate * 100)} %`,
    "time to restore": time(figures.timeToRestore),
  }));
  const columns = ["env", "deployments", "lead time", "change failure rate", "time to restore"];
  return `${table(columns, rows)}\nof the last ${days} days; times are medians\n`;
}

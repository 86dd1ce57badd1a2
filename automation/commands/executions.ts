import { oneLine } from "../cli/render/text";
import { table } from "../cli/render/table";
import type { Values } from "../cli/specification";
import { userError } from "../errors";
import { addressOf } from "../lake/address";
import { withLake, type Lake } from "../lake/connect";
import { executions, type Execution, type ExecutionFilter } from "../lake/executions";
import { follow } from "../lake/follow";
import { momentOf } from "../lake/moment";
import { findDataset, type LakeOutputs } from "../lake/outputs";
import { findEnvironment } from "../stacks/environments";
import type { CommandContext, Outcome } from "./context";

const stages = ["ROUTING", "A", "B"] as const;
const states = ["SUCCEEDED", "FAILED", "RETRIED"] as const;

/** `tributary executions <env>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environment = findEnvironment(context.root, String(values.env));
  const chosen = chosenBy(values);
  return withLake(context.root, environment, async (lake) => {
    const filter = { ...chosen, datasets: datasetsOf(lake.outputs, values), keyId: keyIdOf(lake.outputs, values) };
    if (values.follow === true) return tail(context, lake, filter);
    const found = await executions(lake, filter);
    return { document: found, text: describe(found) };
  });
}

/** What is there already, if that is wanted, and then what comes. */
async function tail(context: CommandContext, lake: Lake, filter: ExecutionFilter): Promise<Outcome> {
  context.print(undefined, "");
  for await (const execution of follow(lake, { ...filter, signal: context.signal }))
    context.print(execution, `${line(execution)}\n`);
  return { text: "" };
}

/**
 * The filters that need no lake.
 *
 * @throws TributaryError `WrongUsage`, `InvalidStage`, `InvalidState`, `InvalidMoment`
 */
export function chosenBy(values: Values): Omit<ExecutionFilter, "datasets"> {
  if (values.follow === true && values.until !== undefined)
    throw userError(
      "WrongUsage",
      "--follow and --until exclude each other: a tail has no end",
      "leave one of them out",
    );
  if (values.failed === true && values.state !== undefined)
    throw userError("WrongUsage", "--failed and --state exclude each other", "leave one of them out");
  const moment = (flag: "since" | "until") => {
    const text = values[flag];
    return typeof text === "string" ? momentOf(text, `--${flag}`) : undefined;
  };
  return {
    stage: oneOf(values.stage, stages, (found) => userError("InvalidStage", `--stage: ${found}`, seeAll)),
    status:
      values.failed === true
        ? "FAILED"
        : oneOf(values.state, states, (found) => userError("InvalidState", `--state: ${found}`, seeAll)),
    since: moment("since"),
    until: moment("until"),
    limit: typeof values.limit === "number" ? values.limit : undefined,
  };
}

const seeAll = "leave it out to see all of them";

function oneOf(
  value: Values[string],
  allowed: readonly string[],
  refuse: (found: string) => Error,
): string | undefined {
  if (typeof value !== "string") return undefined;
  const found = allowed.find((each) => each === value.toUpperCase());
  if (found !== undefined) return found;
  const names = allowed.map((each) => each.toLowerCase()).join(", ");
  throw refuse(`found ${JSON.stringify(value)}; allowed: ${names}`);
}

/**
 * Names of the datasets that are asked for; all without a filter.
 *
 * @throws TributaryError `UnknownDataset`, `UnknownTeam`
 */
export function datasetsOf(outputs: LakeOutputs, { team, dataset }: Values): string[] {
  const all = Object.keys(outputs.datasets);
  if (typeof dataset === "string") findDataset(outputs, dataset);
  const named = typeof dataset === "string" ? [dataset] : all;
  if (typeof team !== "string") return named;
  const found = named.filter((name) => name.startsWith(`${team}/`));
  if (found.length > 0) return found;
  const teams = [...new Set(all.map((name) => name.split("/")[0]))].sort().join(", ");
  throw userError(
    "UnknownTeam",
    `--team: no ${typeof dataset === "string" ? `dataset ${dataset}` : "dataset"} of team ${JSON.stringify(team)}; teams are: ${teams || "none"}`,
    "tributary executions <env> without --team shows all of them",
  );
}

/** The id of the object that is asked for, if any. */
export function keyIdOf(outputs: LakeOutputs, { object, dataset }: Values): string | undefined {
  if (typeof object !== "string") return undefined;
  // A name alone is enough where the dataset is told.
  const whole = object.startsWith("s3://") || typeof dataset !== "string" || object.startsWith(`${dataset}/`);
  return addressOf(whole ? object : `${dataset}/${object}`, outputs, "--object").keyId;
}

/** Executions as a table. */
export function describe(found: Execution[]): string {
  if (found.length === 0) return "no executions\n";
  const rows = found.map((execution) => ({
    ended: timeOf(execution.endedAt),
    seconds: secondsOf(execution),
    stage: execution.stage,
    status: execution.status,
    object: execution.object,
    rows: execution.rows ?? null,
    error: execution.error ?? null,
  }));
  return `${table(["ended", "seconds", "stage", "status", "object", "rows", "error"], rows)}\n`;
}

/** An execution as one line of a tail. */
export function line(execution: Execution): string {
  const { endedAt, stage, status, object, rows, error } = execution;
  const parts = [
    timeOf(endedAt),
    stage.padEnd(7),
    status.padEnd(9),
    `${secondsOf(execution).toFixed(3)} s`,
    object,
    ...(rows === undefined ? [] : [`${rows} rows`]),
    ...(error === undefined ? [] : [error]),
  ];
  return parts.map(oneLine).join("  ");
}

function timeOf(iso: string): string {
  return iso.replace("T", " ").replace(/\.\d+Z$/, "Z");
}

function secondsOf({ startedAt, endedAt }: Execution): number {
  return Math.round(Date.parse(endedAt) - Date.parse(startedAt)) / 1000;
}

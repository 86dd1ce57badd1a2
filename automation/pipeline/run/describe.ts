import pc from "picocolors";
import { table } from "../../cli/render/table";
import { duration, oneLine } from "../../cli/render/text";
import { percent, type Report } from "../reports";
import type { ActionRun, PipelineRun, StageRun } from "./state";

/** A run as `--json` prints it. */
export function runDocument(run: PipelineRun) {
  const { id, number, pipeline, status, startedAt, endedAt, seconds } = run;
  const revision = revisionOf(run);
  return { id, number, pipeline, status, revision, startedAt, endedAt, seconds, stages: run.stages.map(stageDocument) };
}

function stageDocument({ name, status, seconds, why, actions }: StageRun) {
  return { name, status, seconds, why, actions: actions.map(actionDocument) };
}

function actionDocument({ name, kind, status, seconds, why, approvedBy, build }: ActionRun) {
  const { phases, reports, exported, log, tail } = build ?? {};
  return { name, kind, status, seconds, why, approvedBy, phases, reports, exported, log, tail };
}

/** The commit that a run is for. */
export function revisionOf({ sources }: PipelineRun): string | undefined {
  const repository = Object.values(sources).find((source) => source.kind === "repository");
  return repository?.commit;
}

/** A run for people: every action with its time, then what went wrong, as CodeBuild tells it. */
export function describeRun(run: PipelineRun): string {
  const rows = run.stages.flatMap((stage) =>
    stage.actions.map((action) => ({
      stage: stage.name,
      action: action.name,
      status: action.status === "PENDING" ? "" : action.status.toLowerCase(),
      time: action.seconds === undefined ? "" : duration(action.seconds),
      phases: phasesOf(action),
      reports: (action.build?.reports ?? []).map(describeReport).join("; "),
    })),
  );
  const columns = ["stage", "action", "status", "time", "phases", "reports"];
  const wrong = run.stages.flatMap(({ name, actions }) => actions.map((action) => describeFailure(name, action)));
  const end = `${run.pipeline} ${ends[run.status]}, in ${duration(run.seconds)} (run ${run.id}, commit ${revisionOf(run)?.slice(0, 12) ?? "unknown"})`;
  return `${table(columns, rows)}\n${wrong.join("")}${end}\n`;
}

const ends: Record<PipelineRun["status"], string> = {
  RUNNING: "runs",
  SUCCEEDED: "has succeeded",
  FAILED: "has failed",
  STOPPED: "was stopped",
  WAITING: "waits for an approval",
};

/** Only phases that took a second are told. */
function phasesOf({ build }: ActionRun): string {
  const long = (build?.phases ?? []).filter(({ seconds, status }) => seconds >= 1 || status !== "SUCCEEDED");
  return long.map(({ phase, seconds }) => `${phase.toLowerCase()} ${duration(seconds)}`).join(", ");
}

/** A report in some words, e.g. `tests: 12 passed, 1 failed`. */
export function describeReport({ group, status, tests, coverage, why }: Report): string {
  if (tests) {
    const parts = [
      `${tests.passed} passed`,
      ...(tests.failed > 0 ? [`${tests.failed} failed`] : []),
      ...(tests.skipped > 0 ? [`${tests.skipped} skipped`] : []),
    ];
    return `${group}: ${parts.join(", ")}`;
  }
  if (coverage) return `${group}: ${percent(coverage.lines)} % of lines, ${percent(coverage.branches)} % of branches`;
  return `${group}: ${status.toLowerCase()}${why === undefined ? "" : ` (${oneLine(why)})`}`;
}

/** Lines of a failed build's log that are shown. */
const shownLines = 25;

function describeFailure(stage: string, { name, status, why, build }: ActionRun): string {
  if (status === "WAITING") return `\n${pc.bold(`${stage}: ${name}`)} waits: ${oneLine(why ?? "")}\n\n`;
  if (!["FAILED", "TIMED_OUT"].includes(status)) return "";
  const reports = (build?.reports ?? []).filter((report) => report.status !== "SUCCEEDED");
  const failures = reports.flatMap(({ tests }) => tests?.failures ?? []);
  const lines = failures.length > 0 ? [] : (build?.tail ?? []).slice(-shownLines);
  return [
    `\n${pc.bold(`${stage}: ${name}`)} ${oneLine(why ?? status.toLowerCase())}\n`,
    ...lines.map((line) => `  | ${oneLine(line)}\n`),
    ...reports.map((report) => `  ${describeReport(report)}\n`),
    ...failures
      .slice(0, 20)
      .map((failure) => `    ${pc.red("failed")} ${oneLine(failure.name)}: ${oneLine(failure.message)}\n`),
    ...(build === undefined ? [] : [`  log: ${build.log}\n`]),
    "\n",
  ].join("");
}

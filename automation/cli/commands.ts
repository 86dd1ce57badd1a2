import type { CommandSpecification, FlagSpecification } from "./specification";

const environment = { name: "env", summary: "an environment: `local`, or another with a file Pulumi.<env>.yaml" };
const dataset = { name: "dataset", summary: "a dataset as <team>/<dataset>, e.g. engineering/meteorites" };
const wait: FlagSpecification = { name: "wait", summary: "return when every object has its final outcome" };
const timeout: FlagSpecification = {
  name: "timeout",
  summary: "longest wait of --wait; then the command fails and names what is still pending",
  value: "seconds",
  kind: "integer",
  default: 900,
};

/** All commands, in the order of help and docs. */
export const commands: CommandSpecification[] = [
  {
    name: "demo",
    summary: "the whole lake on this machine: deploy, sample data through both stages, a SQL answer",
    details: "May be repeated: what is there already is not made again, and a sample that was sent is not sent twice.",
    arguments: [],
    flags: [],
    examples: [{ line: "tributary demo", does: "from nothing to a query over Parquet" }],
    json: '{ "ok": true, "phases": [{ "name", "seconds" }], "ingested": n, "processed": n, "failed": n, "query": { "sql", "columns", "rows" } }',
    module: "demo",
  },
  {
    name: "deploy",
    summary: "bring an environment to what the program and its settings say",
    details:
      "For `local` it starts the local AWS first, or mends it. A deployment that was interrupted, even by kill -9, is gone on with: " +
      "a lock whose process is dead is taken over, creations in flight are adopted. A replacement counts as one create and one delete.",
    arguments: [environment],
    flags: [],
    examples: [{ line: "tributary deploy local", does: "deploys; a second time nothing changes" }],
    json: '{ "ok": true, "changes": { "create": n, "update": n, "delete": n, "same": n }, "seconds": n }',
    module: "deploy",
  },
  {
    name: "plan",
    summary: "say what `deploy` would change, and change nothing",
    arguments: [environment],
    flags: [],
    examples: [{ line: "tributary plan local", does: "lists each resource that would change" }],
    json: '{ "ok": true, "changes": { … as deploy … }, "resources": [{ "operation", "type", "name" }], "seconds": n }',
    module: "plan",
  },
  {
    name: "destroy",
    summary: "remove an environment and everything in it",
    details:
      "For `local` it stops the local AWS and erases its data and its recorded state; the tool cache stays. For any other environment its name " +
      "has to be given again with --yes.",
    arguments: [environment],
    flags: [{ name: "yes", summary: "the environment's name once more; needed for all but `local`", value: "env" }],
    examples: [
      { line: "tributary destroy local", does: "leaves no process and no data" },
      { line: "tributary destroy dev --yes dev", does: "removes the environment dev" },
    ],
    json: '{ "ok": true, "env": "local", "seconds": n }',
    module: "destroy",
  },
  {
    name: "status",
    summary: "what is deployed and whether the local AWS runs",
    arguments: [{ ...environment, optional: true }],
    flags: [],
    examples: [
      { line: "tributary status", does: "all environments that are known here" },
      { line: "tributary status local --json", does: "one, with all its outputs" },
    ],
    json: '{ "environments": [{ "env", "region", "stack", "status", "resources": n, "endpoint", "outputs": { "rawBucket", … } }] }; status is "deployed", "incomplete", "stopped", "not deployed" or "unknown"',
    module: "status",
  },
  {
    name: "ingest",
    summary: "send files to a dataset",
    details:
      "Each file becomes the object <team>/<dataset>/<file name> of the raw bucket. A file that is already there with the same content, and known to the " +
      "control tables, is not sent again; its outcome counts. With --wait the exit code is 0 also when objects failed: that is an outcome, and the result says so.",
    arguments: [environment, dataset, { name: "files", summary: "files to send, of any size", variadic: true }],
    flags: [wait, timeout],
    examples: [
      {
        line: "tributary ingest local engineering/meteorites day.json --wait",
        does: "sends a file and waits for its outcome",
      },
      { line: "tributary ingest local engineering/meteorites *.ndjson.gz", does: "sends many and returns" },
    ],
    json: '{ "accepted": n, "processed": n, "failed": n, "objects": [{ "file", "key", "status": "PROCESSED" | "FAILED" | "PENDING", "error"? }] }',
    module: "ingest",
  },
  {
    name: "query",
    summary: "run SQL on an environment's tables",
    arguments: [environment, { name: "sql", summary: "one SELECT statement" }],
    flags: [],
    examples: [{ line: 'tributary query local "select count(*) as n from meteorites"', does: "prints a table" }],
    json: '{ "columns": ["n"], "rows": [{ "n": 32 }] }; integers beyond 2^53 are strings',
    module: "query",
  },
  {
    name: "executions",
    summary: "what happened to which object, newest first",
    arguments: [environment],
    flags: [
      { name: "dataset", summary: "only this dataset", value: "team/dataset" },
      { name: "failed", summary: "only what failed" },
      { name: "limit", summary: "at most so many; without it, all", value: "n", kind: "integer" },
    ],
    examples: [
      { line: "tributary executions local --failed --limit 20", does: "the last 20 failures, with their reasons" },
    ],
    json: '[{ "team", "dataset", "stage", "object", "status", "error"?, "startedAt", "endedAt", "attempt" }]; status is SUCCEEDED, FAILED or RETRIED',
    module: "executions",
  },
  {
    name: "redrive",
    summary: "give failed objects another try, after their cause was repaired",
    arguments: [environment, dataset],
    flags: [
      { name: "max", summary: "at most so many objects of each queue", value: "n", kind: "integer", default: 10000 },
      wait,
      timeout,
    ],
    examples: [
      {
        line: "tributary redrive local engineering/meteorites --wait",
        does: "all failed objects of the dataset again",
      },
    ],
    json: '{ "redriven": { "arrivals": n, "a": n, "b": n }, "remaining": n }',
    module: "redrive",
  },
  {
    name: "doctor",
    summary: "what this machine has and lacks, and the one command that mends it",
    arguments: [],
    flags: [],
    examples: [{ line: "tributary doctor", does: "exits with 1 when something needed lacks" }],
    json: '{ "ok": true, "checks": [{ "name", "found": true, "needed": true, "detail", "cure"? }] }',
    module: "doctor",
  },
  {
    name: "env",
    summary: "print what a shell needs to use the bare `pulumi` and AWS tools on an environment",
    arguments: [environment],
    flags: [],
    examples: [
      { line: 'eval "$(npx tributary env local)"; pulumi preview -s local', does: "the bare engine on the same stack" },
    ],
    json: '{ "env": { "PATH", "PULUMI_BACKEND_URL", … } }',
    module: "env",
  },
];

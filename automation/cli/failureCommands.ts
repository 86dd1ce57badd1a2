import { dataset, environment, timeout, wait } from "./common";
import type { CommandSpecification } from "./specification";

/** What is done about objects that failed, or that have no outcome. */
export const failureCommands: CommandSpecification[] = [
  {
    name: "redrive",
    summary: "give failed objects another try, after their cause was repaired",
    details:
      "One object, some or all. A message leaves its dead-letter queue only when the queue that it goes back to has it; messages of a group keep their order, and after the first that cannot " +
      "be sent the rest of its group stays. What fails again meanwhile stays, too. May be repeated and interrupted: what was sent back has its one outcome all the same.",
    arguments: [environment, dataset],
    flags: [
      { name: "object", summary: "only this object: its key, or s3://<raw bucket>/<key>", value: "key" },
      { name: "reason", summary: "only what failed with this code, e.g. SchemaMismatch", value: "code" },
      {
        name: "since",
        summary: 'only what failed since then: a date or time, or how long ago, like "2 hours"',
        value: "when",
      },
      { name: "stage", summary: "only this queue: arrivals, a or b; without it, all", value: "stage" },
      { name: "max", summary: "at most so many objects of each queue", value: "n", kind: "integer", default: 10000 },
      {
        name: "rate",
        summary: "at most so many messages a second of each queue; without it, as fast as it goes",
        value: "n",
        kind: "integer",
      },
      wait,
      timeout,
    ],
    examples: [
      {
        line: "tributary redrive local engineering/meteorites --wait",
        does: "all failed objects of the dataset again",
      },
      {
        line: 'tributary redrive prod sales/orders --reason SchemaMismatch --since "2 hours" --rate 20',
        does: "what a change of the producer broke, gently",
      },
    ],
    json: '{ "redriven": { "arrivals": n, "a": n, "b": n }, "dropped": n, "failed": n, "remaining": n }',
    module: "redrive",
  },
  {
    name: "reconcile",
    summary: "compare a dataset's buckets, control tables and Parquet files, and mend what has no outcome",
    details:
      "Every object version in the raw bucket against its item, every item against its object, every file below post/ against the item that names it, and the rows of each Parquet file " +
      "against what was recorded. Differences that are younger than --min-age are on their way and do not count. --mend sends again exactly the versions that have no outcome, or whose " +
      "files are gone, and deletes files that nothing names; what it does may be repeated. The same runs in the environment by itself, without mending, as the manifest's " +
      "`reconcile: { every }` says. Exit code 1 when differences are left.",
    arguments: [environment, dataset],
    flags: [
      { name: "mend", summary: "send again what has no outcome, delete files that nothing names" },
      {
        name: "min-age",
        summary:
          'count what has stood still for so long, e.g. "5 minutes", without it an hour; what runs in Stage B counts after 31 hours',
        value: "time",
      },
      { name: "skip-rows", summary: "do not read the Parquet files' row counts (one request a file)" },
      {
        name: "limit",
        summary: "list at most so many differences; all are counted",
        value: "n",
        kind: "integer",
        default: 1000,
      },
      wait,
      timeout,
    ],
    examples: [
      { line: "tributary reconcile prod sales/orders", does: "says what differs" },
      { line: "tributary reconcile prod sales/orders --mend --wait", does: "and has what was lost processed" },
    ],
    json:
      '{ "ok": false, "left": n, "dataset", "complete": true, "checked": { "versions": n, "items": n, "files": n, "rows": n }, "differences": { "unseen": n, "stuck": n, "missing": n, "orphan": n, "rows": n, "unnamed": n }, ' +
      '"notes": { "gone": n, "failed": n, "young": n }, "mended": { "sent": n, "deleted": n }, "found": [{ "kind", "key"?, "version"?, "file"?, "detail" }] }; ' +
      "`ok` is false when differences are left",
    module: "reconcile",
  },
];

import { dataset, environment, timeout, wait } from "./common";
import type { CommandSpecification } from "./specification";

/** Objects that lie in the lake already: bringing them into the flow, asking for their rows, and erasing records. */
export const ingressCommands: CommandSpecification[] = [
  {
    name: "backfill",
    summary: "process what lies in the raw bucket and has no outcome, as if its events had come",
    details:
      "For objects that were there before the dataset was, that came while `triggers.events` was false, or that are to be processed once more with a new transform (--again). A state machine " +
      "lists the bucket and looks at a hundred objects in a call; versions that the lake knows are left alone, so it may be repeated, interrupted, and run while objects arrive.",
    arguments: [environment, dataset],
    flags: [
      { name: "prefix", summary: "only keys that begin with it, below <team>/<dataset>/", value: "prefix" },
      {
        name: "since",
        summary: 'only objects modified since then: a date or time, or how long ago, like "2 hours"',
        value: "when",
      },
      { name: "again", summary: "also versions that have their outcome: they are processed once more" },
      { name: "dry-run", summary: "only count" },
      wait,
      timeout,
    ],
    examples: [
      { line: "tributary backfill local engineering/meteorites --dry-run", does: "says how many have no outcome" },
      {
        line: "tributary backfill prod engineering/meteorites --prefix 2026/ --again --wait",
        does: "processes all of 2026 with the transform as it is now",
      },
    ],
    json: '{ "dataset", "run", "dryRun", "listed": n, "sent": n, "known": n, "older": n, "gone": n, "folders": n, "bytes": n, "failedBatches": 0 }; listed is the sum of the five after it',
    module: "backfill",
  },
  {
    name: "erase",
    summary: "erase records from all zones of a dataset, for requests of the people they are about",
    details:
      "Raw objects, all their versions included, are searched through the dataset's own transform, and written anew without the records; the lake then processes them again. What is left in the " +
      "table, in quarantine and in Stage A's files goes next, then all former versions of these files and all results of queries in the lake. Runs on this machine with your rights: no " +
      "function may do that. Raw objects that cannot be read and whose text may hold the values are listed for you (exit code 1). May be interrupted and repeated. The lake keeps an event with a " +
      "digest of the condition, never a value; messages of failed executions and logs are not searched.",
    arguments: [environment, dataset],
    flags: [
      {
        name: "where",
        summary: "a column of the table and the value it has to have; with several, all have to hold",
        value: "column=value",
        repeat: true,
      },
      { name: "dry-run", summary: "only say what would be erased" },
      { name: "yes", summary: "the dataset's name once more", value: "team/dataset" },
      { name: "delete-unreadable", summary: "delete raw objects that cannot be read and may hold the values" },
      { ...timeout, summary: "longest wait for the rewritten objects" },
    ],
    examples: [
      {
        line: "tributary erase prod engineering/meteorites --where id=42 --dry-run",
        does: "says what would be erased",
      },
      {
        line: "tributary erase prod engineering/meteorites --where id=42 --yes engineering/meteorites",
        does: "erases it, and checks that nothing is left",
      },
    ],
    json: '{ "dataset", "dryRun", "ok", "raw": { "scanned": n, "records": n, "rewritten": [key], "deleted": [key], "versions": n }, "table", "quarantine", "intermediate": { "scanned": n, "rows": n, "changed": [key] }, "formerVersions": n, "engineFiles": n, "messages": n, "queryResults": n, "left": 0, "undecided": [{ "key", "versionId", "reason" }], "proof"?: { "digest", "salt" } }',
    module: "erase",
  },
  {
    name: "query",
    summary: "run SQL on an environment's tables",
    details:
      "Runs in the lake's Athena workgroup, whose limit of bytes ends a query that would read more. Ctrl-C cancels the query. With --out, rows go to the file as they come, however many.",
    arguments: [environment, { name: "sql", summary: "one SELECT statement; not with --file", optional: true }],
    flags: [
      { name: "file", summary: "read the SQL from this file", value: "file" },
      {
        name: "param",
        summary: "a value for :name in the SQL; a number, true, false or null is itself, all else is text",
        value: "name=value",
        repeat: true,
      },
      { name: "output", summary: "table, csv or json (a list of rows)", value: "form", default: "table" },
      {
        name: "out",
        summary: "write rows to this file: CSV, or one JSON object a line with --output json",
        value: "file",
      },
    ],
    examples: [
      { line: 'tributary query local "select count(*) as n from meteorites"', does: "prints a table" },
      {
        line: 'tributary query prod "select * from meteorites where id = :id" --param id=42 --output csv',
        does: "prints CSV",
      },
    ],
    json: '{ "columns": ["n"], "rows": [{ "n": 32 }], "statistics": { "id", "bytesScanned", "milliseconds", "cost"?: USD } }; integers beyond 2^53 are strings. With --out: { "columns", "out", "rowCount", "statistics" }',
    module: "query",
  },
];

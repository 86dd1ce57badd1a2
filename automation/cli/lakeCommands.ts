import { environment } from "./common";
import type { CommandSpecification } from "./specification";

/** What happened in a lake. */
export const lakeCommands: CommandSpecification[] = [
  {
    name: "executions",
    summary: "what happened to which object, newest first",
    details:
      "One entry for every try of a stage on an object, from the control table execution-history. Filters are combined. With --follow it goes on with what comes, oldest first, until Ctrl-C (exit code 130) " +
      "or --limit; a dataset in which nothing happens is asked every 8 seconds at last.",
    arguments: [environment],
    flags: [
      { name: "team", summary: "only datasets of this team", value: "team" },
      { name: "dataset", summary: "only this dataset", value: "team/dataset" },
      { name: "stage", summary: "only this stage: routing, a or b", value: "stage" },
      { name: "state", summary: "only this status: succeeded, failed or retried", value: "state" },
      { name: "failed", summary: "only what failed, as --state failed" },
      {
        name: "since",
        summary: 'only what ended since then: a date or time, or how long ago, like "2 hours"',
        value: "when",
      },
      { name: "until", summary: "only what ended until then", value: "when" },
      {
        name: "object",
        summary: "only this object: its key, s3://<raw bucket>/<key>, or a file that was made of it",
        value: "key",
      },
      { name: "limit", summary: "at most so many; without it, all", value: "n", kind: "integer" },
      { name: "follow", summary: "go on with what comes; with --json one document a line" },
    ],
    examples: [
      { line: "tributary executions local --failed --limit 20", does: "the last 20 failures, with their reasons" },
      {
        line: 'tributary executions prod --team sales --stage b --since "1 hour" --follow',
        does: "Stage B of a team's datasets, as it goes on",
      },
    ],
    json:
      '[{ "team", "dataset", "stage", "object", "status", "error"?, "startedAt", "endedAt", "attempt"?, "sequenceNumber"?, "version"?, "rows"?, "bytes"?, "engine"?, "cost"?: USD, "quarantined"?: rows, "expectations"?: […], "executionArn"?, "batchId"? }]; ' +
      "status is SUCCEEDED, FAILED or RETRIED; with --follow one such object a line",
    module: "executions",
  },
  {
    name: "object",
    summary: "one object's whole story: versions, tries, files, rows, durations, cost, events",
    details:
      "From the raw bucket over Stage A's file to the table's files, each with its size or `gone`. May be asked about a file of the table as well, as a query of \"$path\" shows it: which object does this row " +
      "come from?",
    arguments: [
      environment,
      { name: "object", summary: "s3://<raw bucket>/<key>, its key, or a file that was made of it" },
    ],
    flags: [],
    examples: [
      { line: "tributary object local engineering/meteorites/sample.json", does: "what became of the sample" },
      {
        line: "tributary object prod s3://tributary-prod-stage-123456789012-eu-west-1/post/sales/orders/<file>.parquet",
        does: "where a file comes from",
      },
    ],
    json:
      '{ "bucket", "key", "keyId", "team", "dataset", "versions": [{ "version", "versionId"?, "current": true, "status", "stage"?, "error"?, "receivedAt", "updatedAt", "bytes", "etag", "sequencer", "attempts", "redrives", "rows"?, ' +
      '"supersededBy"?, "supersedes": […], "quarantined"?: rows, "raw": { "url", "exists", "bytes"? }, "pre"?: { "url", "exists", "bytes"?, "from"?: place in a file that objects share }, "post": […], "quarantine"?, "tries": [ … as executions … ], "batch"?: { "batchId", "engine", "sqlDigest", "objects", "rows", "bytes", "fileCount" }, ' +
      '"cost": USD, "milliseconds" }], "events": [{ "at", "kind", "detail" }], "cost", "milliseconds" }',
    module: "object",
  },
];

import { dataset, environment } from "./common";
import type { CommandSpecification } from "./specification";

/** What came of the data. */
export const datasetCommands: CommandSpecification[] = [
  {
    name: "expectations",
    summary: "what came of a dataset's expectations, for people and, as a JUnit file, for CI",
    details:
      "Read from the execution history; of each object its newest execution counts, also one that an expectation rejected. Exits with 1 when an expectation whose rule is fail or quarantine is " +
      "broken. In the JUnit file an expectation is a test case; one that only warns is told as skipped.",
    arguments: [environment, dataset],
    flags: [
      {
        name: "since",
        summary: 'only objects processed since then: a date or time, or how long ago, like "2 hours"',
        value: "when",
      },
      { name: "junit", summary: "write the report to this file", value: "file" },
    ],
    examples: [
      { line: "tributary expectations local climate/readings", does: "a line an expectation" },
      {
        line: 'tributary expectations prod climate/readings --since "1 day" --junit reports/readings.xml',
        does: "what CI shows of the last day",
      },
    ],
    json: '{ "ok", "dataset", "objects": n, "rows": n, "quarantined": n, "expectations": [{ "name", "check", "column"?, "rule", "objects": n, "checked": n, "broken": n, "brokenIn": [{ "object", "version", "checked": n, "broken": n }] }], "junit"? }',
    module: "expectations",
  },
  {
    name: "dataset test",
    summary: "let both stages take the samples of datasets, on this machine, without a lake",
    details:
      "The functions' own code reads each file of datasets/<team>/<dataset>/sample with the manifest, runs the SQL, asks the expectations and writes the partitions, with DuckDB whatever `engine` says; a " +
      "dataset without a sample is tried on no records. Exits with 1 where an object like the file would be rejected, or where a whole number, date or boolean of the table is another value " +
      "than the SQL gives (1.5 becomes 2). What expectations warn of or put into quarantine fails nothing, nor does a named query that DuckDB cannot parse: Athena may. Samples do not age: of them `freshness` only " +
      "asks that there is a value. In the JUnit file a file's way through the stages, its types, each expectation and each query are test cases; what fails nothing counts as skipped.",
    arguments: [
      {
        name: "datasets",
        summary: "datasets of the checkout as <team>/<dataset>; without it, all",
        variadic: true,
        optional: true,
      },
    ],
    flags: [
      {
        name: "file",
        summary: "try this file instead of the samples, as if it came now; with one dataset",
        value: "file",
      },
      { name: "junit", summary: "write the report to this file", value: "file" },
    ],
    examples: [
      { line: "tributary dataset test", does: "all datasets of the checkout, before they are deployed" },
      { line: "tributary dataset test sales/orders --file monday.json", does: "what the lake would make of that file" },
      { line: "tributary dataset test --junit reports/datasets.xml", does: "what the pipeline's lint build does" },
    ],
    json: '{ "ok", "error"?, "datasets": [{ "dataset", "ok", "tests": [{ "file"?, "ok", "records": n, "rows": n, "quarantined": n, "files": n, "partitions": [folder], "group"?, "expectations": [{ "name", "check", "column"?, "rule", "checked": n, "broken": n }], "casts": [{ "column", "type", "gives", "changed": n, "loses" }], "failure"?, "seconds": n }], "queries": [{ "name", "doubt"? }], "seconds": n }], "junit"? }',
    module: "dataset-test",
  },
  {
    name: "dataset schema",
    summary: "what a dataset's objects looked like, version by version, as the lake saw it",
    details:
      "Read from the control table data-schemas: a version is made when an object has a field that none had before, or a wider type. It tells when that was, which object was the first, and what differs from the " +
      "version before. These are the fields of the raw objects, whatever the manifest takes of them.",
    arguments: [environment, dataset],
    flags: [],
    examples: [
      {
        line: "tributary dataset schema prod sales/orders",
        does: "since when there is that field, and who sent it first",
      },
    ],
    json: '{ "dataset", "versions": [{ "version": n, "recordedAt", "object"?, "source": { "keyId", "version" }, "columns": [{ "name", "type" }], "added": [{ "name", "type" }], "removed": [{ "name", "type" }], "retyped": [{ "name", "from", "to" }] }] }',
    module: "dataset-schema",
  },
];

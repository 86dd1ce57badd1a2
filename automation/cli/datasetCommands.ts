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
];

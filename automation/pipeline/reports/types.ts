/** A test that did not pass. */
export interface FailedTest {
  /** Suite and name. */
  name: string;
  /** First line of what it said. */
  message: string;
}

/** What the tests of a report group came to. */
export interface TestSummary {
  total: number;
  passed: number;
  failed: number;
  skipped: number;
  /** Sum of what the tests say they took. */
  seconds: number;
  failures: FailedTest[];
}

/** How much of the code the tests reached. */
export interface CoverageSummary {
  lines: { covered: number; total: number };
  branches: { covered: number; total: number };
}

/** A report group's content: what CodeBuild would show under its name. */
export interface Report {
  /** Name in the buildspec. */
  group: string;
  /** `FAILED`: a test failed; `INCOMPLETE`: no file was there, or one could not be read. */
  status: "SUCCEEDED" | "FAILED" | "INCOMPLETE";
  /** Files that were read, relative to the source. */
  files: string[];
  tests?: TestSummary;
  coverage?: CoverageSummary;
  /** Why it is incomplete. */
  why?: string;
}

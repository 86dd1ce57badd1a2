import { XMLBuilder } from "fast-xml-parser";
import { writeNamed } from "../../plan/store";

/** A test case of a report that we write. */
export interface ReportedCase {
  name: string;
  /** Why it failed; undefined when it passed. */
  failure?: string;
  /** Why it was not done. */
  skipped?: string;
  seconds?: number;
}

/** What XML 1.0 cannot hold, even escaped. */
// eslint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

/**
 * Writes a JUnit report, which CodeBuild shows in a report group.
 *
 * @param suite what the cases have in common, e.g. `gates of prod`
 * @throws user error `FileUnwritable`
 */
export async function writeJunit(file: string, suite: string, cases: readonly ReportedCase[]): Promise<void> {
  const builder = new XMLBuilder({
    ignoreAttributes: false,
    attributeNamePrefix: "@",
    format: true,
    suppressEmptyNode: true,
  });
  const counts = {
    "@tests": String(cases.length),
    "@failures": String(cases.filter(({ failure }) => failure !== undefined).length),
    "@skipped": String(cases.filter(({ skipped }) => skipped !== undefined).length),
    "@errors": "0",
    "@time": String(cases.reduce((sum, { seconds = 0 }) => sum + seconds, 0)),
  };
  const testcase = cases.map((each) => caseElement(suite, each));
  const testsuite = { "@name": clean(suite), ...counts, testcase };
  const text: string = builder.build({ testsuites: { ...counts, testsuite } });
  await writeNamed(file, `<?xml version="1.0" encoding="UTF-8"?>\n${text}`);
}

function caseElement(suite: string, { name, failure, skipped, seconds = 0 }: ReportedCase) {
  return {
    "@classname": clean(suite),
    "@name": clean(name),
    "@time": String(seconds),
    ...(failure === undefined
      ? {}
      : { failure: { "@message": clean(failure).slice(0, 2_000), "#text": clean(failure) } }),
    ...(skipped === undefined ? {} : { skipped: { "@message": clean(skipped) } }),
  };
}

const clean = (text: string) => text.replace(unprintable, "\ufffd");

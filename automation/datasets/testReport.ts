import type { ReportedCase } from "../pipeline/reports/write";
import type { Cast } from "./casts";
import type { DatasetTest, FileTest } from "./test";

/** What is told where a dataset has no sample. */
const WITHOUT = "no sample";

/** What a file is called in a report. */
export function fileName({ file }: FileTest): string {
  return file ?? WITHOUT;
}

/** Sentences about what would reject an object like the file, or change its values. */
export function problemsOf({ failure, casts }: FileTest): string[] {
  return [...(failure === undefined ? [] : [failure]), ...casts.filter(({ loses }) => loses).map(lossOf)];
}

/** Sentences about what somebody should know and what fails nothing. */
export function notesOf(test: FileTest): string[] {
  const { file, records, rows, quarantined, group, failure, expectations, casts } = test;
  const empty = failure === undefined && records > 0 && rows === 0;
  const bad = expectations.filter(({ rule, broken }) => rule !== "fail" && broken > 0);
  return [
    ...(file === undefined ? ["the SQL was tried on no records: put a file into its folder sample"] : []),
    ...(empty ? [`none of ${records} records became a row of the table (${quarantined} in quarantine)`] : []),
    ...bad.map(({ name, rule, broken, checked }) => `${name} (${rule}): ${broken} of ${checked} broke it`),
    ...casts.filter(({ loses, changed }) => !loses && changed > 0).map(roundingOf),
    ...(group === null ? ["group.key does not fit the file's name: it would be a group of its own"] : []),
  ];
}

function lossOf({ column, gives, type, changed }: Cast): string {
  return `column ${column}: the SQL gives ${gives}, and ${changed} values are others as ${type}; say in the SQL what they are to become, such as round(…) or CAST(… AS DATE), or give the column another type`;
}

function roundingOf({ column, gives, type, changed }: Cast): string {
  return `column ${column}: ${changed} values of ${gives} are rounded to ${type}`;
}

/**
 * The tests as test cases: of each file the way through both stages, its types, and each expectation; each named query. What fails
 * nothing is told as skipped.
 */
export function cases(tests: readonly DatasetTest[]): ReportedCase[] {
  return tests.flatMap((one) => [
    ...one.tests.flatMap((test) => fileCases(one, test)),
    ...one.queries.map(({ name, doubt }) => ({
      name: `${one.dataset}: query ${name}`,
      ...(doubt === undefined ? {} : { skipped: doubt }),
    })),
  ]);
}

function fileCases({ dataset }: DatasetTest, test: FileTest): ReportedCase[] {
  const name = (what: string) => `${dataset}: ${fileName(test)}: ${what}`;
  const { failure, casts, expectations, file, seconds } = test;
  const losses = casts.filter(({ loses }) => loses).map(lossOf);
  const through = { name: name("both stages"), seconds };
  return [
    failure !== undefined
      ? { ...through, failure }
      : file === undefined
        ? { ...through, skipped: notesOf(test)[0] as string }
        : through,
    { name: name("types of columns"), ...(losses.length > 0 ? { failure: losses.join("\n") } : {}) },
    ...expectations.map(({ name: expected, rule, broken, checked }) => {
      const told = `${broken} of ${checked} broke it`;
      const result = broken === 0 ? {} : rule === "fail" ? { failure: told } : { skipped: told };
      return { name: name(`${expected} (${rule})`), ...result };
    }),
  ];
}

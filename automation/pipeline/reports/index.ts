import { readFile } from "node:fs/promises";
import * as path from "node:path";
import type { ReportFiles } from "../run/buildspec";
import { matchFiles } from "../run/files";
import { readClover, readCobertura, sumCoverage } from "./coverage";
import { readJunit, sumTests } from "./junit";
import type { CoverageSummary, Report, TestSummary } from "./types";
import { parseXml } from "./xml";

export { percent } from "./coverage";
export type { CoverageSummary, FailedTest, Report, TestSummary } from "./types";

/** Largest report that is read (bytes): a program may write anything. */
const largest = 64 * 1024 * 1024;

/**
 * Reads the reports of a build as CodeBuild does when it uploads them: each group's files are added up.
 *
 * @param folder the build's source folder, to which patterns and folders are relative
 */
export async function readReports(folder: string, groups: Record<string, ReportFiles>): Promise<Report[]> {
  return Promise.all(Object.entries(groups).map(([group, files]) => readGroup(folder, group, files)));
}

type Read = { tests: TestSummary } | { coverage: CoverageSummary } | { why: string };

async function readGroup(folder: string, group: string, given: ReportFiles): Promise<Report> {
  const base = path.resolve(folder, given["base-directory"]);
  const files = await matchFiles(base, given.files);
  const shown = files.map((file) => path.relative(folder, path.join(base, file)));
  if (files.length === 0) {
    const why = `no file matches ${given.files.join(", ")}; the commands that write it may not have run`;
    return { group, status: "INCOMPLETE", files: [], why };
  }
  const reads = await Promise.all(files.map((file) => readOne(path.join(base, file), given["file-format"])));
  const problems = reads.flatMap((read, index) => ("why" in read ? [`${shown[index]}: ${read.why}`] : []));
  const tests = reads.flatMap((read) => ("tests" in read ? [read.tests] : []));
  const coverage = reads.flatMap((read) => ("coverage" in read ? [read.coverage] : []));
  const failed = tests.some((each) => each.failed > 0);
  return {
    group,
    status: failed ? "FAILED" : problems.length > 0 ? "INCOMPLETE" : "SUCCEEDED",
    files: shown,
    ...(tests.length > 0 ? { tests: sumTests(tests) } : {}),
    ...(coverage.length > 0 ? { coverage: sumCoverage(coverage) } : {}),
    ...(problems.length > 0 ? { why: problems.join("; ") } : {}),
  };
}

async function readOne(file: string, format: string): Promise<Read> {
  const bytes = await readFile(file);
  if (bytes.length > largest) return { why: `it has ${bytes.length} bytes, of which ${largest} are read at most` };
  const document = parseXml(bytes.toString("utf8"));
  if (typeof document === "string") return { why: document };
  const read = readAs(document, format);
  return read ?? { why: `it is not in the format ${format}` };
}

function readAs(document: Exclude<ReturnType<typeof parseXml>, string>, format: string): Read | undefined {
  if (format === "JUNITXML") {
    const tests = readJunit(document);
    return tests && { tests };
  }
  if (format !== "COBERTURAXML" && format !== "CLOVERXML")
    return { why: `reports of the format ${format} are not read on this machine` };
  const coverage = format === "COBERTURAXML" ? readCobertura(document) : readClover(document);
  return coverage && { coverage };
}

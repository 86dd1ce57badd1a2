/**
 * Reading dataset manifests from their folders: what the program and the driver do. The functions get the same
 * manifests from the datasets table and need neither files nor YAML, so this file is no part of the layer's bundle.
 */
import { readFileSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { parseDocument } from "yaml";
import { messageOf, userError } from "../automation/errors";
import { manifestFileSchema, type Manifest, type ManifestFile } from "./manifest-schema";
import { keepsExtra } from "./manifest/schema";

export * from "./manifest-schema";

const NEXT = "docs/datasets.md explains every field of a manifest";

/**
 * Checks the text of a `manifest.yaml` and fills in its defaults.
 *
 * @param file what messages call the text
 * @throws TributaryError `ManifestInvalid`, with all problems at once, each with its property path
 */
export function parseManifest(text: string, file: string): ManifestFile {
  const { manifest, problems } = check(text, file);
  if (manifest === undefined) throw invalid(problems);
  return manifest;
}

/**
 * All manifests under `datasets/<team>/<dataset>/`, sorted by team and dataset, with their SQL.
 *
 * @throws TributaryError `ManifestInvalid`, with all problems of all manifests at once
 */
export function loadManifests(datasetsDir: string): Manifest[] {
  const problems: string[] = [];
  const manifests: Manifest[] = [];
  for (const folder of datasetFolders(datasetsDir)) {
    const found = load(datasetsDir, folder);
    problems.push(...found.problems);
    if (found.manifest) manifests.push(found.manifest);
  }
  problems.push(...collisions(manifests));
  if (problems.length > 0) throw invalid(problems);
  return manifests;
}

interface Checked<T> {
  manifest?: T;
  problems: string[];
}

function load(datasetsDir: string, folder: string): Checked<Manifest> {
  const directory = path.join(datasetsDir, folder);
  const file = path.join(directory, "manifest.yaml");
  const label = path.posix.join("datasets", folder, "manifest.yaml");
  const { manifest, problems } = check(readFileSync(file, "utf8"), label);
  if (manifest === undefined) return { problems };
  const expected = `${manifest.team}/${manifest.dataset}`;
  if (expected !== folder) problems.push(`${label}: team and dataset say "${expected}", the folder is "${folder}"`);
  const sql = readSql(path.join(directory, manifest.transform));
  if (sql === undefined)
    problems.push(`${label}: transform: "${manifest.transform}" is missing or empty in the dataset's folder`);
  const queries = queriesOf(directory, label, problems);
  if (sql === undefined) return { problems };
  problems.push(...beyondSchema(manifest, sql).map((problem) => `${label}: ${problem}`));
  return { manifest: { ...manifest, sql, ...dialectsOf(directory, manifest.transform), ...queries }, problems };
}

function check(text: string, file: string): Checked<ManifestFile> {
  const document = parseDocument(text, { prettyErrors: true });
  if (document.errors.length > 0)
    return { problems: document.errors.map((error) => `${file}: ${error.message.split("\n")[0]}`) };
  const result = manifestFileSchema.safeParse(document.toJS() as unknown);
  if (result.success) return { manifest: result.data, problems: [] };
  return { problems: result.error.issues.map((issue) => `${file}: ${propertyPath(issue.path)}: ${issue.message}`) };
}

/** What the schema cannot check without more libraries than a function should load. */
function beyondSchema(manifest: ManifestFile, sql: string): string[] {
  const patterns = manifest.expectations.flatMap((expected, index) => {
    const reason = expected.check === "regex" ? notRe2(expected.pattern) : undefined;
    return reason === undefined ? [] : [`expectations[${index}].pattern: ${reason}`];
  });
  const given = /\b_extra\b|\*/.test(sql);
  const extra = `transform: evolution says add, so "${manifest.transform}" has to give the column _extra`;
  return keepsExtra(manifest) && !given ? [...patterns, extra] : patterns;
}

function notRe2(pattern: string): string | undefined {
  try {
    // Loaded by those alone that need it: every command reads manifests.
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- import() would make reading manifests asynchronous
    const { RE2JS } = require("re2js") as { RE2JS: { compile(pattern: string): unknown } };
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    return `no regular expression of RE2, which knows no look-around and no references back: ${messageOf(error)}`;
  }
}

function propertyPath(parts: PropertyKey[]): string {
  const joined = parts.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
  return joined.replace(/^\./, "") || "(the whole file)";
}

function datasetFolders(datasetsDir: string): string[] {
  const folders = (directory: string) =>
    readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  return folders(datasetsDir)
    .flatMap((team) => folders(path.join(datasetsDir, team)).map((dataset) => `${team}/${dataset}`))
    .filter((folder) => statSync(path.join(datasetsDir, folder, "manifest.yaml"), { throwIfNoEntry: false })?.isFile())
    .sort();
}

/** The transform in other dialects: files beside it, named `<transform>.athena.sql` and `<transform>.spark.sql`. */
function dialectsOf(directory: string, transform: string): Pick<Manifest, "dialects"> {
  const beside = (dialect: string) => readSql(path.join(directory, transform.replace(/\.sql$/, `.${dialect}.sql`)));
  const [athena, spark] = [beside("athena"), beside("spark")];
  if (athena === undefined && spark === undefined) return {};
  return { dialects: { ...(athena && { athena }), ...(spark && { spark }) } };
}

/** Named queries: `queries/<name>.sql` of the dataset's folder. */
function queriesOf(directory: string, label: string, problems: string[]): Pick<Manifest, "queries"> {
  const folder = path.join(directory, "queries");
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return {};
  const found = readdirSync(folder)
    .sort()
    .map((file) => [file, readSql(path.join(folder, file))] as const);
  for (const [file, sql] of found) {
    if (!QUERY_FILE.test(file)) problems.push(`${label}: queries/${file}: the name has to be ${QUERY_NAMES}`);
    else if (sql === undefined) problems.push(`${label}: queries/${file}: is empty`);
  }
  return { queries: Object.fromEntries(found.map(([file, sql]) => [file.replace(/\.sql$/, ""), sql ?? ""])) };
}

const QUERY_FILE = /^[A-Za-z0-9_-]{1,60}\.sql$/;
const QUERY_NAMES = "up to 60 letters, digits, _ and - with the ending .sql";

function readSql(file: string): string | undefined {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return undefined;
  const sql = readFileSync(file, "utf8").trim().replace(/;$/, "").trim();
  return sql === "" ? undefined : sql;
}

/** Names derived from two datasets must differ: tables, and queues named `<team>-<dataset>-…`. */
function collisions(manifests: Manifest[]): string[] {
  const problems: string[] = [];
  const seen = new Map<string, string>();
  for (const { team, dataset, table } of manifests) {
    for (const [kind, value] of [
      ["table", table],
      ["queue name", `${team}-${dataset}`],
    ] as const) {
      const other = seen.get(`${kind} ${value}`);
      if (other)
        problems.push(`datasets/${team}/${dataset}/manifest.yaml: ${kind} "${value}" belongs to ${other} already`);
      seen.set(`${kind} ${value}`, `${team}/${dataset}`);
    }
  }
  return problems;
}

function invalid(problems: string[]): Error {
  return userError(
    "ManifestInvalid",
    `${problems.length} problem(s) in dataset manifests:\n${problems.map((p) => `  ${p}`).join("\n")}`,
    NEXT,
  );
}

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import * as path from "node:path";
import { messageOf, userError } from "../../../errors";
import { splitStatements } from "./split";

/** A migration as its file says it. */
export interface Migration {
  /** File name, e.g. `0003_add_region.sql`: migrations are run in the order of these. */
  name: string;
  /** SHA-256 of the file, hexadecimal. */
  checksum: string;
  statements: string[];
}

/** A migration that was run, as the record says it. */
export interface AppliedMigration {
  name: string;
  checksum: string;
}

const fileName = /^\d{1,14}[_-][A-Za-z0-9._-]{1,100}\.sql$/;

/**
 * The migrations of a folder, in their order.
 *
 * @throws user error `MigrationsInvalid`: names of another form, the same number twice, a file without a statement
 */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const entries = await readdir(folder).catch((error: unknown) => {
    throw userError("MigrationsInvalid", `${folder} cannot be read: ${messageOf(error)}`, "correct --folder");
  });
  const names = entries
    .filter((name) => name.endsWith(".sql"))
    .sort((a, b) => numberOf(a) - numberOf(b) || compare(a, b));
  const migrations = await Promise.all(names.map((name) => readMigration(folder, name)));
  const problems = [
    ...names.filter((name) => !fileName.test(name)).map((name) => `${name}: allowed is <number>_<what it does>.sql`),
    ...names.flatMap((name, index) =>
      index > 0 && numberOf(names[index - 1]!) === numberOf(name)
        ? [`${names[index - 1]} and ${name} have the same number`]
        : [],
    ),
    ...migrations.filter(({ statements }) => statements.length === 0).map(({ name }) => `${name} holds no statement`),
    ...(names.length === 0 ? ["it holds no file <number>_<what it does>.sql"] : []),
  ];
  if (problems.length === 0) return migrations;
  throw userError("MigrationsInvalid", `${folder}: ${problems.join("; ")}`, "rename or correct these files");
}

async function readMigration(folder: string, name: string): Promise<Migration> {
  const text = await readFile(path.join(folder, name), "utf8");
  const checksum = createHash("sha256").update(text).digest("hex");
  return { name, checksum, statements: splitStatements(text) };
}

const numberOf = (name: string) => Number.parseInt(name, 10);
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * The migrations that are still to be run.
 *
 * @throws user error `MigrationChanged`: one that was run is another one now; `MigrationOutOfOrder`: one that was not run comes
 *   before one that was; `MigrationGone`: one that was run has no file
 */
export function pending(migrations: readonly Migration[], applied: readonly AppliedMigration[]): Migration[] {
  const known = new Map(applied.map(({ name, checksum }) => [name, checksum]));
  const changed = migrations.find(({ name, checksum }) => known.has(name) && known.get(name) !== checksum);
  if (changed) {
    const message = `${changed.name} was run with other content (checksum ${known.get(changed.name)!.slice(0, 12)}, now ${changed.checksum.slice(0, 12)})`;
    throw userError(
      "MigrationChanged",
      message,
      "bring the file back as it was, and write what is new into a new file",
    );
  }
  const gone = applied.find(({ name }) => !migrations.some((migration) => migration.name === name));
  if (gone)
    throw userError("MigrationGone", `${gone.name} was run and is not in the folder any more`, "bring the file back");
  const open = migrations.filter(({ name }) => !known.has(name));
  const last = migrations.findLastIndex(({ name }) => known.has(name));
  const late = open.find((migration) => migrations.indexOf(migration) < last);
  if (!late) return open;
  const message = `${late.name} was not run, and ${migrations[last]!.name}, which comes after it, was`;
  throw userError("MigrationOutOfOrder", message, "give it a number above the last one that was run");
}

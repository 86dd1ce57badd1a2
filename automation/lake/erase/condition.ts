import { createHash, randomBytes } from "node:crypto";
import type { Manifest } from "../../../layer/manifest-schema";
import { isNested } from "../../../layer/manifest/types";
import type { Engine } from "../../../layer/transform/engine";
import { identifier, literal, sqlType } from "../../../layer/transform/sql";
import { messageOf, userError } from "../../errors";

/** One comparison: a column of the table and the value that it has to have. */
export interface Comparison {
  column: string;
  /** The manifest's. */
  type: string;
  /** As it was written. */
  value: string;
}

/** Which records are to be erased: those for which all comparisons hold. */
export type Condition = readonly Comparison[];

/**
 * Reads `--where column=value`, each a column of the table.
 *
 * @throws TributaryError `WhereInvalid`
 */
export function parseCondition(written: readonly string[], manifest: Pick<Manifest, "output">): Condition {
  if (written.length === 0) throw invalid("found none", "name what to erase, e.g. --where id=42");
  return written.map((text) => {
    const [, name, value] = /^([a-z][a-z0-9_]*)=([\s\S]+)$/.exec(text) ?? [];
    const column = manifest.output.columns.find((one) => one.name === name);
    if (name === undefined || value === undefined) {
      throw invalid("found one without a column and a value", "write column=value");
    }
    if (!column || isNested(column.type)) {
      const columns = manifest.output.columns.filter(({ type }) => !isNested(type)).map((one) => one.name);
      throw invalid(`found the column "${name}"`, `columns that can be compared: ${columns.join(", ")}`);
    }
    if (value.includes("\0")) throw invalid("found a NUL character in the value", "leave it out");
    return { column: column.name, type: column.type, value };
  });
}

/** Messages never repeat the value: terminals and logs outlive what is erased. */
function invalid(found: string, allowed: string) {
  return userError("WhereInvalid", `--where: ${found}; allowed: column=value with a column of the table`, allowed);
}

/**
 * Checks that every value is one of its column's type.
 *
 * @throws TributaryError `WhereInvalid`
 */
export async function checkValues(engine: Engine, condition: Condition): Promise<void> {
  await engine.connected(async (connection) => {
    for (const comparison of condition) {
      try {
        await connection.run(`SELECT ${valueOf(comparison)}`);
      } catch (error) {
        const what = messageOf(error).split(":")[0];
        throw invalid(
          `the value for ${comparison.column} is no ${comparison.type} (${what})`,
          "write it as queries show it",
        );
      }
    }
  });
}

function valueOf({ value, type }: Comparison): string {
  return `CAST(${literal(value)} AS ${sqlType(type)})`;
}

/**
 * The condition in SQL, never NULL.
 *
 * @param constants SQL for columns that the rows do not have, such as those of folders
 * @param columns of the rows; a comparison with a column that is neither here nor there holds for no row
 */
export function sqlOf(
  condition: Condition,
  columns: ReadonlySet<string>,
  constants: ReadonlyMap<string, string>,
): string {
  const tests = condition.map((comparison) => {
    const own = columns.has(comparison.column) ? identifier(comparison.column) : undefined;
    const found = own ?? constants.get(comparison.column);
    // What is in a file may have an older type.
    return found === undefined
      ? "false"
      : `coalesce(TRY_CAST(${found} AS ${sqlType(comparison.type)}) = ${valueOf(comparison)}, false)`;
  });
  return tests.join(" AND ");
}

/** What a text has to hold that holds the record, in the spellings that formats have for it. */
export function textsOf(condition: Condition): Buffer[][] {
  return condition.map(({ value }) => {
    const escaped = JSON.stringify(value).slice(1, -1);
    const spellings = [value, escaped, value.replaceAll('"', '""')];
    const texts = [...new Set(spellings)].flatMap((text) => [Buffer.from(text, "utf8"), Buffer.from(text, "utf16le")]);
    return texts;
  });
}

/**
 * What is kept of a condition. The value cannot be found by trying all that are possible without the salt, which only who asked for
 * the erasure gets; with it he can show later what was erased.
 */
export function digestOf(
  condition: Condition,
  salt = randomBytes(16).toString("hex"),
): { digest: string; salt: string } {
  const text = condition.map(({ column, value }) => JSON.stringify([column, value])).sort();
  const digest = createHash("sha256")
    .update(`${salt}\n${text.join("\n")}`)
    .digest("hex");
  return { digest, salt };
}

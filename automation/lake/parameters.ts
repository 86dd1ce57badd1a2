import { literal } from "../../layer/transform/sql";
import { userError } from "../errors";

/** A parameter as it is written on the command line: its name, and its value as SQL. */
const WRITTEN = /^([A-Za-z_][A-Za-z0-9_]*)=([\s\S]*)$/;

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)$/;

/**
 * Parts of SQL, so that a `:name` within text, names and comments is left alone, as is `::type`; the last alternative is any other
 * character.
 */
const PARTS = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|::|:([A-Za-z_][A-Za-z0-9_]*)|[\s\S]/g;

/**
 * Puts values in the place of `:name` in SQL. Values become literals here and not at the service: Athena binds only by position,
 * and the local AWS not at all. A number stays one, as do true, false and null; all else is text; `name='42'` is the text 42.
 *
 * @param given `name=value` each
 * @throws TributaryError `ParameterInvalid`, `ParameterMissing`, `ParameterUnused`
 */
export function withParameters(sql: string, given: readonly string[]): string {
  const values = new Map(given.map(parse));
  const used = new Set<string>();
  const text = sql.replace(PARTS, (part: string, name: string | undefined) => {
    // Without parameters a colon means whatever it means to the service.
    if (name === undefined || given.length === 0) return part;
    const value = values.get(name);
    if (value === undefined) {
      throw userError("ParameterMissing", `the SQL has :${name}, for which no value is given`, `add --param ${name}=…`);
    }
    used.add(name);
    return value;
  });
  const unused = [...values.keys()].filter((name) => !used.has(name));
  if (unused.length > 0) {
    throw userError(
      "ParameterUnused",
      `the SQL has no :${unused.join(", :")}`,
      "write :name in the SQL where the value belongs",
    );
  }
  return text;
}

function parse(written: string): [string, string] {
  const [, name, value] = WRITTEN.exec(written) ?? [];
  if (name === undefined || value === undefined) {
    throw userError(
      "ParameterInvalid",
      `--param: found ${JSON.stringify(written)}; allowed: name=value, where the name has letters, digits and underscores`,
    );
  }
  return [name, sqlValue(value)];
}

function sqlValue(value: string): string {
  if (NUMBER.test(value) || /^(true|false|null)$/i.test(value)) return value;
  const quoted = /^'([\s\S]*)'$/.exec(value)?.[1];
  const text = quoted ?? value;
  if (text.includes("\0"))
    throw userError("ParameterInvalid", "--param: text with a NUL character cannot be written in SQL");
  return literal(text);
}

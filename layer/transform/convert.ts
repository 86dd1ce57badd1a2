import type { InputColumn } from "../manifest-schema";
import { stepsOf, type Evolution } from "../manifest/schema";
import { isNested, typeOf, type ColumnType } from "../manifest/types";
import { rejecting } from "./rejecting";
import { identifier, literal, pointer, sqlType, textExpression } from "./sql";

/** What a column's text must look like, where casting alone would be too kind: 1.5 to 2, "inf" to a number or a date. */
const STRICT: Record<string, (text: string) => string> = {
  int: whole,
  bigint: whole,
  float: finite,
  double: finite,
  date: dated,
  timestamp: dated,
};

/** SQL for the value of a column: as text, or, where it is nested, as JSON. */
export interface Value {
  text: string;
  json: string;
}

/** SQL for a column of Stage A's CSV. */
export interface Converted {
  /** The value, or, where it does not fit and the rule says so, an error. */
  value: string;
  /** A JSON object with the value's text where it does not fit and has to be kept, else `{}`; undefined where nothing is kept. */
  kept?: string;
}

/** Converts the value of a column to its type. What is nested becomes JSON with text in its leaves. */
export function converted(column: InputColumn, value: Value, rules: Evolution): Converted {
  const given = { ...value, text: defaulted(column, value.text, rules) };
  if (column.type === "string") return { value: given.text };
  const type = typeOf(column.type);
  const missing = isNested(column.type) ? isNull(given.json) : `${given.text} IS NULL`;
  const fits = fitting(given, type);
  const misfit = rules.retyped === "fail" ? failure(column, shown(given, type)) : "NULL";
  const built =
    type.kind === "plain" ? plain(given.text, type.type) : `CAST(to_json(${nested(given.json, type)}) AS VARCHAR)`;
  const expression = `CASE WHEN ${missing} THEN NULL WHEN ${fits} THEN ${built} ELSE ${misfit} END`;
  if (rules.retyped !== "add") return { value: expression };
  const object = `json_object(${literal(keptName(column))}, ${shown(given, type)})`;
  return { value: expression, kept: `CASE WHEN ${missing} OR ${fits} THEN '{}' ELSE ${object} END` };
}

/** What the value is called among what is kept: its field, or where in nested records it stood. */
function keptName(column: InputColumn): string {
  const steps = stepsOf(column);
  return steps.length === 1 ? steps[0] : pointer(steps);
}

function defaulted(column: InputColumn, text: string, rules: Evolution): string {
  if (rules.missing !== "add" || column.default === undefined) return text;
  return `coalesce(${text}, ${textExpression(column.default)})`;
}

function failure({ name, type }: InputColumn, text: string): string {
  return rejecting("SchemaMismatch", `column ${name} takes ${type}, not `, `to_json(left(${text}, 80))`);
}

function shown(value: Value, type: ColumnType): string {
  return type.kind === "plain" ? value.text : `CAST(${value.json} AS VARCHAR)`;
}

function isNull(json: string): string {
  return `(${json} IS NULL OR json_type(${json}) = 'NULL')`;
}

function fitting({ text, json }: Value, type: ColumnType, depth = 0): string {
  if (type.kind === "plain") {
    if (type.type === "string") return "true";
    const strict = STRICT[type.type]?.(text);
    return `(${strict ? `${strict} AND ` : ""}TRY_CAST(${text} AS ${sqlType(type.type)}) IS NOT NULL)`;
  }
  if (type.kind === "array") {
    const element = `x${depth}`;
    const inner = `${element} IS NULL OR json_type(${element}) = 'NULL' OR ${fitting(of(element), type.of, depth + 1)}`;
    const misfits = `list_filter(CAST(${json} AS JSON[]), lambda ${element}: NOT coalesce((${inner}), false))`;
    // The cast of what is no array would be an error.
    return `(CASE WHEN json_type(${json}) = 'ARRAY' THEN len(${misfits}) = 0 ELSE false END)`;
  }
  const fields = type.fields.map(({ name, type: inner }) => {
    const field = at(json, name);
    return `(${isNull(field.json)} OR coalesce(${fitting(field, inner, depth)}, false))`;
  });
  return `(json_type(${json}) = 'OBJECT' AND ${fields.join(" AND ")})`;
}

/** The value itself; only where it fits. */
function nested(json: string, type: ColumnType, depth = 0): string {
  if (type.kind === "plain") return `CAST(${plain(`(${json} ->> '$')`, type.type)} AS VARCHAR)`;
  if (type.kind === "array") {
    const element = `x${depth}`;
    const inner = `CASE WHEN ${isNull(element)} THEN NULL ELSE ${nested(element, type.of, depth + 1)} END`;
    return `list_transform(CAST(${json} AS JSON[]), lambda ${element}: ${inner})`;
  }
  const fields = type.fields.map(({ name, type: inner }) => {
    const field = at(json, name).json;
    return `${identifier(name)} := CASE WHEN ${isNull(field)} THEN NULL ELSE ${nested(field, inner, depth)} END`;
  });
  return `struct_pack(${fields.join(", ")})`;
}

function plain(text: string, type: string): string {
  return type === "string" ? text : `TRY_CAST(${text} AS ${sqlType(type)})`;
}

function at(json: string, field: string): Value {
  return of(`json_extract(${json}, ${literal(pointer([field]))})`);
}

function of(json: string): Value {
  return { json, text: `(${json} ->> '$')` };
}

function whole(text: string): string {
  return `regexp_full_match(${text}, '[+-]?[0-9]+(\\.0*)?')`;
}

/** A number that is too large for its type would become infinity. */
function finite(text: string): string {
  return `isfinite(coalesce(TRY_CAST(${text} AS DOUBLE), 0)) AND regexp_full_match(${text}, '[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?')`;
}

/** DuckDB has words for dates ("epoch", "infinity"), and years before the common era. */
function dated(text: string): string {
  return `regexp_full_match(${text}, '\\s*[0-9]{1,6}-[^(]*')`;
}

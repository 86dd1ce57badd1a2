import { z } from "zod";

/** Longest expression (characters): it runs for every object. */
const LONGEST = 200;

const key = z
  .string()
  .min(1)
  .max(LONGEST)
  .superRefine((pattern, context) => {
    const problem = problemOf(pattern);
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  });

/** The manifest's `group`. */
export const groupSchema = z
  .union(
    [
      z.enum(["object", "prefix", "dataset"]),
      z.strictObject({
        key: key.describe(
          "Regular expression (RE2's syntax) with one capture group, searched in the object key below <team>/<dataset>/. Objects for which the group captures the same text are handled in order; " +
            "one that it does not fit is a group of its own.",
        ),
      }),
    ],
    { error: "object, prefix, dataset, or { key: <regular expression with one capture group> }" },
  )
  .describe(
    "Which objects are handled in order: versions of one key, objects of one folder, all of the dataset, or those whose keys have a part in common (`key`).",
  )
  .default("object");

/** Which objects are handled in order, as the manifest says it. */
export type Group = z.infer<typeof groupSchema>;

interface Expression {
  groupCount(): number;
  matcher(text: string): { find(): boolean; group(index: number): string | null };
}

const compiled = new Map<string, Expression>();

/**
 * What an expression captures of a text, or undefined where it does not fit. Keys are hostile, and expressions are written by
 * people: RE2 takes time in proportion to the text, whatever both are.
 */
export function captured(pattern: string, text: string): string | undefined {
  const matcher = expression(pattern).matcher(text);
  return matcher.find() ? (matcher.group(1) ?? undefined) : undefined;
}

function expression(pattern: string): Expression {
  let found = compiled.get(pattern);
  if (found === undefined) {
    // Loaded by those alone that need it: every function reads manifests.
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- import() cannot be used within a check of zod
    const { RE2JS } = require("re2js") as { RE2JS: { compile(pattern: string): Expression } };
    found = RE2JS.compile(pattern);
    if (compiled.size >= 100) compiled.clear();
    compiled.set(pattern, found);
  }
  return found;
}

function problemOf(pattern: string): string | undefined {
  try {
    const groups = expression(pattern).groupCount();
    return groups === 1 ? undefined : `has ${groups} capture groups instead of one`;
  } catch (error) {
    return `is no regular expression of RE2 (no look-around, no back references): ${(error as Error).message}`;
  }
}

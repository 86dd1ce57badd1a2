import { AS_BEFORE } from "./report";
import type { Broadening, BroadeningKind } from "./types";

/** How broadenings are written. */
export interface DescribeOptions {
  /** @default "text" */
  format?: "text" | "markdown";
  /** Items of a list that are shown; the rest is counted. @default 6 */
  listLimit?: number;
}

const LIST_LIMIT = 6;

const verbs: Readonly<Record<BroadeningKind, string>> = {
  allow: "may",
  "deny-lifted": "is no longer denied",
  "limit-widened": "is no longer limited from",
  "barrier-lifted": "is no longer kept from",
  unknown: "may (not known yet)",
};

/**
 * What a change would newly allow, for people: grouped by who gains it, worst first. Empty text for nothing.
 *
 * Names come from resources and are hostile: in Markdown all of them are code spans that cannot be left.
 */
export function describeBroadenings(found: readonly Broadening[], options: DescribeOptions = {}): string {
  const { format = "text", listLimit = LIST_LIMIT } = options;
  const write = format === "markdown" ? markdown(listLimit) : plain(listLimit);
  const groups = new Map<string, Broadening[]>();
  for (const each of found) groups.set(each.principal, [...(groups.get(each.principal) ?? []), each]);
  return [...groups].map(([principal, members]) => write.group(principal, members.map(write.item))).join("\n");
}

interface Writer {
  group: (principal: string, items: readonly string[]) => string;
  item: (broadening: Broadening) => string;
}

function plain(limit: number): Writer {
  return {
    group: (principal, items) => `${printable(who(principal))}\n${items.join("\n")}`,
    item: ({ kind, severity, actions, resources, conditions, via, undecided }) =>
      [
        `  [${severity}] ${verbs[kind]} ${shorten(actions, limit)} on ${shorten(resources, limit)}`,
        ...conditions.map((text) => `      ${text.startsWith(AS_BEFORE) ? text : `if ${text}`}`),
        ...(undecided === undefined ? [] : [`      undecided: ${undecided}`]),
        `      ${logicalName(via.urn)} ${via.property}, ${via.statement}`,
      ]
        .map(printable)
        .join("\n"),
  };
}

function markdown(limit: number): Writer {
  return {
    group: (principal, items) => `- ${code(who(principal))}\n${items.join("\n")}`,
    item: ({ kind, severity, actions, resources, conditions, via, undecided }) => {
      const parts = [
        `  - **${severity}**: ${verbs[kind]} ${code(shorten(actions, limit))} on ${code(shorten(resources, limit))}`,
        ...conditions.map((text) =>
          text.startsWith(AS_BEFORE) ? `${AS_BEFORE}${code(text.slice(AS_BEFORE.length))}` : `if ${code(text)}`,
        ),
        ...(undecided === undefined ? [] : [`undecided: ${code(undecided)}`]),
        `by ${code(`${logicalName(via.urn)} ${via.property}, ${via.statement}`)}`,
      ];
      return parts.join("; ");
    },
  };
}

function who(principal: string): string {
  return principal === "*" ? "* (everybody)" : principal;
}

function shorten(items: readonly string[], limit: number): string {
  const more = items.length - limit;
  return more > 0 ? `${items.slice(0, limit).join(", ")} and ${more} more` : items.join(", ");
}

function logicalName(urn: string): string {
  return urn.split("::").slice(3).join("::") || urn;
}

/** Control characters could move the cursor of a terminal or hide text. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, (char) => (char === "\n" ? char : "\ufffd"));
}

/** A code span that its content cannot end: its fence is longer than any run of backticks in it. */
function code(text: string): string {
  const line = printable(text).replace(/\s+/g, " ");
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return longest > 0 ? `${fence} ${line} ${fence}` : `${fence}${line}${fence}`;
}

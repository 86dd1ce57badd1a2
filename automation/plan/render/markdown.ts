import type { SharedGroup } from "../regions";
import type { PlannedResource } from "../types";
import { broadeningText, changeText, costText, gateText, lossText, violationText, where, type PlanView } from "./view";

/** Longest value or name in a document; what is longer is cut. Characters. */
const longest = 400;

/**
 * A plan for a pull request: a heading, the table, what is flagged, and every change below a fold. Names and values are
 * anybody's, so they are code spans in which nothing is markup, no link and no mention.
 */
export function planMarkdown(view: PlanView): string {
  const parts = [
    `## Plan of ${code(view.plan.env)}: ${summary(view)}`,
    `Plan ${code(view.id)}, made ${view.plan.createdAt}. ${plain(costText(view) ?? "")}`.trim(),
    tableOf(view),
    section(
      "Deletes or replaces what holds data",
      view.losses.map(({ stacks, item }) => [lossText(item), stacks]),
      view,
    ),
    section(
      "Allows what was not allowed before",
      view.broadenings.map(({ stacks, item }) => [broadeningText(item), stacks]),
      view,
    ),
    section(
      "Policies",
      view.violations.map(({ stacks, item }) => [violationText(item), stacks]),
      view,
    ),
    ...view.changes.map((group) => changes(group, view)),
    section(
      "Not planned",
      [...view.left].map(([stack, why]) => [`${stack}: ${why}`, []]),
      view,
    ),
    gates(view),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function summary({ total, changes: groups }: PlanView): string {
  if (groups.length === 0) return "nothing changes";
  const parts = (["create", "update", "replace", "delete"] as const).flatMap((name) =>
    total[name] > 0 ? [`${total[name]} to ${name}`] : [],
  );
  return parts.join(", ");
}

function tableOf({ rows }: PlanView): string {
  const columns = ["stack", "region", "wave", "create", "update", "replace", "delete", "same"] as const;
  return [
    `| ${columns.join(" | ")} |`,
    `|${columns.map((_, index) => (index < 2 ? " --- |" : " ---: |")).join("")}`,
    ...rows.map(
      (row) =>
        `| ${columns.map((column) => (typeof row[column] === "number" ? row[column] : cell(row[column]))).join(" | ")} |`,
    ),
  ].join("\n");
}

function section(title: string, items: [text: string, stacks: string[]][], view: PlanView): string {
  if (items.length === 0) return "";
  const lines = items.map(([text, stacks]) => {
    const place = stacks.length === 0 ? "" : where(stacks, view);
    return `- ${code(text)}${place === "" ? "" : ` ${plain(place)}`}`;
  });
  return [`### ${title} (${items.length})`, "", ...lines].join("\n");
}

function changes({ stacks, items }: SharedGroup<PlannedResource>, view: PlanView): string {
  const place = where(stacks, view);
  const lines = items.flatMap(({ operation, name, type, properties }) => [
    `- **${operation}** ${code(name)} ${code(type)}`,
    ...(operation === "create" || operation === "import"
      ? []
      : properties.map((change) => `  - ${code(changeText(change))}`)),
  ]);
  const title = `${items.length} ${items.length === 1 ? "change" : "changes"}${place === "" ? "" : ` ${plain(place)}`}`;
  return [`<details><summary>${title}</summary>`, "", ...lines, "", "</details>"].join("\n");
}

function gates({ gates: results }: PlanView): string {
  if (results.length === 0) return "";
  const lines = results.map((result) => `- ${code(gateText(result))}`);
  return ["### Gates", "", ...lines].join("\n");
}

/** Text as a code span, whatever it holds: on one line, and with a fence that is longer than any run of backticks in it. */
export function code(text: string): string {
  const line = visible(text);
  const shown = line.length > longest ? `${line.slice(0, longest)}…` : line;
  const runs = [...shown.matchAll(/`+/g)].map(([run]) => run.length);
  const fence = "`".repeat(Math.max(0, ...runs) + 1);
  const space = shown.startsWith("`") || shown.endsWith("`") || shown === "" ? " " : "";
  return `${fence}${space}${shown}${space}${fence}`;
}

/** A code span in a table, whose cells end at a bar even there. */
function cell(text: string): string {
  return code(text).replaceAll("|", "\\|");
}

/** Text outside a code span: nothing in it is markup. */
function plain(text: string): string {
  return visible(text).replace(/[\\`*_{}[\]<>()#+!|@&~]/g, (character) => `&#${character.charCodeAt(0)};`);
}

// C0, DEL, C1, and the marks that reorder text.
// eslint-disable-next-line no-control-regex
const controls = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text on one line, with control characters as visible escapes. */
export function visible(text: string): string {
  return text
    .replace(/\s*[\r\n]+\s*/g, " ")
    .replace(controls, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

import { table } from "../../cli/render/table";
import { cut, oneLine } from "../../cli/render/text";
import type { GateResult } from "../../gates/types";
import type { SharedGroup } from "../regions";
import type { PlannedResource } from "../types";
import {
  broadeningText,
  changeText,
  costText,
  gateText,
  lossText,
  shortType,
  signs,
  violationText,
  where,
  type PlanView,
} from "./view";

/** How much is shown. */
export interface TextOptions {
  /** Characters a line. @default 160 */
  width?: number;
  /** Lines of the list of changes; the table and what is flagged are always shown. @default 40 */
  lines?: number;
}

/** New resources beyond this number are counted by type. */
const listedCreations = 8;
/** Properties that are shown of a resource. */
const listedProperties = 5;
/** Flagged things of one kind that are shown. */
const listedFlags = 12;

/** A plan for a terminal: at most a screen, with what matters first. */
export function planText(view: PlanView, { width = 160, lines = 40 }: TextOptions = {}): string {
  const columns = ["stack", "region", "wave", "create", "update", "replace", "delete", "same"];
  const parts = [
    `${view.title}, plan ${view.id}`,
    table(columns, view.rows as unknown as Record<string, unknown>[]),
    flagged(
      "Deletes or replaces what holds data",
      view.losses.map(({ stacks, item }) => tell(lossText(item), stacks)),
    ),
    flagged(
      "Allows what was not allowed before",
      view.broadenings.map(({ stacks, item }) => tell(broadeningText(item), stacks)),
    ),
    flagged(
      "Policies",
      view.violations.map(({ stacks, item }) => tell(violationText(item), stacks)),
    ),
    changeList(view, lines),
    costText(view),
    flagged(
      "Not planned",
      [...view.left].map(([stack, why]) => `${stack}: ${why}`),
    ),
    flagged("Gates", view.gates.filter(({ state }) => state !== "open").map(gateText)),
    openGates(view.gates),
  ];
  function tell(text: string, stacks: string[]): string {
    const place = where(stacks, view);
    return place === "" ? text : `${text} [${place}]`;
  }
  const printed = parts.filter((part): part is string => part !== undefined);
  return printed.map((part) => (part.includes("│") ? part : clean(part, width))).join("\n\n") + "\n";
}

function flagged(title: string, items: string[]): string | undefined {
  if (items.length === 0) return undefined;
  const more = items.length > listedFlags ? [`… and ${items.length - listedFlags} more`] : [];
  return [
    `${title} (${items.length}):`,
    ...[...items.slice(0, listedFlags), ...more].map((item) => `  ! ${oneLine(item)}`),
  ].join("\n");
}

function openGates(gates: readonly GateResult[]): string | undefined {
  const open = gates.filter(({ state }) => state === "open").map(({ gate }) => gate);
  return open.length === 0 ? undefined : `Open gates: ${open.join(", ")}`;
}

function changeList(view: PlanView, lines: number): string {
  if (view.changes.length === 0) return "Nothing changes.";
  const shown: string[] = [];
  let hidden = 0;
  for (const group of view.changes) {
    const blocks = blocksOf(group);
    const head = where(group.stacks, view);
    let first = true;
    for (const block of blocks) {
      if (shown.length + block.lines.length + Number(first) > lines) {
        hidden += block.resources;
        continue;
      }
      if (first) shown.push(`Changes${head === "" ? "" : ` ${head}`}:`);
      first = false;
      shown.push(...block.lines);
    }
  }
  const more = hidden > 0 ? [`… and ${hidden} more; --full lists all, --markdown or --html writes them to a file`] : [];
  return [...shown, ...more].join("\n");
}

interface Block {
  lines: string[];
  /** How many resources it tells. */
  resources: number;
}

/** What is lost or changed first, then what is new. */
function blocksOf({ items }: SharedGroup<PlannedResource>): Block[] {
  const created = items.filter(({ operation }) => operation === "create");
  const others = items.filter(({ operation }) => operation !== "create");
  const rank = ({ operation }: PlannedResource) =>
    ["delete", "replace", "forget", "update"].indexOf(operation) + 1 || 9;
  const listed = others.sort((a, b) => rank(a) - rank(b)).map(blockOf);
  if (created.length <= listedCreations) return [...listed, ...created.map(blockOf)];
  const counts = new Map<string, number>();
  for (const { type } of created) counts.set(type, (counts.get(type) ?? 0) + 1);
  const types = [...counts].sort((a, b) => b[1] - a[1]).map(([type, count]) => `${count} ${shortType(type)}`);
  return [...listed, { lines: [`  + create ${created.length}: ${types.join(", ")}`], resources: created.length }];
}

function blockOf(resource: PlannedResource): Block {
  const { operation, name, type, properties } = resource;
  const head = `  ${signs[operation]} ${operation.padEnd(7)} ${oneLine(name)}  ${type}`;
  if (operation === "create" || operation === "import") return { lines: [head], resources: 1 };
  const more =
    properties.length > listedProperties ? [`      … and ${properties.length - listedProperties} more properties`] : [];
  const shown = properties.slice(0, listedProperties).map((change) => `      ${oneLine(changeText(change))}`);
  return { lines: [head, ...shown, ...more], resources: 1 };
}

function clean(part: string, width: number): string {
  return part
    .split("\n")
    .map((line) => (line.startsWith("  !") || line.startsWith("  + create") ? line : cut(line, width)))
    .join("\n");
}

import type { SharedGroup } from "../regions";
import type { PlannedResource } from "../types";
import { visible } from "./markdown";
import {
  broadeningText,
  changeText,
  costText,
  gateText,
  lossText,
  signs,
  violationText,
  where,
  type PlanView,
} from "./view";

const style = `body{font:15px/1.45 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
table{border-collapse:collapse}th,td{padding:.25rem .75rem;border-bottom:1px solid #d5dae0;text-align:right}
th:nth-child(-n+2),td:nth-child(-n+2){text-align:left}code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}
section.flag{border-left:4px solid #b54708;padding-left:1rem}li{margin:.2rem 0}.closed{color:#b42318}.approved,.open{color:#067647}
@media(prefers-color-scheme:dark){body{color:#e6e9ed;background:#14171b}th,td{border-color:#3a4149}.closed{color:#ff9c8f}.approved,.open{color:#6ce9a6}}`;

/**
 * A plan as one HTML file that needs nothing else: no script, no request, and a content security policy that allows
 * neither. Every name and value is text.
 */
export function planHtml(view: PlanView): string {
  const title = `Plan ${view.id} of ${view.plan.env}`;
  const body = [
    `<h1>${text(title)}</h1>`,
    `<p>${text(view.title)}, made ${text(view.plan.createdAt)}${text(costText(view) === undefined ? "" : `; ${costText(view)}`)}</p>`,
    tableOf(view),
    flagged(
      "Deletes or replaces what holds data",
      view.losses.map(({ stacks, item }) => [lossText(item), stacks]),
      view,
    ),
    flagged(
      "Allows what was not allowed before",
      view.broadenings.map(({ stacks, item }) => [broadeningText(item), stacks]),
      view,
    ),
    flagged(
      "Policies",
      view.violations.map(({ stacks, item }) => [violationText(item), stacks]),
      view,
    ),
    gates(view),
    view.changes.length === 0 ? "<p>Nothing changes.</p>" : "",
    ...view.changes.map((group) => changes(group, view)),
    flagged(
      "Not planned",
      [...view.left].map(([stack, why]) => [`${stack}: ${why}`, []]),
      view,
    ),
  ];
  const head = [
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${text(title)}</title><style>${style}</style>`,
  ];
  return `<!doctype html>\n<html lang="en"><head>${head.join("")}</head>\n<body>\n${body.filter(Boolean).join("\n")}\n</body></html>\n`;
}

function tableOf({ rows }: PlanView): string {
  const columns = ["stack", "region", "wave", "create", "update", "replace", "delete", "same"] as const;
  const head = columns.map((column) => `<th>${column}</th>`).join("");
  const lines = rows.map(
    (row) => `<tr>${columns.map((column) => `<td>${text(String(row[column]))}</td>`).join("")}</tr>`,
  );
  return `<table><thead><tr>${head}</tr></thead><tbody>${lines.join("")}</tbody></table>`;
}

function flagged(title: string, items: [text: string, stacks: string[]][], view: PlanView): string {
  if (items.length === 0) return "";
  const lines = items.map(
    ([item, stacks]) => `<li><code>${text(item)}</code> ${text(stacks.length === 0 ? "" : where(stacks, view))}</li>`,
  );
  return `<section class="flag"><h2>${text(title)} (${items.length})</h2><ul>${lines.join("")}</ul></section>`;
}

function changes({ stacks, items }: SharedGroup<PlannedResource>, view: PlanView): string {
  const lines = items.map(({ operation, name, type, properties }) => {
    const inner = properties.map((change) => `<li><code>${text(changeText(change))}</code></li>`).join("");
    const head = `${signs[operation]} ${operation} <code>${text(name)}</code> <code>${text(type)}</code>`;
    return inner === ""
      ? `<li>${head}</li>`
      : `<li><details${operation === "create" ? "" : " open"}><summary>${head}</summary><ul>${inner}</ul></details></li>`;
  });
  return `<h2>${items.length} ${items.length === 1 ? "change" : "changes"} ${text(where(stacks, view))}</h2><ul>${lines.join("")}</ul>`;
}

function gates({ gates: results }: PlanView): string {
  if (results.length === 0) return "";
  const lines = results.map((result) => `<li class="${result.state}">${text(gateText(result))}</li>`);
  return `<h2>Gates</h2><ul>${lines.join("")}</ul>`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text in which nothing is markup. */
export function text(value: string): string {
  return visible(value).replace(/[&<>"']/g, (character) => entities[character]!);
}

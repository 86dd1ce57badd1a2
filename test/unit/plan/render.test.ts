import assert from "node:assert/strict";
import fc from "fast-check";
import type { GateResult } from "../../../automation/gates/types";
import { planHtml } from "../../../automation/plan/render/html";
import { planMarkdown } from "../../../automation/plan/render/markdown";
import { planText } from "../../../automation/plan/render/text";
import { viewOf } from "../../../automation/plan/render/view";
import { planOf, queue, stackPlan, table, target, type Given } from "./support";

const closed: GateResult = { gate: "calendar", state: "closed", why: ["it is sat"], opens: "wait", approvable: true };

const given: Given[] = [
  { op: "delete", type: table, name: "orders", old: { hashKey: "id" } },
  { op: "update", type: queue, name: "arrivals", old: { delaySeconds: 0 }, new: { delaySeconds: 5 } },
  { op: "create", type: queue, name: "fresh", new: { fifoQueue: true } },
];

describe("a plan on a terminal", () => {
  it("shows counts, losses before changes, and how gates stand", () => {
    const text = planText(
      viewOf(planOf(stackPlan(given)), [closed, { ...closed, gate: "cost", state: "open", why: [] }]),
    );
    assert.match(text, /│ dev +│ eu-west-1 │ +1 │ +1 │ +1 │ +0 │ +1 │ +0 │/);
    assert.match(text, /! deletes orders \(aws:dynamodb\/table:Table\): lost is its items/);
    assert.match(text, /~ update {2}arrivals {2}aws:sqs\/queue:Queue\n {6}delaySeconds: 0 -> 5/);
    assert.match(text, /! calendar: closed: it is sat\. wait/);
    assert.match(text, /Open gates: cost/);
    assert.ok(text.indexOf("lost is") < text.indexOf("delaySeconds"));
  });

  it("fits a screen whatever changes, and says what is left out", () => {
    const many = Array.from({ length: 300 }, (_, index): Given => ({ ...given[1]!, name: `q-${index}` }));
    const lost = Array.from({ length: 100 }, (_, index): Given => ({ ...given[0]!, name: `t-${index}` }));
    const text = planText(viewOf(planOf(stackPlan([...many, ...lost]))));
    assert.ok(text.split("\n").length < 80, `${text.split("\n").length} lines`);
    assert.match(text, /… and 88 more/);
    assert.match(text, /… and \d+ more; --full lists all/);
    const full = planText(viewOf(planOf(stackPlan(many))), { lines: Infinity });
    assert.ok(full.includes("q-299"));
  });

  it("counts many new resources by type", () => {
    const many = Array.from({ length: 20 }, (_, index): Given => ({ ...given[2]!, name: `q-${index}` }));
    assert.match(planText(viewOf(planOf(stackPlan(many)))), /\+ create 20: 20 sqs Queue/);
  });

  it("says so when nothing changes", () => {
    assert.match(planText(viewOf(planOf(stackPlan([])))), /Nothing changes\./);
  });

  it("tells why stacks were left out", () => {
    const view = viewOf(planOf(stackPlan([])), [], new Map([["dev.us-east-1", "unchanged"]]));
    for (const text of [planText(view), planMarkdown(view), planHtml(view)])
      assert.match(text, /dev\.us-east-1: unchanged/);
  });
});

const hostile = [
  "<script>alert(1)</script>",
  "`</code>` **bold** [x](javascript:alert(1)) @everyone #1",
  "| a | b |",
  "</details>\n# heading",
  "\u001b[2J\u202egnp.exe\r\n- [x] approved",
  "``` ````",
  "&lt;img src=x onerror=1&gt;",
];

describe("a plan with hostile names", () => {
  const plan = (name: string) =>
    planOf(
      stackPlan([
        { op: "update", type: queue, name, old: { [name]: "a" }, new: { [name]: name } },
        { op: "delete", type: table, name, old: {} },
      ]),
    );

  for (const name of hostile) {
    it(`is only text: ${JSON.stringify(name)}`, () => {
      const view = viewOf(plan(name), [{ ...closed, why: [name] }]);
      const html = planHtml(view);
      const withoutOwn = html.replace(
        /<\/?(html|head|meta|title|style|body|h1|h2|p|table|thead|tbody|tr|th|td|section|ul|li|code|details|summary)( [a-z-]+="[^"<>]*"| open)*>/gi,
        "",
      );
      assert.ok(!/<(?!!doctype html>)/i.test(withoutOwn), withoutOwn.slice(0, 500));
      for (const text of [html, planMarkdown(view), planText(view)])
        // eslint-disable-next-line no-control-regex
        assert.ok(!/[\u0000-\u0009\u000b-\u001f\u202e]/.test(text));
    });
  }

  it("cannot leave its code span in Markdown", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("`", "a", "|", "\\", "<", "\n", " ") }), (name) => {
        const line = planMarkdown(viewOf(plan(name)))
          .split("\n")
          .find((each) => each.startsWith("- **update**"))!;
        const rest = line.slice("- **update** ".length);
        const fence = /^`+/.exec(rest)![0];
        const inner = rest.slice(fence.length);
        const end = [...inner.matchAll(/`+/g)].find(([run]) => run.length === fence.length)!;
        assert.match(inner.slice(end.index + fence.length), /^ `aws:sqs\/queue:Queue`$/);
      }),
      { numRuns: 200 },
    );
  });

  it("makes an HTML file that asks for nothing", () => {
    const html = planHtml(viewOf(planOf(stackPlan(given, target))));
    assert.match(html, /default-src 'none'/);
    assert.ok(!/(src|href)=|<script|@import|url\(/i.test(html));
  });
});

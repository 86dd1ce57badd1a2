import { closedGates, type GateResult } from "../../gates/types";
import { shared } from "../../plan/regions";
import { broadeningText } from "../../plan/render/view";
import { planId, type EnvironmentPlan } from "../../plan/types";
import type { ReportedCase } from "../reports/write";

/** What the gates of a plan mean for a pipeline. */
export interface GateVerdict {
  /** The plan allows something new. */
  broadens: boolean;
  /** Somebody has to approve it. */
  approval: boolean;
  /** Closed gates that nobody can approve: the pipeline ends here. */
  refused: GateResult[];
  /** In one line, for the person who approves. */
  summary: string;
}

/** Longest summary: an approval of CodePipeline takes 1,000 characters, and says something around it. */
const longest = 900;

/** Judges a plan by its gates. */
export function judge(plan: EnvironmentPlan, gates: readonly GateResult[]): GateVerdict {
  const closed = closedGates(gates);
  return {
    broadens: plan.stacks.some(({ broadenings }) => broadenings.length > 0),
    approval: closed.some(({ approvable }) => approvable),
    refused: closed.filter(({ approvable }) => !approvable),
    summary: summaryOf(plan, closed),
  };
}

function summaryOf(plan: EnvironmentPlan, closed: readonly GateResult[]): string {
  const sum = (of: "create" | "update" | "replace" | "delete") =>
    plan.stacks.reduce((total, { counts }) => total + counts[of], 0);
  const counts = `+${sum("create")} ~${sum("update")} +-${sum("replace")} -${sum("delete")}`;
  const waiting = closed.map(({ gate }) => gate).join(", ") || "none";
  const allowed = shared(plan, ({ broadenings }) => broadenings).map(({ item }) => broadeningText(item));
  const others = closed.filter(({ gate }) => gate !== "broadening").flatMap(({ why }) => why);
  const parts = [
    `${plan.env}: plan ${planId(plan)} (${counts})`,
    `gates closed: ${waiting}`,
    ...(allowed.length > 0 ? [`newly allowed: ${allowed.join("; ")}`] : []),
    ...others,
  ];
  return cut(parts.join(" | ").replace(/\s+/g, " "));
}

/** Exported variables of a build hold printable ASCII best: CodePipeline refuses what it cannot show. */
function cut(text: string): string {
  const plain = text.replace(/[^\x20-\x7e]/g, "?");
  return plain.length <= longest ? plain : `${plain.slice(0, longest - 3)}...`;
}

/** Gates as test cases: closed is failed where nobody may approve, and skipped where somebody is waited for. */
export function gateCases(gates: readonly GateResult[]): ReportedCase[] {
  return gates.map(({ gate, state, why, approvable, opens }) => {
    const text = [...why, ...(opens === "" ? [] : [opens])].join("; ");
    if (state !== "closed") return { name: gate };
    return approvable ? { name: gate, skipped: `waits for an approval: ${text}` } : { name: gate, failure: text };
  });
}

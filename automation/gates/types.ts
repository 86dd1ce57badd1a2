/** The gates, in the order in which they are told. */
export const gateNames = ["policy", "stateful", "broadening", "approval", "cost", "health", "calendar"] as const;

/** One of the gates. */
export type GateName = (typeof gateNames)[number];

/** How a gate stands. A gate that an environment does not have is not told at all. */
export interface GateResult {
  gate: GateName;
  /** `open`: nothing to say; `approved`: there is something, and somebody allowed it; `closed`: the run ends here. */
  state: "open" | "approved" | "closed";
  /** What closes it, or would without the approval. */
  why: string[];
  /** Who opens it and how; empty while it is open. */
  opens: string;
  /** Whether an approval opens it. */
  approvable: boolean;
}

/** Why a deployment does not go on: gates that are closed. */
export function closedGates(gates: readonly GateResult[]): GateResult[] {
  return gates.filter(({ state }) => state === "closed");
}

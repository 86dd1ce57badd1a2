import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { ObjectStore } from "../backend";
import { TributaryError } from "../errors";
import { environmentPlanSchema } from "../plan/schema";
import type { EnvironmentPlan } from "../plan/types";
import { gateNames, type GateName } from "./types";

/** Whose approval it is, and how that is known. */
export interface Approver {
  /** `arn:aws:…` of the caller, `git:<address>` or `user:<name>`. */
  name: string;
  /** `aws`: AWS says so; `git`, `user`: the machine says so, which proves nothing. */
  source: "aws" | "git" | "user";
}

const approverSchema = z.strictObject({ name: z.string().min(1).max(600), source: z.enum(["aws", "git", "user"]) });

const approvalSchema = z.strictObject({
  version: z.literal(1),
  id: z.string().regex(/^[0-9a-f]{16}$/),
  project: z.string(),
  env: z.string(),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  gates: z.array(z.enum(gateNames)).min(1),
  approver: approverSchema,
  host: z.string(),
  reason: z.string().max(1000),
  approvedAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
});

/** A recorded approval: of one plan, by one person, for some gates, until a time. Never rewritten. */
export type Approval = z.output<typeof approvalSchema>;

const requestSchema = z.strictObject({
  version: z.literal(1),
  requestedAt: z.iso.datetime(),
  requestedBy: approverSchema,
  gates: z.array(z.strictObject({ gate: z.enum(gateNames), why: z.array(z.string()) })),
  plan: environmentPlanSchema,
});

/** What a closed gate leaves beside the state, so that somebody on another machine sees what there is to approve. */
export type ApprovalRequest = z.output<typeof requestSchema>;

/** Where an environment's approvals and requests are; the same in every method. */
export interface ApprovalPlace {
  store: ObjectStore;
  project: string;
  env: string;
}

const folder = ({ project, env }: ApprovalPlace, kind: "approvals" | "requests") => `${kind}/${project}/${env}/`;

/**
 * Records an approval beside the state.
 *
 * @param now and from then on it holds
 */
export async function recordApproval(
  place: ApprovalPlace,
  plan: Pick<EnvironmentPlan, "digest">,
  given: Pick<Approval, "gates" | "approver" | "host" | "reason">,
  seconds: number,
  now: Date,
): Promise<Approval> {
  const id = randomBytes(8).toString("hex");
  const expiresAt = new Date(now.getTime() + seconds * 1000).toISOString();
  const { project, env } = place;
  const { gates, approver, host, reason } = given;
  const { digest } = plan;
  const approval: Approval = {
    version: 1,
    id,
    project,
    env,
    digest,
    gates,
    approver,
    host,
    reason,
    approvedAt: now.toISOString(),
    expiresAt,
  };
  const written = await place.store.createOnly(
    `${folder(place, "approvals")}${digest}/${id}.json`,
    JSON.stringify(approval),
  );
  if (written) return approval;
  throw new TributaryError("an approval with the same id is there already", {
    code: "ApprovalNotRecorded",
    next: "run the command again",
  });
}

/** Approvals of a plan, and what is wrong with files that are none. */
export interface FoundApprovals {
  approvals: Approval[];
  /** Sentences for the person; such files open nothing. */
  problems: string[];
}

/** Reads the approvals of a plan, those that hold and those that do not. */
export async function readApprovals(place: ApprovalPlace, digest: string): Promise<FoundApprovals> {
  const keys = await place.store.list(`${folder(place, "approvals")}${digest}/`);
  const found: FoundApprovals = { approvals: [], problems: [] };
  for (const key of keys.filter((each) => each.endsWith(".json"))) {
    const parsed = approvalSchema.safeParse(parse((await place.store.get(key))?.text));
    const { data } = parsed;
    if (data?.digest === digest && data.env === place.env && data.project === place.project) found.approvals.push(data);
    else found.problems.push(`${place.store.place}${key} is no approval of this plan and opens nothing`);
  }
  return found;
}

/** What the settings ask of an approval. */
export interface ApprovalRules {
  /** Undefined: everybody who can write to the backend. */
  approvers: string[] | undefined;
}

/**
 * The approvals that open a gate: they name it, have not expired, and are by somebody who may approve now.
 *
 * @returns the approvals, and why others do not count
 */
export function valid(
  approvals: readonly Approval[],
  gate: GateName,
  rules: ApprovalRules,
  now: Date,
): { counts: Approval[]; not: string[] } {
  const counts: Approval[] = [];
  const not: string[] = [];
  for (const approval of approvals.filter(({ gates }) => gates.includes(gate))) {
    const { approver, approvedAt, expiresAt } = approval;
    if (Date.parse(expiresAt) <= now.getTime()) not.push(`the approval by ${approver.name} expired at ${expiresAt}`);
    // Clocks differ by minutes, not by more: an approval of tomorrow was made by hand.
    else if (Date.parse(approvedAt) > now.getTime() + clockTolerance)
      not.push(`the approval by ${approver.name} is of a later time (${approvedAt})`);
    else if (!mayApprove(approver.name, rules)) not.push(`${approver.name} is not among tributary:approvers`);
    else counts.push(approval);
  }
  return { counts, not };
}

/** Milliseconds by which two machines' clocks may differ. */
const clockTolerance = 10 * 60_000;

/** Whether somebody may approve: by the settings' list, in which `*` stands for anything. */
export function mayApprove(name: string, { approvers }: ApprovalRules): boolean {
  return approvers === undefined || approvers.some((pattern) => matches(pattern, name));
}

/** `*` matches any number of characters; no other character means anything. Linear: patterns come from settings, names do not. */
function matches(pattern: string, name: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return pattern === name;
  const last = rest.pop()!;
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0 || found + part.length > name.length - last.length) return false;
    at = found + part.length;
  }
  return true;
}

/** Leaves a request to approve a plan; the same plan asks once. */
export async function requestApproval(place: ApprovalPlace, request: ApprovalRequest): Promise<void> {
  await place.store.createOnly(`${folder(place, "requests")}${request.plan.digest}.json`, JSON.stringify(request));
}

/**
 * The requests whose plan's digest begins with an id, the newest last.
 *
 * @param id hexadecimal
 */
export async function findRequests(place: ApprovalPlace, id: string): Promise<ApprovalRequest[]> {
  const prefix = folder(place, "requests");
  const keys = (await place.store.list(`${prefix}${id}`)).filter((key) => key.endsWith(".json"));
  const texts = await Promise.all(keys.map((key) => place.store.get(key)));
  return texts
    .flatMap((stored) => requestSchema.safeParse(parse(stored?.text)).data ?? [])
    .filter(({ plan }) => plan.env === place.env && plan.project === place.project)
    .sort((a, b) => (a.requestedAt < b.requestedAt ? -1 : 1));
}

function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}

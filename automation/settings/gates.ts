import { z } from "zod";
import { userError } from "../errors";
import { type Duration, toSeconds } from "../../components/units";
import { leaf } from "./values";
import { isRecord } from "../json";

/** How a gate is set: not there, or open for what somebody approved. */
type Openable = "approve" | "off";

/** Days of the week as a calendar names them, in the order of ISO 8601. */
export const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

/** A day of the week. */
export type Weekday = (typeof weekdays)[number];

/** A time of the week in which changes are allowed, in the calendar's time zone. */
export interface CalendarWindow {
  days: Weekday[];
  /** `HH:MM`. */
  from: string;
  /** `HH:MM`, later than `from`; `24:00` is the end of the day. */
  to: string;
}

/** A time in which nothing is changed. */
export interface CalendarFreeze {
  /** First day, or first minute: `YYYY-MM-DD` or `YYYY-MM-DDTHH:MM`, in the calendar's time zone. */
  from: string;
  /** Last day, or the minute in which it ends. */
  to: string;
  reason?: string;
}

/** When changes are allowed. */
export interface Calendar {
  /** Name of the IANA database, e.g. `Europe/Berlin`. */
  timeZone: string;
  /** Without any, always. */
  windows: CalendarWindow[];
  freezes: CalendarFreeze[];
}

const onlyKeys = (value: object, ...allowed: string[]) => Object.keys(value).every((key) => allowed.includes(key));

const openable = leaf<Openable>((value) => ["approve", "off"].includes(value), "approve or off");

const isMoney = (value: unknown) => typeof value === "number" && Number.isFinite(value) && value >= 0 && value < 1e9;

const clock = /^([01]\d|2[0-3]):[0-5]\d$|^24:00$/;
const moment = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(T([01]\d|2[0-3]):[0-5]\d)?$/;

function isWindow(value: unknown): value is CalendarWindow {
  if (!isRecord(value) || !onlyKeys(value, "days", "from", "to")) return false;
  const { days, from, to } = value;
  if (!Array.isArray(days) || days.length === 0 || !days.every((day) => weekdays.includes(day as Weekday)))
    return false;
  return clock.test(String(from)) && clock.test(String(to)) && String(from) < String(to);
}

function isFreeze(value: unknown): value is CalendarFreeze {
  if (!isRecord(value) || !onlyKeys(value, "from", "to", "reason")) return false;
  const { from, to, reason } = value;
  if (![from, to].every((each) => typeof each === "string" && isMoment(each))) return false;
  return String(from) <= String(to) && (reason === undefined || (typeof reason === "string" && reason.length <= 200));
}

/** A day that the calendar has: 31 February is none. */
function isMoment(text: string): boolean {
  const day = text.slice(0, 10);
  return moment.test(text) && new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
}

function isTimeZone(value: unknown): value is string {
  if (typeof value !== "string" || value.length > 64) return false;
  // Throws for a name that the IANA database does not have.
  return new Intl.DateTimeFormat("en", { timeZone: value }).resolvedOptions().timeZone !== "";
}

const listOf =
  <T>(isOne: (value: unknown) => value is T, most: number) =>
  (value: T[]) =>
    Array.isArray(value) && value.length <= most && value.every(isOne);

const calendar = z.strictObject({
  timeZone: leaf<string>(isTimeZone, 'a time zone of the IANA database, e.g. "Europe/Berlin"').default("UTC"),
  windows: leaf<CalendarWindow[]>(
    listOf(isWindow, 50),
    'a list of { days: [mon, tue], from: "09:00", to: "16:00" }; days are mon to sun, times HH:MM, to is later than from',
  ).default([]),
  freezes: leaf<CalendarFreeze[]>(
    listOf(isFreeze, 200),
    'a list of { from: "2026-12-18", to: "2027-01-03", reason }; days, or minutes as "2026-12-18T12:00"',
  ).default([]),
});

const cost = z.strictObject({
  increase: leaf<number>(isMoney, "the increase of fixed costs in USD a month from which an approval is asked for"),
  prices: leaf<Record<string, number>>(
    (value) => isRecord(value) && Object.values(value).every(isMoney),
    "an object of resource types and what one costs in USD a month",
  ).default({}),
});

const gates = z.strictObject({
  stateful: openable.optional(),
  policy: leaf<"stop" | Openable>(
    (value) => ["stop", "approve", "off"].includes(value),
    "stop, approve or off",
  ).optional(),
  policyPack: leaf<string>(
    (value) => typeof value === "string" && /^(?!\/|.*(^|\/)\.\.(\/|$))[\w@./-]{1,200}$/.test(value),
    "a folder of the checkout, e.g. policy",
  ).default("policy"),
  cost: cost.optional(),
  health: openable.default("off"),
});

/** Settings of the gates: the driver reads them, programs only check them. Every key has a default. */
export const gatesShape = {
  /** Whether a change needs somebody's approval. Not set: `never` on the local AWS, `broadening` elsewhere. */
  approval: leaf<"always" | "broadening" | "never">(
    (value) => ["always", "broadening", "never"].includes(value),
    "always, broadening or never",
  ).optional(),
  /** Who may approve: ARNs of callers, or `git:<address>`, each with `*` for anything. Without it, everybody who can write to the backend. */
  approvers: leaf<string[]>(
    (value) =>
      Array.isArray(value) &&
      value.length > 0 &&
      value.length <= 100 &&
      value.every((each) => typeof each === "string" && /^(arn:aws|git:|user:)\S{1,500}$/.test(each)),
    'a list of "arn:aws:…" and "git:<address>", with * for anything',
  ).optional(),
  /** How long an approval holds. */
  approvalExpiry: leaf<Duration>(
    (value) => toSeconds(value, "") >= 60 && toSeconds(value, "") <= 30 * 86_400,
    'from "1 minute" to "30 days"',
  ).default("24 hours"),
  /** The other gates. */
  gates: gates.prefault({}),
  /** When changes are allowed. */
  calendar: calendar.optional(),
} as const;

const schema = z.object(gatesShape);

/** Settings of an environment's gates, complete. */
export interface GateSettings {
  approval: "always" | "broadening" | "never";
  /** Undefined: everybody who can write to the backend. */
  approvers: string[] | undefined;
  /** Seconds. */
  approvalSeconds: number;
  stateful: Openable;
  policy: "stop" | Openable;
  /** Folder of the policy pack, relative to the checkout. */
  policyPack: string;
  cost: { increase: number; prices: Record<string, number> } | undefined;
  health: Openable;
  calendar: Calendar | undefined;
}

/**
 * Reads the settings of an environment's gates. On the local AWS no gate is there unless the settings name it: what is thrown
 * away with one command needs nobody's approval.
 *
 * @param config `config` of a settings file: keys with their namespace
 * @param file its name, for messages
 * @param local whether the environment is served by the local AWS
 * @throws user error `InvalidSettings` that tells all problems at once
 */
export function readGateSettings(config: Record<string, unknown>, file: string, local: boolean): GateSettings {
  const given = Object.fromEntries(
    Object.keys(gatesShape).flatMap((key) => {
      const value = config[`tributary:${key}`];
      return value === undefined ? [] : [[key, typed(value)]];
    }),
  );
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw invalid(parsed.error.issues, file);
  const { approval, approvers, approvalExpiry, gates: set, calendar: when } = parsed.data;
  return {
    approval: approval ?? (local ? "never" : "broadening"),
    approvers,
    approvalSeconds: toSeconds(approvalExpiry, "tributary:approvalExpiry"),
    stateful: set.stateful ?? (local ? "off" : "approve"),
    policy: set.policy ?? (local ? "off" : "stop"),
    policyPack: set.policyPack,
    cost: set.cost,
    health: set.health,
    calendar: when,
  };
}

/** Whether an environment has any gate at all: where it has none, a deployment needs no plan before it. */
export function hasGates({ approval, stateful, policy, cost, health, calendar }: GateSettings): boolean {
  const set = approval !== "never" || [stateful, policy, health].some((each) => each !== "off");
  return set || cost !== undefined || calendar !== undefined;
}

function invalid(issues: z.core.$ZodIssue[], file: string) {
  const lines = issues.flatMap((issue) => {
    const where = ["tributary", issue.path.map(String).join(".")].join(":");
    if (issue.code === "unrecognized_keys")
      return issue.keys.map((key) => `${where}.${key} in ${file}: there is no such key`);
    return [`${where} in ${file}: allowed: ${issue.code === "invalid_type" ? "an object" : issue.message}`];
  });
  const list = lines.map((line) => `\n  ${line}`).join("");
  const message = `${lines.length} problem(s) in the settings of the gates:${list}`;
  return userError("InvalidSettings", message, `correct ${file}; docs/components.md lists every setting`);
}

/** A value of the file as the program gets it: text that is JSON is what it says. */
function typed(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

import { z } from "zod";
import type { EnvironmentPlan, Json } from "./types";

const count = z.int().min(0);
const json: z.ZodType<Json> = z.lazy(() =>
  z.union([z.null(), z.boolean(), z.number(), z.string(), z.array(json), z.record(z.string(), json)]),
);

const property = z.strictObject({
  path: z.string(),
  kind: z.enum(["add", "remove", "change", "order"]),
  before: json.optional(),
  after: json.optional(),
});

const resource = z.strictObject({
  urn: z.string(),
  name: z.string(),
  type: z.string(),
  operation: z.enum(["create", "update", "replace", "delete", "import", "read", "forget"]),
  stateful: z.strictObject({ holds: z.string(), loss: z.string() }).optional(),
  replacedBy: z.array(z.string()),
  properties: z.array(property),
});

const broadening = z.strictObject({
  kind: z.enum(["allow", "deny-lifted", "limit-widened", "barrier-lifted", "unknown"]),
  severity: z.enum(["low", "medium", "high", "critical"]),
  principal: z.string(),
  actions: z.array(z.string()),
  resources: z.array(z.string()),
  conditions: z.array(z.string()),
  via: z.string(),
  fresh: z.boolean(),
  undecided: z.string().optional(),
});

const violation = z.strictObject({
  policy: z.string(),
  pack: z.string(),
  level: z.enum(["advisory", "mandatory"]),
  resource: z.string().optional(),
  message: z.string(),
});

const stack = z.strictObject({
  target: z.strictObject({ env: z.string(), region: z.string(), stack: z.string(), wave: count }),
  account: z.string().optional(),
  counts: z.strictObject({ create: count, update: count, replace: count, delete: count, same: count }),
  resources: z.array(resource),
  broadenings: z.array(broadening),
  violations: z.array(violation),
  monthlyCost: z.number(),
  unpriced: z.array(z.string()),
});

const digest = z.string().regex(/^[0-9a-f]{64}$/);

/** A plan as `plan --json` prints it and a plan file holds it; published as docs/plan.schema.json. */
export const environmentPlanSchema = z.strictObject({
  version: z.literal(1),
  env: z.string().min(1),
  project: z.string().min(1),
  createdAt: z.iso.datetime(),
  stacks: z.array(stack),
  digest,
}) satisfies z.ZodType<EnvironmentPlan>;

/** A plan file: the plan, and for each stack what constrains the engine to it. */
export const planFileSchema = environmentPlanSchema.extend({
  /** The engine's update plan of each stack, gzipped, base64; its secrets are encrypted by the stack's secrets provider. */
  engine: z.record(z.string(), z.base64()).default({}),
});

/** A plan as it is kept in a file. */
export type PlanFile = z.output<typeof planFileSchema>;

/** The text of docs/plan.schema.json. */
export function planJsonSchema(): string {
  const schema = z.toJSONSchema(environmentPlanSchema, { target: "draft-2020-12" });
  return `${JSON.stringify({ title: "A plan of tributary", ...schema }, null, 2)}\n`;
}

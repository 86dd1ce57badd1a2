import { parse } from "yaml";

/** Settings that may be written down. */
export interface RecordableSettings {
  /** Key with its namespace -> value, as in a settings file. */
  values: Record<string, unknown>;
  /** Keys whose value is secret. */
  secret: string[];
}

/** Keys of settings that are recorded, and that a rollback brings back. */
export const recordedKeys = /^(aws|tributary):/;

/**
 * Takes out of a stack's settings what a deployment record may hold: `aws:` and `tributary:` keys, without any that has
 * a secret in it, at whatever depth.
 *
 * @param settings text of a settings file (Pulumi.<env>.yaml)
 */
export function recordableSettings(settings: string): RecordableSettings {
  const ours = Object.entries(configOf(settings)).filter(([key]) => recordedKeys.test(key));
  const secret = ours.filter(([key, value]) => hasSecret(value) || secretName.test(key)).map(([key]) => key);
  const values = Object.fromEntries(ours.filter(([key]) => !secret.includes(key)));
  return { values, secret: secret.sort() };
}

/** Keys of the AWS provider that are secret even where somebody wrote them in plain text. */
const secretName = /^aws:(accessKey|secretKey|token)$/;

function configOf(text: string): Record<string, unknown> {
  const { config } = (parse(text) ?? {}) as { config?: unknown };
  return typeof config === "object" && config !== null ? (config as Record<string, unknown>) : {};
}

function hasSecret(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasSecret);
  if (typeof value !== "object" || value === null) return false;
  // `secure:` is what the engine writes for a secret, in a setting of its own and inside of objects.
  return "secure" in value || Object.values(value).some(hasSecret);
}

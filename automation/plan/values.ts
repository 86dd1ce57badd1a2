import { isDeepStrictEqual } from "node:util";
import type { Json } from "./types";

// The marks of the engine's wire format (sdk/nodejs/runtime/rpc.ts).
const mark = "4dabf18193072939515e22adb298388d";
const secret = "1b47061264138c4ac30d75fd1eb44270";
const asset = "c44067f5952c0a294b673a41bacd8c17";
const archive = "0def7320c3a5731c473e5ecbe6d01bc7";
const outputValue = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
const reference = "5cf8f73096256a8f31e491e813e4eb8e";
const unknownMark = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Stands for a secret value. */
export const SECRET = "[secret]";
/** Stands for a value that is only known after the deployment. */
const UNKNOWN = "[known after deployment]";

/** Names of properties whose text is taken for a secret even where the program does not say so. */
const secretName =
  /(^|[a-z_-])(password|passwd|passphrase|secret|secretString|secretKey|secretAccessKey|privateKey|accessKey|apiKey|token|credentials?)$/i;

/** Properties that say nothing about what the program asks for. */
const noise = new Set(["tagsAll", "tags_all", "__defaults", "__meta", "__pulumi_raw_state_delta"]);

/** Whether a property is left out of plans, because it follows from others. */
export function isNoise(name: string): boolean {
  return noise.has(name) || name.startsWith("__pulumi");
}

/**
 * A property value of the engine's events as it can be compared and saved: the engine's secrets, unknown values and code become
 * placeholders, and what the engine or the provider adds by itself is left out. What only its name tells to be secret
 * is still there, so that its change is seen; see {@link conceal}.
 */
export function presentable(value: unknown): Json {
  // A text may be put together from a known and an unknown part.
  if (typeof value === "string") return value.replaceAll(unknownMark, UNKNOWN);
  if (typeof value === "number" || typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.map(presentable);
  if (typeof value !== "object" || value === null) return null;
  if (mark in value) return presentableMarked(value as Record<string, unknown>);
  const entries = Object.entries(value).filter(([key]) => !isNoise(key));
  return Object.fromEntries(entries.map(([key, inner]) => [key, presentable(inner)]));
}

function presentableMarked(value: Record<string, unknown>): Json {
  if (value[mark] === outputValue && value.secret !== true)
    return "value" in value ? presentable(value.value) : UNKNOWN;
  if (value[mark] === asset || value[mark] === archive) {
    const hash = typeof value.hash === "string" ? value.hash : "";
    return `[code ${hash.slice(0, 16) || "without a hash"}]`;
  }
  if (value[mark] === reference) return typeof value.urn === "string" ? value.urn : UNKNOWN;
  // A secret, or something that is not known here: never to be shown.
  return SECRET;
}

/**
 * Hides the texts whose names say that they are secret, also inside of JSON in texts.
 *
 * @param name of the property that the value is of
 */
export function conceal(value: Json, name = ""): Json {
  if (typeof value === "string") {
    if (secretName.test(name) && value !== "" && !/^(arn:|\[)/.test(value)) return SECRET;
    const document = documentIn(value);
    if (document === undefined) return value;
    const concealed = conceal(document);
    return isDeepStrictEqual(concealed, document) ? value : JSON.stringify(concealed);
  }
  if (Array.isArray(value)) return value.map((each) => conceal(each, name));
  if (typeof value !== "object" || value === null) return value;
  const called = [value.name, value.Name, value.key, value.Key].find((each) => typeof each === "string");
  const nameOf = (key: string) => (key.toLowerCase() === "value" && called !== undefined ? called : key);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, conceal(inner, nameOf(key))]));
}

/** Nesting of documents beyond which they are texts: what comes from outside must not exhaust the stack. */
const deepest = 100;

/** The document in a text, when the text is a JSON object or array; undefined otherwise. */
export function documentIn(value: unknown): Json | undefined {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value) || nesting(value) > deepest) return undefined;
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === "object" && parsed !== null ? (parsed as Json) : undefined;
  } catch {
    return undefined;
  }
}

/** How deep brackets are nested in a text; those inside of its strings count, too, which does no harm. */
function nesting(text: string): number {
  let [depth, most] = [0, 0];
  for (const character of text) {
    if (character === "[" || character === "{") most = Math.max(most, ++depth);
    else if (character === "]" || character === "}") depth--;
  }
  return most;
}

/** Whether a value carries the mark of a secret, at any depth. */
export function holdsSecret(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if ((value as Record<string, unknown>)[mark] === secret) return true;
  return Object.values(value).some(holdsSecret);
}

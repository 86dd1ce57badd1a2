import { TributaryError } from "../errors";

/** Longest key in bytes; S3 takes 1,024, and a prefix comes before it. */
const longest = 700;
const segment = /^[A-Za-z0-9][A-Za-z0-9._+@-]*$/;

/** Whether a text may be a key: no way leads out of the store. */
export function isKey(key: string): boolean {
  return key.length <= longest && key.split("/").every((each) => segment.test(each) && !each.endsWith(".tmp"));
}

/**
 * Checks a key before it becomes part of a path or of a request.
 *
 * @throws TributaryError `BackendKeyInvalid`
 */
export function checkKey(key: string): string {
  if (isKey(key)) return key;
  throw invalid(key, "segments of letters, digits, . _ + @ -, each beginning with a letter or digit");
}

/** Checks the beginning of keys: whole segments, of which the last may be cut or empty. */
export function checkPrefix(prefix: string): string {
  const parts = prefix.split("/");
  const last = parts.pop() ?? "";
  const whole = parts.every((each) => segment.test(each)) && (last === "" || segment.test(last));
  if (whole && prefix.length <= longest) return prefix;
  throw invalid(prefix, "the beginning of a key");
}

function invalid(found: string, allowed: string): TributaryError {
  const message = `"${found.slice(0, 120)}" names nothing beside a state; allowed: ${allowed}, at most ${longest} characters`;
  return new TributaryError(message, { code: "BackendKeyInvalid", source: "user", next: "correct the name" });
}

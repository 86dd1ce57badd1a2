import { type Duration, toSeconds } from "../../components/units";
import { userError } from "../errors";

/**
 * A moment that a person wrote: an ISO 8601 date or time (UTC where it names no offset), or how long ago, like "2 hours".
 *
 * @param flag for the message, e.g. `--since`
 * @returns milliseconds since 1970
 * @throws TributaryError `InvalidMoment`
 */
export function momentOf(text: string, flag: string, now = Date.now()): number {
  if (/^\d+ (second|minute|hour|day)s?$/.test(text)) return now - toSeconds(text as Duration, flag) * 1000;
  const iso = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/.exec(text);
  const moment = iso ? Date.parse(iso[1] !== undefined && iso[4] === undefined ? `${text}Z` : text) : NaN;
  if (!Number.isNaN(moment)) return moment;
  throw userError(
    "InvalidMoment",
    `${flag}: found ${JSON.stringify(text)}; allowed: a date or time like 2026-11-21 or 2026-11-21T08:30:00Z, or how long ago, like "2 hours"`,
    `write it as one of these, e.g. ${flag} "30 minutes"`,
  );
}

/**
 * A time span that a person wrote, like "90 seconds", in seconds.
 *
 * @param flag for the message, e.g. `--min-age`
 * @throws TributaryError `InvalidDuration`
 */
export function durationOf(text: string, flag: string): number {
  return toSeconds(text as Duration, flag);
}

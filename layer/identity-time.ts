import { sortable } from "./identity";

/** Digits of a sequencer. */
const DIGITS = 18;

/** Whether events tell no version ids: the local AWS's do not, S3's of a bucket with versioning do. */
export function eventsLackVersionIds(): boolean {
  return Boolean(process.env.AWS_ENDPOINT_URL);
}

/**
 * A sequencer for an object version whose event is not known: later than those of all events up to the second of its last
 * modification, and earlier than those of later seconds. S3's sequencers begin with the seconds since 1970 (observed, not
 * promised by S3), the local AWS's are microseconds.
 *
 * @param lastModified as S3 tells it; its second has to be over, because a later version of the same second would lose
 * @param after the latest sequencer that is known of the key: the answer is later in any case, so that what S3 does not promise
 *   can at worst put a version after one that the lake did not know
 */
export function sequencerAt(lastModified: Date, after?: string): string {
  const seconds = Math.floor(lastModified.getTime() / 1000);
  const hexadecimal = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, "0");
  const own = eventsLackVersionIds()
    ? hexadecimal(seconds * 1_000_000 + 999_999, DIGITS)
    : `00${hexadecimal(seconds, 8)}FFFFFFFF`;
  if (after === undefined || sortable(own) > sortable(after)) return own;
  return next(sortable(after));
}

/** The sequencer directly behind one in its sortable form, whose end is padding. */
function next(sequencer: string): string {
  return (BigInt(`0x${sequencer}`) + 1n).toString(16).toUpperCase().padStart(sequencer.length, "0");
}

import { keptDays } from "../config";

/** Seconds of a day. */
const DAY = 86_400;

/**
 * When an item has to go: the Unix second for DynamoDB's TTL.
 *
 * @param from ISO time that its life is counted from
 */
export function expiresAt(what: Parameters<typeof keptDays>[0], from: string): number {
  return Math.floor(Date.parse(from) / 1000) + keptDays(what) * DAY;
}

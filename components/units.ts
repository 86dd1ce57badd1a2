import { userError } from "../automation/errors";

/** A whole number of a time unit, e.g. `"30 days"`, `"1 hour"`, `"90 seconds"`. */
export type Duration = `${number} ${"second" | "minute" | "hour" | "day"}${"" | "s"}`;

/** A whole number of a size unit, e.g. `"512 MB"`. 1 GB = 1024 MB, as AWS counts memory and storage. */
export type Size = `${number} ${"MB" | "GB" | "TB"}`;

const seconds: Readonly<Record<string, number>> = { second: 1, minute: 60, hour: 3_600, day: 86_400 };
const megabytes: Readonly<Record<string, number>> = { MB: 1, GB: 1_024, TB: 1_048_576 };

/**
 * A duration in seconds.
 *
 * @param path where the value stands, for the message (e.g. `tributary:retention.logs`)
 * @throws user error `InvalidDuration` for anything but a whole number from 1 and a unit
 */
export function toSeconds(value: Duration, path: string): number {
  return parse(value, /^(\d{1,9}) (second|minute|hour|day)s?$/, seconds, () =>
    userError(
      "InvalidDuration",
      `${path}: found ${JSON.stringify(value)}; allowed: a whole number and a unit, like "90 seconds", "15 minutes", "12 hours", "30 days"`,
      "write the duration in a smaller unit instead of a fraction",
    ),
  );
}

/**
 * A duration in days.
 *
 * @throws user error `InvalidDuration` also when it is not a whole number of days
 */
export function toDays(value: Duration, path: string): number {
  const days = toSeconds(value, path) / 86_400;
  if (Number.isInteger(days)) return days;
  throw userError("InvalidDuration", `${path}: found ${JSON.stringify(value)}; allowed: whole days, like "30 days"`);
}

/**
 * A size in megabytes (1,048,576 bytes).
 *
 * @throws user error `InvalidSize` for anything but a whole number from 1 and a unit
 */
export function toMegabytes(value: Size, path: string): number {
  return parse(value, /^(\d{1,9}) (MB|GB|TB)$/, megabytes, () =>
    userError(
      "InvalidSize",
      `${path}: found ${JSON.stringify(value)}; allowed: a whole number and a unit, like "512 MB", "2 GB", "1 TB"`,
    ),
  );
}

/** A size in bytes. @throws user error `InvalidSize` */
export function toBytes(value: Size, path: string): number {
  return toMegabytes(value, path) * 1_048_576;
}

function parse(value: unknown, pattern: RegExp, units: Readonly<Record<string, number>>, problem: () => Error): number {
  const match = typeof value === "string" ? pattern.exec(value) : null;
  const amount = Number(match?.[1]) * (units[match?.[2] ?? ""] ?? NaN);
  if (!(amount >= 1) || !Number.isSafeInteger(amount)) throw problem();
  return amount;
}

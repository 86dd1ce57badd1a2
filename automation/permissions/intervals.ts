import { isIPv4, isIPv6 } from "node:net";

/** Numbers from `low` to `high`; whether the ends belong to it is said for each. */
export interface Interval {
  low: bigint | number;
  high: bigint | number;
  /** @default true */
  withLow?: boolean;
  /** @default true */
  withHigh?: boolean;
}

/** A union of intervals, or all but that. */
export interface IntervalSet {
  intervals: readonly Interval[];
  negated: boolean;
}

/** True if no number lies in all of the sets. Between two ends that are named, there is always one more. */
export function disjoint(sets: readonly IntervalSet[]): boolean {
  const ends = [...new Set(sets.flatMap(({ intervals }) => intervals.flatMap(({ low, high }) => [low, high])))];
  ends.sort((a, b) => (a < b ? -1 : 1));
  // Rank 2i+1 is the i-th end, an even rank lies between two ends: finitely many places tell the whole line apart.
  for (let rank = 0; rank <= 2 * ends.length; rank++) {
    if (sets.every((set) => contains(set, rank, ends))) return false;
  }
  return true;
}

function contains({ intervals, negated }: IntervalSet, rank: number, ends: readonly (bigint | number)[]): boolean {
  const inside = intervals.some(({ low, high, withLow = true, withHigh = true }) => {
    const [from, to] = [2 * ends.indexOf(low) + 1, 2 * ends.indexOf(high) + 1];
    return (rank > from || (withLow && rank === from)) && (rank < to || (withHigh && rank === to));
  });
  return inside !== negated;
}

const V4_BITS = 32;
const V6_BITS = 128;

/**
 * The addresses of a CIDR block as whole numbers, the upper end excluded; IPv6 stands above all of IPv4, as negative numbers
 * do not occur. A bare address is a block of one. Undefined for anything else.
 */
export function addresses(cidr: string): Interval | undefined {
  const [address = "", length, ...rest] = cidr.trim().split("/");
  const bits = isIPv4(address) ? V4_BITS : isIPv6(address) ? V6_BITS : undefined;
  const prefix = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : undefined;
  if (bits === undefined || prefix === undefined || prefix > bits || rest.length > 0) return undefined;
  const size = 1n << BigInt(bits - prefix);
  const value = bits === V4_BITS ? v4(address) : v6(address);
  const low = (value / size) * size + (bits === V6_BITS ? 1n << BigInt(V4_BITS) : 0n);
  return { low, high: low + size, withHigh: false };
}

function v4(address: string): bigint {
  return address.split(".").reduce((value, part) => value * 256n + BigInt(part), 0n);
}

function v6(address: string): bigint {
  const [plain = ""] = address.split("%");
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(plain);
  const tail = dotted?.[2] === undefined ? undefined : v4(dotted[2]);
  const text =
    tail === undefined ? plain : `${dotted?.[1]}${(tail >> 16n).toString(16)}:${(tail & 0xffffn).toString(16)}`;
  const [head = "", end] = text.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const [before, after] = [groups(head), groups(end ?? "")];
  const zeros = Array<string>(Math.max(0, 8 - before.length - after.length)).fill("0");
  const all = end === undefined ? before : [...before, ...zeros, ...after];
  return all.reduce((value, group) => (value << 16n) + BigInt(`0x${group}`), 0n);
}

/** A date of a policy in milliseconds: ISO 8601, or seconds since 1970. */
export function instant(text: string): number | undefined {
  const value = /^\d+(\.\d+)?$/.test(text) && text.length > 4 ? Number(text) * 1000 : Date.parse(text);
  return Number.isNaN(value) ? undefined : value;
}

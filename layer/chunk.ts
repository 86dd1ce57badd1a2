/** Something a chunk may hold only so much of. */
export interface Limit<T> {
  /** Most of it in one chunk; an item that alone exceeds it gets a chunk of its own. */
  most: number;
  /** How much of it an item takes. */
  of: (item: T) => number;
}

/** The items, in their order, in as few chunks as the limits allow. */
export function chunk<T>(items: readonly T[], ...limits: Limit<T>[]): T[][] {
  const chunks: T[][] = [];
  let used = limits.map(() => 0);
  for (const item of items) {
    const sizes = limits.map(({ of }) => of(item));
    const sums = used.map((sum, index) => sum + (sizes[index] as number));
    const current = chunks.at(-1);
    if (current !== undefined && limits.every(({ most }, index) => (sums[index] as number) <= most)) {
      current.push(item);
      used = sums;
    } else {
      chunks.push([item]);
      used = sizes;
    }
  }
  return chunks;
}

/** Bytes of an item in a JSON list. */
export const jsonBytes = (item: unknown): number => Buffer.byteLength(JSON.stringify(item)) + 1;

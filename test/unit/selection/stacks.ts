import type { OrderedStack } from "../../../automation/selection/order";

const accounts = 25;

/**
 * Stacks of 25 accounts in as many regions as it takes, in four waves of regions. Each reads outputs of its account's home region, of the
 * region before, and of the account before in the same region and in the one before: dependencies cross both.
 */
export function generatedStacks(count: number): OrderedStack[] {
  const nameOf = (account: number, region: number) => `account${account}.region${region}`;
  const regions = Math.ceil(count / accounts);
  const stacks: OrderedStack[] = [];
  for (let index = 0; index < count; index++) {
    const [account, region] = [index % accounts, Math.floor(index / accounts)];
    const places = [
      [account, 0],
      [account, region - 1],
      [account - 1, region],
      [account - 1, region - 1],
    ] as const;
    const before = places.filter(([a, r]) => a >= 0 && r >= 0 && !(a === account && r === region));
    const wave = Math.floor((region * 4) / regions);
    stacks.push({ name: nameOf(account, region), dependsOn: before.map(([a, r]) => nameOf(a, r)), wave });
  }
  return stacks.reverse();
}

import assert from "node:assert/strict";
import { compareSlice } from "../../../../layer/reconcile/slice";
import { reconcileSliceSchema } from "../../../../layer/reconcile/request";
import type { Findings } from "../../../../layer/reconcile/types";
import { FakeLake, record } from "../fakes/lake";

/** Where the dataset's objects are. */
export const KEY = "engineering/meteorites/";

/** The dataset. */
export const NAME = { team: "engineering", dataset: "meteorites" };

/** A whole comparison; by default, what stands still counts at once. */
export async function compare(change: object = {}): Promise<Findings> {
  const request = reconcileSliceSchema.parse({ ...NAME, minAge: 0, ...change });
  const { next, ...findings } = await compareSlice(request);
  assert.equal(next, undefined);
  return findings;
}

/** A lake with some objects that were processed. */
export async function processed(...names: string[]): Promise<FakeLake> {
  const lake = new FakeLake();
  for (const [index, name] of names.entries()) await lake.arrive(`${KEY}${name}`, record(index + 1));
  await lake.settle();
  return lake;
}

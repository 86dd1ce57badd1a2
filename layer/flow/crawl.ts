import { registerPartitions } from "../catalog";
import type { StageBState } from "../messages";
import { requireDataset } from "../store/datasets";

/** Tells the catalogue about the partitions that the batch has files in. */
export async function crawl(state: StageBState): Promise<StageBState> {
  const { manifest } = await requireDataset(state.team, state.dataset);
  await registerPartitions(manifest.table, manifest.partitionBy, state.processed ?? []);
  return state;
}

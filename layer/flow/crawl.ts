import { registerPartitions, startCrawler } from "../catalog";
import type { StageBState } from "../messages";
import { partitionKeys } from "../manifest/output";
import { requireDataset } from "../store/datasets";

/** Tells the catalogue about the partitions that the batch has files in, and starts the dataset's crawler if it has one. */
export async function crawl(state: StageBState): Promise<StageBState> {
  const { manifest, crawler } = await requireDataset(state.team, state.dataset);
  const names = partitionKeys(manifest).map(({ name }) => name);
  await registerPartitions(manifest.table, names, state.processed ?? []);
  if (crawler !== undefined) await startCrawler(crawler);
  return state;
}

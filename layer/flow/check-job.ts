import { LayerError } from "../errors";
import type { StageBState } from "../messages";

/**
 * How the batch's job stands. DuckDB in the function is done when ProcessData answers, so there is nothing to ask; an engine
 * that works elsewhere is asked here.
 *
 * @throws LayerError `JobMissing` when ProcessData named none
 */
export async function checkJob(state: StageBState): Promise<StageBState> {
  if (state.job === undefined) throw new LayerError("JobMissing", `batch ${state.batchId} has no job`);
  return state;
}

import { nextQuery, type AthenaAnswer } from "../engines/athena";
import { collectJob, prepareJob } from "../engines/glue";
import type { JobStep } from "../engines/steps";
import type { StageBState } from "../messages";

/** The steps before, between and after the work of engines that work elsewhere: an object's next query, a batch's job. */
export async function checkJob(input: JobStep): Promise<AthenaAnswer | StageBState> {
  if (input.step === "athena") return nextQuery(input);
  const { step, ...state } = input;
  return step === "prepare" ? prepareJob(state) : collectJob(state);
}

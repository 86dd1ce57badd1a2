import { checkJob, handle, jobStepSchema } from "@tributary/layer";

/** Stage B: what is to be done before and after the work of an engine that works elsewhere. */
export const handler = handle(jobStepSchema, checkJob, ({ batchId }) => batchId);

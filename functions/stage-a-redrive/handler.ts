import { handle, redriveRequestSchema, redriveStageA } from "@tributary/layer";

/** Sends what is in a dataset's Stage A DLQ back to Stage A. */
export const handler = handle(redriveRequestSchema, redriveStageA);

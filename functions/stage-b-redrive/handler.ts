import { handle, redriveRequestSchema, redriveStageB } from "@tributary/layer";

/** Sends what is in a dataset's Stage B DLQ back to Stage B. */
export const handler = handle(redriveRequestSchema, redriveStageB);

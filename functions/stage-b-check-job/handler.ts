import { checkJob, handle, stageBStateSchema } from "@tributary/layer";

/** Stage B: how the batch's job stands. */
export const handler = handle(stageBStateSchema, checkJob, ({ batchId }) => batchId);

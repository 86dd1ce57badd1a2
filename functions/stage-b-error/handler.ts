import { handle, recordErrorsB, stageBStateSchema } from "@tributary/layer";

/** Stage B: records failed objects and sends them to the DLQ. */
export const handler = handle(stageBStateSchema, recordErrorsB, ({ batchId }) => batchId);

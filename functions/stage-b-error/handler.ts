import { handle, handleBoth, handleQueue, recordErrorsB, recordStopped, stageBStateSchema } from "@tributary/layer";

/** Stage B: records failed objects and sends them to the DLQ; also those of executions that ended without doing it. */
export const handler = handleBoth(
  handle(stageBStateSchema, recordErrorsB, ({ batchId }) => batchId),
  handleQueue("standard", recordStopped),
);

import { handle, publish, stageBStateSchema } from "@tributary/layer";

/** Stage B, after: makes the files the current ones and records what was done. */
export const handler = handle(stageBStateSchema, publish, ({ batchId }) => batchId);

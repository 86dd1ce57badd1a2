import { handle, idempotent, processData, stageBStateSchema } from "@tributary/layer";

/** Stage B: CSV becomes Parquet, once for a batch. */
export const handler = handle(stageBStateSchema, idempotent(processData), ({ batchId }) => batchId);

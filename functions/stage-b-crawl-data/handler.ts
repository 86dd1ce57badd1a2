import { crawl, handle, stageBStateSchema } from "@tributary/layer";

/** Stage B: registers partitions in the catalogue. */
export const handler = handle(stageBStateSchema, crawl, ({ batchId }) => batchId);

import { handle, reconcile, reconcileRequestSchema } from "@tributary/layer";

/** Compares datasets' buckets, control tables and Parquet files, and mends what has no outcome. */
export const handler = handle(reconcileRequestSchema, reconcile);

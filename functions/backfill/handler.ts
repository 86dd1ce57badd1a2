import { backfill, backfillCallSchema, handle } from "@tributary/layer";

/** Sends objects that lie in the raw bucket on their way, as if their events had come: the parts of a backfill. */
export const handler = handle(backfillCallSchema, backfill);

import { handle, redriveArrivals, redriveRequestSchema } from "@tributary/layer";

/** Sends what is in the arrivals DLQ back to the arrivals. */
export const handler = handle(redriveRequestSchema, redriveArrivals);

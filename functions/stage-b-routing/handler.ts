import { handleQueue, startStageB } from "@tributary/layer";

/** Starts Stage B for what Stage A handed over. */
export const handler = handleQueue("fifo", startStageB);

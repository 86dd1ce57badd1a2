import { handleQueue, runStageA } from "@tributary/layer";

/** Runs Stage A for the messages of a dataset and keeps those that have to be tried again. */
export const handler = handleQueue("fifo", runStageA);

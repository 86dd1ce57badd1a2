import { handle, postUpdateA, stageAStateSchema } from "@tributary/layer";

/** Stage A, after: records what was done and hands it over to Stage B. */
export const handler = handle(stageAStateSchema, postUpdateA, ({ processed }) => processed[0]?.item.messageId);

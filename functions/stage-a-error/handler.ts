import { handle, recordErrorsA, stageAStateSchema } from "@tributary/layer";

/** Stage A: records errors; what is final goes to the DLQ. */
export const handler = handle(stageAStateSchema, recordErrorsA, ({ failed }) => failed[0]?.item.messageId);

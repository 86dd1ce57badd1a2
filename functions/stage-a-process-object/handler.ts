import { handle, processObjects, stageAStateSchema } from "@tributary/layer";

/** Stage A: JSON becomes CSV. */
export const handler = handle(stageAStateSchema, processObjects, ({ items }) => items[0]?.messageId);

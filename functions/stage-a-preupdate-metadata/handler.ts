import { handle, preUpdate, stageAInputSchema } from "@tributary/layer";

/** Stage A, before: where each object stands, and which attempt this is. */
export const handler = handle(stageAInputSchema, preUpdate, ({ items }) => items[0]?.messageId);

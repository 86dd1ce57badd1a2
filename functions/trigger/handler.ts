import { answerRequest, handle, httpRequestSchema } from "@tributary/layer";

/** The HTTP API: starts the processing of objects, and tells how far it is. */
export const handler = handle(httpRequestSchema, answerRequest);

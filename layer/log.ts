import { Logger } from "@aws-lambda-powertools/logger";

/** The functions' logger: one JSON line an entry, level by `POWERTOOLS_LOG_LEVEL`, service by `POWERTOOLS_SERVICE_NAME`. */
export const log = new Logger();

/** Makes the entries of this invocation findable by what it is about: an execution, a batch, a message. */
export function correlate(id: string | undefined): void {
  if (id !== undefined) log.setCorrelationId(id);
}

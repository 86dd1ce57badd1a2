import type { Context } from "aws-lambda";

/** The event by which a caller asks a function what it is. Nothing happens but the answer. */
export interface DescribeEvent {
  tributary: "describe";
}

/** What a function says about itself. */
export interface Description {
  function: string;
  /** Lambda's version of it. */
  version: string;
  /** Digest of the image that was deployed; null for an archive. */
  digest: string | null;
}

/** Lets a handler answer {@link DescribeEvent}; every other event goes to the handler untouched. */
export function describing<Event, Answer>(
  handler: (event: Event, context: Context) => Promise<Answer>,
): (event: Event, context: Context) => Promise<Answer> {
  return async (event, context) => {
    if (!asksForDescription(event)) return handler(event, context);
    const { functionName, functionVersion } = context;
    const description: Description = {
      function: functionName,
      version: functionVersion,
      digest: process.env.IMAGE_DIGEST ?? null,
    };
    return description as Answer;
  };
}

function asksForDescription(event: unknown): boolean {
  if (typeof event !== "object" || event === null) return false;
  return Object.keys(event).length === 1 && (event as Partial<DescribeEvent>).tributary === "describe";
}

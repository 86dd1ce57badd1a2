import { z } from "zod";

/** A request as the HTTP API hands it on (payload format 2.0), as far as it is looked at. */
export const httpRequestSchema = z.object({
  routeKey: z.string(),
  pathParameters: z.record(z.string(), z.string()).default({}),
  headers: z.record(z.string(), z.string()).default({}),
  body: z.string().optional(),
  isBase64Encoded: z.boolean().default(false),
  requestContext: z.looseObject({ requestId: z.string().default("") }).default({ requestId: "" }),
});

/** A request as the HTTP API hands it on. */
export type HttpRequest = z.infer<typeof httpRequestSchema>;

/** What a request to process objects may hold. */
export const startBodySchema = z
  .strictObject({
    /** Keys below `<team>/<dataset>/`. */
    objects: z.array(z.string().min(1).max(1000)).min(1).max(100).optional(),
    /** What keys begin with, below `<team>/<dataset>/`. */
    prefix: z.string().max(1000).optional(),
    /** Only objects that were modified since then. */
    since: z.iso.datetime({ offset: true }).optional(),
    /** Once more, also those that have their outcome. */
    again: z.boolean().optional(),
  })
  .refine(({ objects, prefix, since }) => !objects || (prefix === undefined && since === undefined), {
    message: "objects cannot stand beside prefix or since",
  });

/** Routes of the HTTP API. */
export const START_ROUTE = "POST /datasets/{team}/{dataset}/executions";
/** See {@link START_ROUTE}. */
export const STATUS_ROUTE = "GET /datasets/{team}/{dataset}/executions/{id}";

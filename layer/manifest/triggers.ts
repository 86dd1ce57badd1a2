import { z } from "zod";

/** One of the fields of a cron expression: numbers, names, lists, ranges, steps, and `?`, `L`, `W`, `#`. */
const FIELD = /^[0-9A-Z*?,/#-]+$/;
/** Every so many minutes, hours or days. */
const RATE = /^rate\([1-9]\d{0,3} (minutes?|hours?|days?)\)$/;

const schedule = z.string().max(256).refine(isSchedule, {
  error:
    'rate(<n> minutes|hours|days), or cron(<minutes> <hours> <day of month> <month> <day of week> <year>) with "?" as one of both days',
});

/** The manifest's `triggers`. */
export const triggersSchema = z
  .strictObject({
    events: z
      .boolean()
      .describe(
        "Objects are processed when they arrive. `false`: only a schedule, a request or a backfill processes them.",
      )
      .default(true),
    schedule: schedule
      .describe(
        "When to look for objects without an outcome, in UTC: `rate(1 hour)`, or `cron(0 6 * * ? *)`. Default: never.",
      )
      .optional(),
    http: z
      .boolean()
      .describe("Whether the lake's HTTP API takes requests to process objects of this dataset. Default: false.")
      .default(false),
  })
  .describe("What makes the lake process objects.")
  .default({ events: true, http: false });

/** What makes the lake process a dataset's objects. */
export type Triggers = z.infer<typeof triggersSchema>;

function isSchedule(text: string): boolean {
  if (RATE.test(text)) return true;
  const fields = /^cron\((.*)\)$/.exec(text)?.[1]?.split(" ") ?? [];
  const days = [fields[2], fields[4]].filter((field) => field === "?").length;
  return fields.length === 6 && days === 1 && fields.every((field) => FIELD.test(field));
}

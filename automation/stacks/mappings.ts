import { LambdaClient, ListEventSourceMappingsCommand } from "@aws-sdk/client-lambda";
import { connectClients, type LocalAws } from "../local";
import type { Place } from "./recovery";
import type { PendingOperation } from "./state";

const mappingType = "aws:lambda/eventSourceMapping:EventSourceMapping";

/**
 * Ids of event source mappings that were being created when an engine was killed, by URN. Lambda chooses them, so they are
 * looked up by function and queue. Without this a second mapping would read the same queue.
 */
export async function findMappings(
  pending: PendingOperation[],
  place: Place,
  aws: LocalAws | undefined,
): Promise<Map<string, string>> {
  const wanted = pending.filter(({ type, resource }) => type === "creating" && resource.type === mappingType);
  const found = new Map<string, string>();
  if (wanted.length === 0) return found;
  const { settings, close } = await connectClients(aws);
  const client = new LambdaClient({ ...settings, region: place.region });
  try {
    for (const { resource } of wanted) {
      const { functionName, eventSourceArn } = resource.inputs ?? {};
      if (typeof functionName !== "string" || typeof eventSourceArn !== "string") continue;
      const { EventSourceMappings } = await client.send(
        new ListEventSourceMappingsCommand({ FunctionName: functionName, EventSourceArn: eventSourceArn }),
      );
      const id = EventSourceMappings?.[0]?.UUID;
      if (id !== undefined) found.set(resource.urn, id);
    }
  } finally {
    client.destroy();
    close();
  }
  return found;
}

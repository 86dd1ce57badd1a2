import { env } from "../config";
import { athena, name } from "../engines/dialect";
import { removalStatement } from "../engines/iceberg";
import type { StageBState } from "../messages";
import { readCurrents } from "../store/currents";
import { requireDataset } from "../store/datasets";

/**
 * What is to be run when versions of a key were committed to an Iceberg table side by side. Each commit removes the rows of
 * earlier versions that it sees; those that an earlier version commits after a later one without rows, none has seen.
 *
 * @param keyIds of keys that got another current version between the commit of the batch's version and its publication
 */
export async function staleRows(
  { team, dataset, format }: StageBState,
  keyIds: ReadonlySet<string>,
): Promise<StageBState["stale"]> {
  if (format !== "iceberg" || keyIds.size === 0) return undefined;
  const { manifest } = await requireDataset(team, dataset);
  const currents = await readCurrents([...keyIds].map((keyId) => ({ keyId })));
  if (currents.size === 0) return undefined;
  const table = `${name(env("DATABASE_NAME"))}.${name(manifest.table)}`;
  return { sql: removalStatement(athena, table, [...currents.values()]) };
}

import { env } from "../config";
import { log } from "../log";
import type { ProcessedB } from "../messages";
import { deleteFiles } from "../objects";
import { itemName, readItems } from "../store/metadata";

/**
 * Deletes files that were put for versions that failed meanwhile: stopping an execution does not stop the function that works
 * for it. Whoever records the failure looks for files afterwards, and this looks for failures after the last file: one of the
 * two finds the other. A version that another batch works on is left alone, because that batch's files have the same names.
 */
export async function withdrawFailed(processed: ProcessedB[]): Promise<void> {
  const withFiles = processed.filter((one) => filesOf(one).length > 0);
  if (withFiles.length === 0) return;
  const items = await readItems(withFiles.map(({ item }) => item));
  const failed = withFiles.filter(({ item }) => items.get(itemName(item))?.status === "FAILED");
  for (const { item } of failed) log.warn("failed before its files were there", { key: item.key });
  await deleteFiles(env("STAGE_BUCKET"), failed.flatMap(filesOf));
}

/** All files of an object in the stage bucket but Stage A's: those of the table, and what of it is in quarantine. */
export function filesOf({ files, quarantined }: ProcessedB): string[] {
  return [...files, ...(quarantined ? [quarantined.key] : [])];
}

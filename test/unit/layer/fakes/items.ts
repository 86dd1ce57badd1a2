import type { Manifest } from "../../../../layer/manifest";
import { handedOverSchema, type HandedOver } from "../../../../layer/messages";

/** What of a manifest decides about sizes. */
export const MANIFEST_DEFAULTS: Pick<Manifest, "limits" | "partitionBy" | "engine" | "output"> = {
  limits: { objectSize: "256 MB", partitionsPerObject: 20 },
  partitionBy: [],
  engine: "duckdb",
  output: { format: "parquet", rowGroupSize: 122_880, columns: [] },
};

/** An object as Stage A hands it over. */
export function handedOver(key: string): HandedOver {
  return handedOverSchema.parse({
    ...{ team: "engineering", dataset: "meteorites", bucket: "raw", key, keyId: "0".repeat(32), version: key },
    ...{ sequencer: "1", etag: "", size: 1, eventTime: "", group: "g", preKey: `pre/${key}`, rows: 1 },
  });
}

import { writeFile } from "node:fs/promises";
import path from "node:path";
import { digest } from "../../../../layer/identity";
import { manifestFileSchema, type Manifest } from "../../../../layer/manifest-schema";
import { handedOverSchema, stageBStateSchema, type HandedOver, type StageBState } from "../../../../layer/messages";
import { temporaryFolder } from "../../support/temporaryFolder";

/** A manifest of stones with every kind of column that engines differ in. */
export function stones(change: Record<string, unknown> = {}, sql = SQL): Manifest {
  const file = manifestFileSchema.parse({
    ...{ team: "engineering", dataset: "stones", description: "Stones", table: "stones", transform: "transform.sql" },
    engine: "athena",
    input: {
      columns: [
        { name: "id", type: "int" },
        { name: "name", type: "string" },
        { name: "mass", type: "double" },
        { name: "price", type: "decimal(10,2)" },
        { name: "seen", type: "timestamp" },
        { name: "kept", type: "boolean" },
        { name: "place", type: "string" },
      ],
    },
    output: {
      columns: [
        { name: "id", type: "int" },
        { name: "name", type: "string" },
        { name: "mass", type: "double" },
        { name: "price", type: "decimal(10,2)" },
        { name: "seen", type: "timestamp" },
        { name: "kept", type: "boolean" },
        { name: "place", type: "string" },
      ],
    },
    partitionBy: ["place", { column: "seen", by: "month" }],
    ...change,
  });
  return { ...file, sql };
}

const SQL = "SELECT id, upper(name) AS name, mass * 2 AS mass, price, seen, kept, place FROM input WHERE id > 0 -- all";

/** Records of stones as Stage A writes them. */
export const CSV = [
  "id,name,mass,price,seen,kept,place",
  "1,plain,1.5,10.25,2026-01-02 03:04:05,true,Rome",
  '2,"comma, and ""quotes""",,0.10,2026-01-31 23:59:59,false,"São Paulo/Süd"',
  "3,it's,2.25,,2026-02-01 00:00:00,,",
  "4,back\\slash,-1.0,1.00,,true,a=b%",
  "",
].join("\n");

/** An object of the dataset, as Stage A hands it over. */
export function stone(key: string, change: Partial<HandedOver> = {}): HandedOver {
  return handedOverSchema.parse({
    ...{ team: "engineering", dataset: "stones", bucket: "raw", key, keyId: digest(key, 32), version: "v1" },
    ...{ sequencer: "1", etag: "", size: 500, eventTime: "2026-02-02T00:00:00.000Z", group: "g" },
    ...{ preKey: `pre/engineering/stones/${key}.csv`, rows: 4, preBytes: Buffer.byteLength(CSV) },
    ...change,
  });
}

/** The state of a batch. */
export function batch(items: HandedOver[]): StageBState {
  return stageBStateSchema.parse({
    ...{ team: "engineering", dataset: "stones", batchId: "batch-1", startedAt: "2026-02-02T00:00:01.000Z", items },
  });
}

/** A folder of its own with the CSV in it. */
export async function withCsv(text = CSV): Promise<{ folder: string; csv: string }> {
  const folder = temporaryFolder("engines");
  const csv = path.join(folder, "records.csv");
  await writeFile(csv, text);
  return { folder, csv };
}

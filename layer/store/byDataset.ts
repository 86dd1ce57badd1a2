import { env } from "../config";
import { CURRENT, itemName, readItems, type CurrentItem, type ObjectItem, type ObjectKey } from "./metadata";
import { pagesOf } from "./query";

/** Keys of one page: as many as one BatchGet reads. */
const PAGE = 100;

/** Which items of a dataset are wanted. */
export interface Wanted {
  /** Only keys that begin so. */
  prefix?: string;
  /** The items of the keys themselves, too, beside those of their versions. @default false */
  currents?: boolean;
}

/**
 * All object versions that a dataset knows, in the order of their keys (UTF-8 bytes, as S3 lists them), page by page. The
 * index tells which there are, a little later than they are registered; what the items say is read consistently.
 */
export function objectsOf(
  team: string,
  dataset: string,
  wanted: Wanted & { currents: true },
): AsyncGenerator<(ObjectItem | CurrentItem)[]>;
export function objectsOf(team: string, dataset: string, wanted?: Wanted): AsyncGenerator<ObjectItem[]>;
export async function* objectsOf(
  team: string,
  dataset: string,
  { prefix = "", currents = false }: Wanted = {},
): AsyncGenerator<(ObjectItem | CurrentItem)[]> {
  const pages = pagesOf({
    TableName: env("OBJECT_METADATA_TABLE"),
    IndexName: "byDataset",
    KeyConditionExpression: `#datasetId = :datasetId${prefix === "" ? "" : " AND begins_with(#key, :prefix)"}`,
    ExpressionAttributeNames: { "#datasetId": "datasetId", ...(prefix === "" ? {} : { "#key": "key" }) },
    ExpressionAttributeValues: {
      ":datasetId": `${team}/${dataset}`,
      ...(prefix === "" ? {} : { ":prefix": prefix }),
    },
    Limit: PAGE,
  });
  for await (const page of pages) {
    const keys = (page as unknown as ObjectKey[]).filter(({ version }) => currents || version !== CURRENT);
    const items = await readItems<ObjectItem | CurrentItem>(keys);
    yield keys.flatMap((key) => items.get(itemName(key)) ?? []);
  }
}

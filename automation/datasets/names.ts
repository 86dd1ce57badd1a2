import { userError } from "../errors";
import { datasetName } from "../../layer/manifest-schema";

/** Longest name of a column that is made from a field (characters). */
const LONGEST = 128;

/**
 * Team and dataset of `<team>/<dataset>`.
 *
 * @throws TributaryError `DatasetNameInvalid`
 */
export function splitName(name: string): { team: string; dataset: string } {
  const [team = "", dataset = "", ...rest] = name.split("/");
  if (rest.length === 0 && datasetName.test(team) && datasetName.test(dataset)) return { team, dataset };
  throw userError(
    "DatasetNameInvalid",
    `${JSON.stringify(name)} is no <team>/<dataset>: both are lower-case letters, digits and hyphens, start with a letter, and have at most 30`,
    "tributary dataset new engineering/meteorites --from FILE",
  );
}

/** Names of columns for the fields of a sample, in their order: what a field is called, as far as a column may be. */
export function columnNames(fields: string[]): string[] {
  const taken = new Set<string>();
  return fields.map((field) => {
    const base = columnName(field);
    let name = base;
    for (let number = 2; taken.has(name); number++) name = `${base.slice(0, LONGEST - 6)}_${number}`;
    taken.add(name);
    return name;
  });
}

function columnName(field: string): string {
  const words = field
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  const name = /^[a-z]/.test(words) ? words : `column_${words}`;
  return name.slice(0, LONGEST).replace(/_+$/, "");
}

import { readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { parseSettings, type Settings } from "../../../../automation/settings";
import { Lake } from "../../../../components/lake/Lake";
import { functionNames } from "../../../../components/lake/functions";
import type { LakeCode } from "../../../../components/lake/packages";
import type { Scope } from "../../../../components/scope";
import type { Manifest } from "../../../../layer/manifest-schema";
import { account, region } from "./mocks";

const root = path.join(__dirname, "../../../..");

/** The raw configuration that Pulumi hands to the program of a stack. */
export function configOf(stack: string): Record<string, string> {
  const { config } = parse(readFileSync(path.join(root, `Pulumi.${stack}.yaml`), "utf8")) as { config: object };
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
  );
}

/** The settings that a committed stack file gives. */
export function settingsOf(stack: string): Settings {
  return parseSettings({ project: "tributary", stack, values: configOf(stack) });
}

/** A scope for tests. */
export function scopeOf(env = "dev"): Scope {
  return {
    project: "tributary",
    env,
    stack: env,
    account,
    region,
    partition: "aws",
    dnsSuffix: "amazonaws.com",
  };
}

/** A small dataset with one partition column. */
export const manifest: Manifest = {
  team: "engineering",
  dataset: "meteorites",
  description: "Meteorites that were found or seen falling",
  table: "meteorites",
  group: "object",
  triggers: { events: true, http: false },
  reconcile: { every: "1 day" },
  engine: "duckdb",
  glue: {},
  catalogue: { crawler: false },
  input: { format: "auto", csv: { header: true, quote: '"' }, columns: [{ name: "id", type: "int" }] },
  transform: "transform.sql",
  evolution: { new: "ignore", missing: "ignore", retyped: "fail" },
  output: {
    format: "parquet",
    rowGroupSize: 122_880,
    columns: [
      { name: "id", type: "int", comment: "NASA's number" },
      { name: "fall", type: "string" },
    ],
  },
  partitionBy: ["fall"],
  limits: { objectSize: "256 MB", partitionsPerObject: 20 },
  expectations: [],
  sql: "select id, 'Fell' as fall from input",
};

/** Code that is never read. */
const archives: LakeCode = {
  code: { layer: __dirname, functions: Object.fromEntries(functionNames.map((name) => [name, __dirname])) },
};

/** A lake with the settings of a committed stack file, and archives where nothing else is said. */
export function lake(
  stack: string,
  change: Partial<Settings> = {},
  manifests: Manifest[] = [manifest],
  code: LakeCode = archives,
): Lake {
  const settings = { ...settingsOf(stack), ...change };
  return new Lake("lake", { scope: scopeOf(settings.env), settings, manifests, ...code });
}

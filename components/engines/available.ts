import * as pulumi from "@pulumi/pulumi";
import type { Manifest } from "../../layer/manifest-schema";
import { type EngineName, enginesOf } from "../../layer/manifest/engine";

/** A dataset that this environment transforms otherwise than its manifest says. */
export interface Replacement {
  /** `team/dataset`. */
  id: string;
  /** What the manifest asks for and the environment lacks, such as `engine glue`. */
  lacks: string;
}

/**
 * Manifests as an environment can carry them out: an engine that it lacks is replaced by DuckDB, and an Iceberg table, which
 * DuckDB cannot commit to, by a table of Parquet files. So every dataset can be tried where there is no Glue and no Athena.
 *
 * @param available engines that the environment has; `duckdb` is always one of them
 */
export function withAvailable(
  manifests: readonly Manifest[],
  available: readonly EngineName[],
): { manifests: Manifest[]; replaced: Replacement[] } {
  const replaced: Replacement[] = [];
  const changed = manifests.map((manifest) => {
    if (enginesOf(manifest).every((engine) => available.includes(engine))) return manifest;
    const iceberg = manifest.output.format === "iceberg";
    const lacks = `engine ${manifest.engine}${iceberg ? " and Iceberg" : ""}`;
    replaced.push({ id: `${manifest.team}/${manifest.dataset}`, lacks });
    return {
      ...manifest,
      engine: "duckdb" as const,
      glue: {},
      output: { ...manifest.output, format: "parquet" as const },
    };
  });
  return { manifests: changed, replaced };
}

/** The manifests of a lake as its environment can carry them out; what is replaced, plan and deploy say once. */
export function carriedOut(
  lake: { manifests: readonly Manifest[]; settings: { engines: { available: readonly EngineName[] } } },
  resource: pulumi.Resource,
): Manifest[] {
  const { manifests, replaced } = withAvailable(lake.manifests, lake.settings.engines.available);
  const warning = replacementWarning(replaced);
  if (warning !== undefined) void pulumi.log.warn(warning, resource);
  return manifests;
}

/** Longest list of datasets in the message. */
const SHOWN = 5;

/** One sentence about all replacements; undefined when there are none. */
export function replacementWarning(replaced: readonly Replacement[]): string | undefined {
  if (replaced.length === 0) return undefined;
  const shown = replaced.slice(0, SHOWN).map(({ id, lacks }) => `${id} (${lacks})`);
  const more = replaced.length > SHOWN ? ` and ${replaced.length - SHOWN} more` : "";
  return (
    `this environment lacks engines (tributary:engines.available): DuckDB and Parquet files stand in for ${shown.join(", ")}${more}; ` +
    "SQL of their other dialects is not tried here"
  );
}

import { z } from "zod";
import { manifestFileSchema } from "../../layer/manifest-schema";

/**
 * `datasets/manifest.schema.json`, made from the schema that checks manifests. Rules across properties, such as that a
 * partition is an output column, cannot be said in it: `tributary` tells of those.
 */
export function manifestJsonSchema(): string {
  const { $schema, ...schema } = z.toJSONSchema(manifestFileSchema, { io: "input" });
  const document = {
    $schema,
    title: "Manifest of a dataset",
    description: "Made from layer/manifest-schema.ts by `npx tributary --manifest-schema`; a test compares.",
    ...schema,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

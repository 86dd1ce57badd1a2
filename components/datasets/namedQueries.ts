import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { Manifest } from "../../layer/manifest-schema";
import type { Catalog } from "./Catalog";

/**
 * A dataset's named queries, `queries/<name>.sql` of its folder, in the lake's workgroup. There they are called
 * `<team>/<dataset>/<name>`.
 *
 * @returns the queries by their names
 */
export function namedQueries(
  logicalName: string,
  { team, dataset, queries = {} }: Manifest,
  catalog: Catalog,
  opts: pulumi.CustomResourceOptions,
): Record<string, aws.athena.NamedQuery> {
  const made = Object.entries(queries).map(([name, query]) => [
    name,
    new aws.athena.NamedQuery(
      `${logicalName}-query-${name}`,
      {
        name: `${team}/${dataset}/${name}`,
        description: firstComment(query),
        database: catalog.database,
        workgroup: catalog.workgroup,
        query,
      },
      opts,
    ),
  ]);
  return Object.fromEntries(made) as Record<string, aws.athena.NamedQuery>;
}

/** Most characters of a description (Athena's limit). */
const LONGEST = 1_024;

/** What a query says about itself: the comment in its first line. */
function firstComment(query: string): string | undefined {
  const [, comment] = /^--[ \t]*(\S.*)/.exec(query) ?? [];
  return comment?.trim().slice(0, LONGEST);
}

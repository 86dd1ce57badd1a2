import { userError } from "../../../errors";
import type { LakeOutputs } from "../../../lake/outputs";
import type { Migration } from "./files";

const placeholder = /\$\{([A-Za-z0-9_.-]*)\}/g;

/** What a migration may name of the lake that it is run in: names of its buckets, and where it is. */
const allowed = ["rawBucket", "stageBucket", "analyticsBucket", "database", "workgroup", "region", "account"] as const;

/** Whether migrations name something of the environment's lake, as `${analyticsBucket}`. */
export function nameLake(migrations: readonly Migration[]): boolean {
  return migrations.some(({ statements }) => statements.some((statement) => statement.search(placeholder) >= 0));
}

/**
 * Statements with what they name of a lake, so that the same file is right in every environment. Checksums stay those of the files.
 *
 * @throws user error `MigrationsInvalid` for a name that no lake has
 */
export function filled(migrations: readonly Migration[], lake: Pick<LakeOutputs, (typeof allowed)[number]>) {
  return migrations.map((migration): Migration => {
    const fill = (_: string, name: string) => {
      const known = allowed.find((each) => each === name);
      if (known) return lake[known];
      const message = `${migration.name}: found \${${name}}; allowed: ${allowed.map((each) => `\${${each}}`).join(", ")}`;
      throw userError("MigrationsInvalid", message, "correct the name in the file");
    };
    return { ...migration, statements: migration.statements.map((text) => text.replace(placeholder, fill)) };
  });
}

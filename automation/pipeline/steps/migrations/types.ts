import type { AppliedMigration, Migration } from "./files";

/** Where migrations are run, and what remembers them. */
export interface Warehouse {
  /** Migrations that were run, in any order. */
  applied(): Promise<AppliedMigration[]>;
  /**
   * Runs one and remembers it.
   *
   * @throws TributaryError `MigrationFailed` with the statement and the reason
   */
  apply(migration: Migration): Promise<void>;
  close(): void;
}

import assert from "node:assert/strict";
import { enginesSchema } from "../../../automation/settings/engines";

describe("settings: engines", () => {
  const problems = (given: unknown) => {
    const result = enginesSchema.safeParse(given);
    return result.success ? [] : result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  };

  it("have defaults: all engines, and small Glue jobs", () => {
    assert.deepEqual(enginesSchema.parse({}), {
      available: ["duckdb", "athena", "glue"],
      ...{ duckdbLimit: "512 MB", athenaLimit: "4 GB", athenaObjects: 5 },
      glue: { workers: 2, workerType: "G.1X", timeout: "2 hours", concurrentRuns: 5 },
    });
  });

  for (const [given, expected] of [
    [{ available: ["glue"] }, /^available: a list of duckdb and/],
    [{ available: ["duckdb", "spark"] }, /^available: /],
    [{ available: "duckdb" }, /^available: /],
    [{ duckdbLimit: "0.5 GB" }, /^duckdbLimit: a whole number of MB, GB or TB, "1 MB" or more$/],
    [{ athenaObjects: 1 }, /^athenaObjects: a whole number from 2 to 10$/],
    [{ glue: { timeout: "9 hours" } }, /^glue\.timeout: whole minutes up to "8 hours"$/],
    [{ glue: { timeout: "90 seconds" } }, /^glue\.timeout: /],
    [{ glue: { workerType: "Standard" } }, /^glue\.workerType: G\.1X, G\.2X, G\.4X, G\.8X$/],
    [{ glue: { workers: 1 } }, /^glue\.workers: a whole number from 2 to 299$/],
    [{ glue: { bookmarks: true } }, /^glue: /],
  ] as [object, RegExp][]) {
    it(`refuse ${JSON.stringify(given)}`, () => {
      const found = problems(given);
      assert.equal(found.length, 1, found.join("\n"));
      assert.match(found[0] ?? "", expected);
    });
  }
});

import { strict as assert } from "node:assert";
import { dataset, ingest, lines, meteorite, rows, sharedLake, type Execution } from "../support/lake";
import type { Workspace } from "../support/workspace";

describe("500 objects at once", () => {
  const count = 500;
  let lake: Workspace;

  before(async () => {
    lake = await sharedLake();
  });

  it("processes all, none twice, and the control tables add up with the Parquet rows", async () => {
    const files = await Promise.all(
      Array.from({ length: count }, (_, index) =>
        lake.input(
          `many/many-${String(index).padStart(4, "0")}.ndjson`,
          lines(meteorite(20_000 + 2 * index), meteorite(20_001 + 2 * index)),
        ),
      ),
    );
    const result = await ingest(lake, ...files);
    assert.deepEqual(
      { accepted: result.accepted, processed: result.processed, failed: result.failed },
      { accepted: count, processed: count, failed: 0 },
    );

    const [total] = await rows(
      lake,
      "select count(*) as n, count(distinct id) as ids from meteorites where id between 20000 and 29999",
    );
    assert.deepEqual(total, { n: 2 * count, ids: 2 * count });
    const executions = await lake.json<Execution[]>(["executions", "local", "--limit", "5000"]);
    for (const stage of ["A", "B"]) {
      const succeeded = executions.filter(
        (e) => e.stage === stage && e.status === "SUCCEEDED" && e.object.startsWith(`${dataset}/many-`),
      );
      assert.equal(succeeded.length, count, `stage ${stage}`);
      assert.equal(new Set(succeeded.map((e) => e.object)).size, count, `stage ${stage}: an object ran twice`);
    }
  });
});

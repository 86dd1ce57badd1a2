import { strict as assert } from "node:assert";
import * as path from "node:path";
import { gzipSync } from "node:zlib";
import {
  dataset,
  ingest,
  lines,
  meteorite,
  rows,
  sharedLake,
  type Execution,
  type IngestResult,
} from "../support/lake";
import type { Workspace } from "../support/workspace";

describe("objects of every kind", () => {
  let lake: Workspace;

  before(async () => {
    lake = await sharedLake();
  });

  const outcome = (result: IngestResult, name: string) => {
    const found = result.objects.filter((object) => path.basename(object.file) === name);
    assert.equal(found.length, 1, `${name} has ${found.length} outcomes`);
    return found[0]!;
  };

  it("gives good, malformed, empty and 0-record objects one honest outcome each", async () => {
    const files = await Promise.all([
      lake.input("kinds/object.json", JSON.stringify(meteorite(9001))),
      lake.input("kinds/array.json", JSON.stringify([meteorite(9002), meteorite(9003)])),
      lake.input("kinds/lines.ndjson", lines(meteorite(9004), meteorite(9005))),
      lake.input("kinds/lines.ndjson.gz", gzipSync(lines(meteorite(9006)))),
      lake.input("kinds/sparse.ndjson", lines({ name: "Sparse", id: "9007", nametype: "Valid", extra: { deep: [1] } })),
      lake.input("kinds/none.json", "[]"),
      lake.input("kinds/empty.json", ""),
      lake.input("kinds/malformed.json", '{"name": "broken", "id": '),
    ]);
    const result = await ingest(lake, ...files);

    assert.deepEqual(
      { accepted: result.accepted, processed: result.processed, failed: result.failed },
      { accepted: 8, processed: 6, failed: 2 },
    );
    assert.match(outcome(result, "empty.json").error ?? "", /EmptyObject/);
    assert.match(outcome(result, "malformed.json").error ?? "", /MalformedJson/);
    const ids = (await rows(lake, "select id from meteorites where id between 9001 and 9007 order by id")).map(
      (r) => r.id,
    );
    assert.deepEqual(ids, [9001, 9002, 9003, 9004, 9005, 9006, 9007]);
  });

  it("takes keys with spaces, unicode, +, % and ..", async () => {
    const names = ["with space.json", "größe-流星.json", "a+b.json", "100%25.json", "..dots..json", "quote'\".json"];
    const files = await Promise.all(
      names.map((name, index) => lake.input(`keys/${name}`, JSON.stringify(meteorite(9100 + index)))),
    );
    const result = await ingest(lake, ...files);

    assert.equal(result.processed, names.length, JSON.stringify(result.objects));
    for (const name of names) assert.equal(outcome(result, name).key, `${dataset}/${name}`);
    const [count] = await rows(
      lake,
      `select count(*) as n from meteorites where id between 9100 and ${9099 + names.length}`,
    );
    assert.equal(count?.n, names.length);
  });

  it("takes a file of 50 MB", async () => {
    const record = (id: number) => JSON.stringify(meteorite(id, "x".repeat(380)));
    const many = 100_000;
    const text = Array.from({ length: many }, (_, index) => record(1_000_000 + index)).join("\n");
    assert.ok(text.length > 50_000_000, `only ${text.length} bytes`);
    const result = await ingest(lake, await lake.input("large/large.ndjson", text));

    assert.equal(result.processed, 1, JSON.stringify(result.objects));
    const [count] = await rows(lake, "select count(*) as n from meteorites where id >= 1000000");
    assert.equal(count?.n, many);
  });

  it("changes nothing when the same file comes again", async () => {
    const file = await lake.input("again/again.ndjson", lines(meteorite(9201), meteorite(9202)));
    for (let turn = 0; turn < 2; turn++) {
      const result = await ingest(lake, file);
      assert.deepEqual({ processed: result.processed, failed: result.failed }, { processed: 1, failed: 0 });
      const [count] = await rows(lake, "select count(*) as n from meteorites where id in (9201, 9202)");
      assert.equal(count?.n, 2);
    }
  });

  it("replaces the rows of a key when its content changes", async () => {
    await ingest(lake, await lake.input("replaced/replaced.ndjson", lines(meteorite(9301), meteorite(9302))));
    await ingest(lake, await lake.input("replaced/replaced.ndjson", lines(meteorite(9303))));
    const ids = await rows(lake, "select id from meteorites where id between 9301 and 9303");
    assert.deepEqual(ids, [{ id: 9303 }]);
  });

  it("shows the executions of both stages, and the reason of a failure", async () => {
    const all = await lake.json<Execution[]>(["executions", "local"]);
    const of = (name: string) => all.filter((execution) => execution.object === `${dataset}/${name}`);
    assert.deepEqual(
      of("object.json")
        .map((execution) => `${execution.stage} ${execution.status}`)
        .sort(),
      ["A SUCCEEDED", "B SUCCEEDED"],
    );
    assert.deepEqual(
      of("malformed.json").map((execution) => `${execution.stage} ${execution.status}`),
      ["A FAILED"],
    );
    assert.match(of("malformed.json")[0]?.error ?? "", /MalformedJson/);
  });
});

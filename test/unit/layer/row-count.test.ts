import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { mayMultiplyRows } from "../../../layer/flow/row-count";

const cases: [sql: string, multiplies: boolean][] = [
  ["SELECT id, name FROM input", false],
  ["select id from INPUT where id > 1 order by id limit 3", false],
  ['SELECT id FROM "input"', false],
  ["SELECT fall, count(*) AS n FROM input GROUP BY fall HAVING n > 1", false],
  ["SELECT 'unnest from select' AS a, \"select\" FROM input -- join", false],
  ["/* from a, b */ SELECT id FROM input\nWHERE name = 'it''s'", false],
  ["SELECT id, unnest(tags) FROM input", true],
  ["SELECT a, b, count(*) FROM input GROUP BY CUBE (a, b)", true],
  ["SELECT a.id FROM input a, input b", true],
  ["SELECT id FROM input, (VALUES (1), (2))", true],
  ["SELECT id FROM input JOIN other USING (id)", true],
  ["SELECT id FROM input UNION ALL FROM input", true],
  ["SELECT id FROM (SELECT * FROM input)", true],
  ["WITH a AS (SELECT 1) SELECT * FROM input", true],
  ["FROM input", true],
  ["SELECT id FROM range(5)", true],
  // Where a text ends decides what is SQL: those that need more than a glance count as if they multiplied.
  ["SELECT $$'$$ AS a, unnest(x) AS b, $$'$$ AS c FROM input", true],
  ["SELECT e'\\'' AS a, unnest(x), '' FROM input", true],
  ['SELECT "it\'s", unnest(x), "o\'s" FROM input', true],
  ["SELECT extract(year FROM day) FROM input", true],
];

describe("whether a transform may give more rows than it gets", () => {
  for (const [sql, multiplies] of cases) {
    it(`${multiplies ? "it may" : "it cannot"}: ${sql.replace(/\s+/g, " ")}`, () => {
      assert.equal(mayMultiplyRows(sql), multiplies);
    });
  }

  it("it cannot: the meteorites' own", () => {
    const file = path.join(__dirname, "../../../datasets/engineering/meteorites/transform.sql");
    assert.equal(mayMultiplyRows(readFileSync(file, "utf8")), false);
  });
});

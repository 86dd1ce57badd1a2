import assert from "node:assert/strict";
import fc from "fast-check";
import { csvHead, csvRow } from "../../../automation/cli/render/csv";
import { withParameters } from "../../../automation/lake/parameters";
import { query, queryPages } from "../../../automation/lake/query";
import { withEngine } from "../../../layer/transform/engine";
import { withWorkspace } from "../../../layer/transform/workspace";
import { fakeLake } from "./fakes";

const code = (sql: string, ...params: string[]) => {
  try {
    withParameters(sql, params);
  } catch (error) {
    return (error as { code: string }).code;
  }
  return "none";
};

describe("query: parameters", () => {
  it("become literals where their names stand, and nowhere else", () => {
    const sql = `select ':a', ":a", x::int, :a, :b -- :a\n/* :b */ from t where c = :c and d = :a`;
    assert.equal(
      withParameters(sql, ["a=it's", "b=-1.5", "c='42'"]),
      `select ':a', ":a", x::int, 'it''s', -1.5 -- :a\n/* :b */ from t where c = '42' and d = 'it''s'`,
    );
    assert.equal(withParameters("select :a", ["a=null"]), "select null");
    assert.equal(withParameters("select :a", ["a="]), "select ''");
    assert.equal(withParameters("select a[1:b]", []), "select a[1:b]", "without parameters nothing is touched");
  });

  it("have to be written as name=value, be there, and be used", () => {
    assert.equal(code("select :a", "a"), "ParameterInvalid");
    assert.equal(code("select :a", "1a=2"), "ParameterInvalid");
    assert.equal(code("select :a", "a=x\0"), "ParameterInvalid");
    assert.equal(code("select :a, :b", "a=1"), "ParameterMissing");
    assert.equal(code("select :a", "a=1", "b=2"), "ParameterUnused");
  });

  it("come through as they are, whatever they hold", async () => {
    const text = fc
      .string({ maxLength: 40, unit: "binary" })
      .filter((value) => !value.includes("\0") && !/^'[^]*'$/.test(value));
    await withWorkspace((directory) =>
      withEngine(directory, (engine) =>
        engine.connected((connection) =>
          fc.assert(
            fc.asyncProperty(text, async (value) => {
              const sql = withParameters("select cast(:v as varchar), 'end'", [`v=${value}`]);
              const [row] = (await connection.runAndReadAll(sql)).getRows();
              assert.equal(row?.[1], "end");
              if (/[^\d.+-]/.test(value) && !/^(true|false|null)$/i.test(value))
                assert.equal(row[0], Buffer.from(value, "utf8").toString("utf8"));
            }),
          ),
        ),
      ),
    );
  });
});

/** Athena with pages of results. */
function athena(pages: string[][][], states = ["RUNNING", "SUCCEEDED"]) {
  let page = 0;
  return fakeLake((name) => {
    if (name === "StartQueryExecutionCommand") return { QueryExecutionId: "q1" };
    if (name === "GetQueryExecutionCommand") {
      const State = states.length > 1 ? states.shift() : states[0];
      return {
        QueryExecution: { Status: { State }, Statistics: { DataScannedInBytes: 5e6, TotalExecutionTimeInMillis: 70 } },
      };
    }
    if (name === "StopQueryExecutionCommand") return {};
    assert.equal(name, "GetQueryResultsCommand");
    const Rows = (pages[page] ?? []).map((cells) => ({ Data: cells.map((VarCharValue) => ({ VarCharValue })) }));
    const ResultSetMetadata = { ColumnInfo: [{ Name: "n", Type: "integer" }] };
    const NextToken = ++page < pages.length ? String(page) : undefined;
    return { ResultSet: { Rows, ...(page === 1 && { ResultSetMetadata }) }, NextToken };
  });
}

describe("query: results", () => {
  it("come page by page, and only the first page has a head", async () => {
    const { lake } = athena([[["n"], ["1"]], [["2"], ["3"]], []]);
    const pages = [];
    for await (const { rows, columns } of queryPages(lake, "select n")) pages.push({ rows, columns });
    const rows = (...ns: number[]) => ({ rows: ns.map((n) => ({ n })), columns: ["n"] });
    assert.deepEqual(pages, [rows(1), rows(2, 3), rows()]);
  });

  it("keep a row on a later page that reads like the head", async () => {
    const { lake } = athena([
      [["n"], ["1"]],
      [["n"], ["2"]],
    ]);
    assert.deepEqual((await query(lake, "select n")).rows, [{ n: 1 }, { n: "n" }, { n: 2 }]);
  });

  it("tell what was read and what it costs: by bytes, at least 10 MB, and nothing on the local AWS", async () => {
    const { lake } = athena([[["n"]]]);
    assert.deepEqual((await query(lake, "select n")).statistics, { id: "q1", bytesScanned: 5e6, milliseconds: 70 });
    const remote = { ...athena([[["n"]]]).lake, local: false };
    const { cost } = (await query(remote, "select n")).statistics;
    assert.ok(Math.abs((cost ?? 0) - 0.0000524288) < 1e-12, String(cost));
  });

  it("are cancelled by an abort", async () => {
    const { lake, asked } = athena([], ["RUNNING"]);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    await assert.rejects(query(lake, "select n", controller.signal), { name: "AbortError" });
    assert.ok(asked.includes("StopQueryExecutionCommand"));
  });
});

describe("query: CSV", () => {
  it("quotes what needs it, and tells NULL from an empty text", () => {
    const columns = ["a", 'b "c"'];
    assert.equal(csvHead(columns), 'a,"b ""c"""\n');
    assert.equal(csvRow(columns, { a: null, 'b "c"': "" }), ',""\n');
    assert.equal(csvRow(columns, { a: 'x,"y"\n', 'b "c"': 1.5 }), '"x,""y""\n",1.5\n');
  });
});

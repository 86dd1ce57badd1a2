import assert from "node:assert/strict";
import { Rejection } from "../../../layer/errors";
import { ExpectationsFailed } from "../../../layer/transform/expectations";
import { expectationResults } from "../../../layer/transform/results";
import { bothStages, manifestOf } from "./support/transforms";

const columns = [
  { name: "id", type: "int" },
  { name: "station", type: "string" },
  { name: "celsius", type: "double" },
  { name: "seen", type: "timestamp" },
];
const BODY = `id,station,celsius,seen
1,ST-01,20.5,2026-11-20 10:00:00
2,st-1,20.5,2026-11-20 11:00:00
3,ST-02,99,2026-11-20 12:00:00
3,ST-02,21,2026-11-20 13:00:00
,ST-03,5,2026-11-20 14:00:00
6,,,
`;
const ARRIVED = new Date("2026-11-21T12:00:00Z");

const expecting = (...expectations: object[]) => manifestOf({ input: { columns }, output: { columns }, expectations });
const bad = (rule: string) => [
  { check: "not_null", column: "id", rule },
  { check: "unique", column: "id", rule },
  { check: "regex", column: "station", pattern: "ST-[0-9]{2}", rule },
  { check: "range", column: "celsius", min: -60, max: 60, rule },
  { check: "sql", name: "day", expression: "hour(seen) < 14 -- not in the afternoon", rule },
];

async function rejection(expectations: object[]): Promise<string> {
  try {
    await bothStages(BODY, expecting(...expectations), ARRIVED);
  } catch (error) {
    assert.ok(error instanceof Rejection, String(error));
    return `${error.code}: ${error.message}`;
  }
  return "taken";
}

describe("layer: quarantine", () => {
  it("takes the rows that break an expectation, each with all its reasons; the others go on", async () => {
    const made = await bothStages(BODY, expecting(...bad("quarantine")), ARRIVED);
    assert.deepEqual([made.rows, made.quarantined, made.broken], [2, 4, [1, 1, 1, 1, 1]]);
    assert.deepEqual(
      made.quarantine.map(({ id, _reasons }) => [id, _reasons]),
      [
        [2, "regex(station)"],
        [3, "range(celsius)"],
        [3, "unique(id)"],
        [null, "not_null(id); sql(day)"],
      ],
    );
    assert.deepEqual(
      made.files[""]!.map(({ id }) => id),
      [1, 6],
    );
    assert.deepEqual(
      made.columns.map(([name]) => name),
      columns.map(({ name }) => name),
    );
    assert.equal(made.warnings.length, 5);
  });

  it("asks other expectations of the rows that stay", async () => {
    const made = await bothStages(
      BODY,
      expecting(
        ...bad("quarantine"),
        { check: "unique", column: "id", rule: "fail" },
        { check: "rows", max: 2, rule: "fail" },
      ),
      ARRIVED,
    );
    assert.deepEqual(made.broken.slice(5), [0, 0]);
    assert.match(
      await rejection([...bad("quarantine"), { check: "rows", min: 3, rule: "fail" }]),
      /: rows: 2, expected at least 3$/,
    );
  });

  it("makes no file of an object without bad rows, and none of the table of one without good rows", async () => {
    const good = await bothStages("id,station\n1,ST-01\n", expecting(...bad("quarantine")), ARRIVED);
    assert.deepEqual([good.rows, good.quarantined, good.quarantine], [1, 0, []]);
    const none = await bothStages("id,station\n,x\n", expecting(...bad("quarantine")), ARRIVED);
    assert.deepEqual([none.rows, none.quarantined, none.files], [0, 1, {}]);
    assert.equal(none.columns.at(-1)![0], "_reasons");
  });
});

describe("layer: all expectations", () => {
  for (const [index, sentence] of [
    "id is NULL in 1 of 6 rows",
    "id repeats a value in 1 of 6 rows",
    "station does not match ST-[0-9]{2} in 1 of 6 rows",
    "celsius is outside -60 to 60 in 1 of 6 rows",
    "day does not hold in 1 of 6 rows",
  ].entries()) {
    it(`reject or warn: ${sentence}`, async () => {
      assert.equal(await rejection([bad("fail")[index]!]), `ExpectationFailed: ${sentence}`);
      const { warnings, quarantined } = await bothStages(BODY, expecting(bad("warn")[index]!), ARRIVED);
      assert.deepEqual([warnings, quarantined], [[sentence], 0]);
    });
  }

  it("measure freshness against the arrival of the object", async () => {
    const fresh = (maxAge: string) => [{ check: "freshness", column: "seen", maxAge, rule: "fail" }];
    assert.equal(await rejection(fresh("1 day")), "taken");
    assert.equal(
      await rejection(fresh("20 hours")),
      "ExpectationFailed: seen has no value of the 20 hours before the object came",
    );
    const manifest = expecting(...fresh("1 day"));
    await assert.rejects(bothStages("id,seen\n1,\n", manifest, ARRIVED), ExpectationsFailed);
    assert.equal((await bothStages("[]", manifest, ARRIVED)).rows, 0);
  });

  it("count rows from both sides", async () => {
    assert.equal(
      await rejection([{ check: "rows", min: 1, max: 5, rule: "fail" }]),
      "ExpectationFailed: rows: 6, expected at least 1 and at most 5",
    );
    assert.equal(await rejection([{ check: "rows", min: 6, max: 6, rule: "fail" }]), "taken");
  });

  for (const [what, expectation] of [
    ["no expression", { check: "sql", name: "x", expression: "SELEC" }],
    ["an unknown column", { check: "sql", name: "x", expression: "nothing > 1" }],
    ["another file", { check: "sql", name: "x", expression: "(SELECT count(*) FROM read_text('/etc/hostname')) > 0" }],
    [
      "the network",
      { check: "sql", name: "x", expression: "(SELECT count(*) FROM read_text('https://example.com')) > 0" },
    ],
    ["no regular expression", { check: "regex", column: "station", pattern: "(" }],
  ] as const) {
    it(`are the manifest's fault where they ask for ${what}`, async () => {
      for (const rule of ["fail", "quarantine", "warn"])
        assert.match(await rejection([{ ...expectation, rule }]), /^TransformInvalid: the expectations: /);
    });
  }

  it("tell their results by name", async () => {
    const manifest = expecting(
      { check: "rows", min: 1, rule: "fail" },
      ...bad("quarantine").slice(0, 1),
      bad("warn")[4]!,
    );
    const made = await bothStages(BODY, manifest, ARRIVED);
    assert.deepEqual(expectationResults(manifest, { stayed: made.rows, quarantined: made.quarantined }, made.broken), [
      { name: "rows", check: "rows", rule: "fail", checked: 1, broken: 0 },
      { name: "not_null(id)", check: "not_null", column: "id", rule: "quarantine", checked: 6, broken: 1 },
      { name: "sql(day)", check: "sql", rule: "warn", checked: 5, broken: 0 },
    ]);
    assert.deepEqual(expectationResults(manifest, { stayed: 1, quarantined: 0 }, [0]), []);
  });

  it("carry their counts in the rejection", async () => {
    const manifest = expecting(...bad("quarantine").slice(2, 3), bad("fail")[0]!);
    await assert.rejects(bothStages(BODY, manifest, ARRIVED), (error: ExpectationsFailed) => {
      assert.deepEqual(error.checked, { rows: 5, quarantined: 1, broken: [1, 1] });
      return true;
    });
  });
});

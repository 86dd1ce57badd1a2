import { strict as assert } from "node:assert";
import { describe as describeResult } from "../../../automation/commands/reconcile";
import type { Lake } from "../../../automation/lake/connect";
import { durationOf, momentOf } from "../../../automation/lake/moment";
import { keyOf } from "../../../automation/lake/objectKey";
import { reconcile } from "../../../automation/lake/reconcile";
import { redrive } from "../../../automation/lake/redrive";
import { nothing, type Findings } from "../../../layer/reconcile/types";
import { code, fakeLake } from "./fakes";

const signal = new AbortController().signal;
const quiet = () => undefined;
const DATASET = "engineering/meteorites";

/** Findings of one call. */
function part(change: Partial<Findings> = {}): Findings {
  return { ...nothing(), ...change };
}

/** The lake with the function that compares. */
function withReconcile(lake: Lake): Lake {
  return {
    ...lake,
    outputs: { ...lake.outputs, functions: { ...lake.outputs.functions, reconcile: "arn:reconcile" } },
  };
}

/** A lake whose functions answer these, one after the other; and what they were asked. */
function answering(...answers: object[]) {
  const asked: Record<string, unknown>[] = [];
  const { lake } = fakeLake((name, input) => {
    if (name === "GetQueueAttributesCommand") return { Attributes: { ApproximateNumberOfMessages: "100" } };
    asked.push(JSON.parse(String(input.Payload)) as Record<string, unknown>);
    return { Payload: Buffer.from(JSON.stringify(answers.shift() ?? {})) };
  });
  return { lake: withReconcile(lake), asked };
}

describe("redrive of some objects", () => {
  it("hands on what was asked for, and goes on with what came before its first call", async () => {
    const { lake, asked } = answering(
      { redriven: 3, dropped: 1, failed: 0, more: true, before: 77 },
      { redriven: 2, dropped: 0, failed: 1, more: false, before: 77 },
    );
    const options = { max: 50, stages: ["a"], object: "k", reason: "Broken", since: 5, rate: 10 } as const;
    const result = await redrive(lake, DATASET, options, quiet, signal);
    assert.deepEqual([result.redriven, result.dropped, result.failed], [{ arrivals: 0, a: 5, b: 0 }, 1, 1]);
    const common = { team: "engineering", dataset: "meteorites", object: "k", reason: "Broken", since: 5, rate: 10 };
    assert.deepEqual(asked, [
      { ...common, max: 50 },
      { ...common, max: 47, before: 77 },
    ]);
  });

  it("begins no further call after Ctrl-C", async () => {
    const { lake, asked } = answering({ redriven: 1, more: true, before: 1 });
    const controller = new AbortController();
    await redrive(lake, DATASET, { max: 50 }, () => controller.abort(), controller.signal);
    assert.equal(asked.length, 1);
  });
});

describe("reconcile", () => {
  it("adds up its function's calls, and lists no more than asked for", async () => {
    const difference = { kind: "unseen" as const, key: "k", detail: "d" };
    const next = { phase: "files", named: 3, there: 0 };
    const differences = { ...nothing().differences, unseen: 2 };
    const { lake, asked } = answering(
      { ...part({ differences, found: [difference, difference] }), next },
      part({ differences, found: [difference], mended: { sent: 1, deleted: 0 } }),
    );
    const result = await reconcile(lake, DATASET, { limit: 3, mend: true, minAge: 9, rows: false }, quiet, signal);
    assert.deepEqual([result.ok, result.left, result.complete, result.found.length], [false, 3, true, 3]);
    assert.deepEqual(
      asked.map(({ cursor, limit, mend, minAge, rowsSince }) => ({ cursor, limit, mend, minAge, rowsSince })),
      [
        { cursor: undefined, limit: 3, mend: true, minAge: 9, rowsSince: null },
        { cursor: next, limit: 1, mend: true, minAge: 9, rowsSince: null },
      ],
    );
  });

  it("says what it did not compare when it is interrupted", async () => {
    const { lake } = answering({ ...part(), next: { phase: "objects", named: 0, there: 0 } });
    const controller = new AbortController();
    const result = await reconcile(lake, DATASET, {}, () => controller.abort(), controller.signal);
    assert.deepEqual([result.ok, result.complete], [false, false]);
    assert.match(describeResult(result, "local"), /interrupted before the end/);
  });

  it("tells what its function failed with", async () => {
    const { lake } = fakeLake(() => ({
      FunctionError: "Unhandled",
      Payload: Buffer.from('{"errorType":"DatasetMissing","errorMessage":"no such"}'),
    }));
    lake.outputs.functions.reconcile = "arn:reconcile";
    await assert.rejects(
      reconcile(lake, DATASET, {}, quiet, signal),
      code("ReconcileFailed", /DatasetMissing: no such/),
    );
    delete lake.outputs.functions.reconcile;
    await assert.rejects(reconcile(lake, DATASET, {}, quiet, signal), code("ReconcileFailed", /do not name it/));
  });

  it("is read by people", () => {
    const found = [{ kind: "orphan" as const, file: "post/x.parquet", detail: "belongs to nothing", mended: true }];
    const differences = { ...nothing().differences, orphan: 1 };
    const findings = part({
      differences,
      found,
      mended: { sent: 0, deleted: 1 },
      notes: { ...nothing().notes, failed: 2 },
    });
    const text = describeResult({ ok: true, left: 0, complete: true, dataset: DATASET, ...findings }, "prod");
    assert.match(text, /no differences left\n {2}1 files that belong to no current version\n {2}2 failed for good/);
    assert.match(text, /mended: 0 sent again, 1 files deleted/);
    assert.match(text, /post\/x\.parquet .* belongs to nothing \(mended\)/);
  });
});

describe("what a person writes", () => {
  it("as a moment", () => {
    const now = Date.parse("2026-11-21T12:00:00Z");
    assert.equal(momentOf("2 hours", "--since", now), now - 7_200_000);
    assert.equal(momentOf("2026-11-21", "--since"), Date.parse("2026-11-21T00:00:00Z"));
    assert.equal(momentOf("2026-11-21T08:30", "--since"), Date.parse("2026-11-21T08:30:00Z"));
    assert.equal(momentOf("2026-11-21T08:30:00+02:00", "--since"), Date.parse("2026-11-21T06:30:00Z"));
    for (const wrong of ["", "yesterday", "2026-13-01", "1.5 hours", "-1 hours", "2026-11-21T99:00:00Z"])
      assert.throws(() => momentOf(wrong, "--since"), code("InvalidMoment", /--since/), wrong);
    assert.equal(durationOf("90 seconds", "--min-age"), 90);
    assert.throws(() => durationOf("soon", "--min-age"), code("InvalidDuration", /--min-age/));
  });

  it("as an object", () => {
    assert.equal(keyOf("s3://raw/a/b/c d.json", "raw", "a/b"), "a/b/c d.json");
    assert.equal(keyOf("a/b/c.json", "raw", "a/b"), "a/b/c.json");
    assert.equal(keyOf("c.json", "raw", "a/b"), "a/b/c.json");
    for (const wrong of ["s3://other/a/b/c", "s3://raw/", "s3://raw"])
      assert.throws(() => keyOf(wrong, "raw", "a/b"), code("InvalidObject", /--object/), wrong);
  });
});

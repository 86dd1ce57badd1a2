import assert from "node:assert/strict";
import { describe as tell } from "../../../automation/commands/dora";
import { doraFigures, median } from "../../../automation/dora/figures";
import { metricData } from "../../../automation/dora/metrics";
import type { Deployment } from "../../../automation/records";

const at = (minute: number) => new Date(Date.UTC(2026, 10, 21, 10, minute)).toISOString();

let count = 0;
function record(minute: number, more: Partial<Deployment> & { commit?: string } = {}): Deployment {
  const { commit = "a", ...given } = more;
  count++;
  return {
    ...{
      format: 1,
      event: "begin",
      id: `r${count}`,
      run: `run${count}`,
      kind: "deploy",
      project: "tributary",
      who: "a",
      host: "b",
    },
    ...{
      target: { env: "dev", region: "eu-west-1", stack: "dev", wave: 0 },
      startedAt: at(minute - 1),
      endedAt: at(minute),
    },
    ...{ revision: { commit, dirty: false, program: "p" }, settings: {}, secretSettings: [], result: "succeeded" },
    ...given,
  } as Deployment;
}

const committed = () => Date.parse(at(0));
const all = (...records: Deployment[]) => doraFigures(records, committed, 0);

describe("figures of delivery", () => {
  it("of nothing are nothing, not zero", () => {
    const figures = all();
    assert.deepEqual(figures, {
      deployments: 0,
      leadTime: undefined,
      changeFailureRate: undefined,
      timeToRestore: undefined,
    });
    assert.deepEqual(
      metricData(figures, { project: "p", environment: "e" }, new Date()).map(({ MetricName }) => MetricName),
      ["Deployments"],
    );
  });

  it("stacks of one run are one deployment, done when the last one is, failed when one has", () => {
    const two = [record(10, { run: "x" }), record(14, { run: "x" })];
    assert.deepEqual([all(...two).deployments, all(...two).leadTime], [1, 14 * 60]);
    const failed = [record(10, { run: "y" }), record(14, { run: "y", result: "failed" })];
    assert.deepEqual([all(...failed).deployments, all(...failed).changeFailureRate], [0, 1]);
  });

  it("a failure counts until the next success, and a rollback makes the change before it a failure", () => {
    const figures = all(
      record(5),
      record(10, { result: "failed" }),
      record(12, { result: "failed" }),
      record(30),
      record(40),
      record(45, { kind: "rollback" }),
    );
    assert.equal(figures.timeToRestore, 20 * 60);
    // Of five changes two failed, and the last was taken back.
    assert.equal(figures.changeFailureRate, 3 / 5);
    assert.equal(figures.deployments, 3);
  });

  it("what was never committed, or committed later than deployed, has no lead time", () => {
    const dirty = record(10, { revision: { commit: "a", dirty: true, program: "p" } });
    assert.equal(all(dirty).leadTime, undefined);
    assert.equal(doraFigures([record(10)], () => Date.parse(at(50)), 0).leadTime, undefined);
    assert.equal(doraFigures([record(10)], () => undefined, 0).leadTime, undefined);
  });

  it("only what ended in the span counts; what runs does not", () => {
    const running = record(50, { result: "running", endedAt: undefined });
    assert.equal(doraFigures([record(10), record(20), running], committed, Date.parse(at(15))).deployments, 1);
  });

  it("a destroyed environment is not broken", () => {
    assert.equal(
      all(record(10, { result: "failed" }), record(20, { kind: "destroy" }), record(40)).timeToRestore,
      undefined,
    );
  });

  it("medians, metrics and the table", () => {
    assert.deepEqual([median([]), median([3, 1, 2]), median([4, 1, 2, 3])], [undefined, 2, 2.5]);
    const figures = { deployments: 2, leadTime: 60, changeFailureRate: 0.25, timeToRestore: 30 };
    const data = metricData(figures, { project: "p", environment: "e" }, new Date(0));
    assert.deepEqual(
      data.map(({ MetricName, Value, Unit }) => [MetricName, Value, Unit]),
      [
        ["LeadTime", 60, "Seconds"],
        ["Deployments", 2, "Count"],
        ["ChangeFailureRate", 25, "Percent"],
        ["TimeToRestore", 30, "Seconds"],
      ],
    );
    assert.match(tell([{ env: "dev", figures }], 30), /dev.*25 %/);
  });
});

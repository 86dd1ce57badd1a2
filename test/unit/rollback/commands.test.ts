import { strict as assert } from "node:assert";
import { describe as describeHistory } from "../../../automation/commands/history";
import { describePlan } from "../../../automation/commands/rollback";
import type { Deployment } from "../../../automation/records";
import type { PlannedRollback } from "../../../automation/rollback";

const record = (id: string, more: Partial<Deployment> = {}): Deployment => ({
  format: 1,
  event: "begin",
  id,
  run: "r",
  kind: "deploy",
  project: "p",
  target: { env: "dev", region: "eu-west-1", stack: "dev", wave: 0 },
  who: "somebody",
  host: "build-7",
  startedAt: "2026-03-01T10:00:00Z",
  revision: { commit: "c".repeat(40), dirty: true, program: "sha256:0123456789abcdef" },
  settings: {},
  secretSettings: [],
  result: "succeeded",
  seconds: 75,
  changes: { create: 1, update: 2, delete: 3, same: 4 },
  ...more,
});

describe("history and rollback, for people", () => {
  it("a record is a line, a failure has its reason, and what is no record is named", () => {
    const failed = record("two", { result: "failed", error: { code: "DeploymentFailed", message: "no\nbucket" } });
    const text = describeHistory("dev", [failed, record("one")], [{ key: "records/p/dev/x", reason: "it is empty" }]);
    assert.match(
      text,
      /one.*dev.*deploy.*succeeded.*\+1 ~2 -3.*1 min 15 s.*cccccccccccc with changes.*somebody@build-7/,
    );
    assert.match(text, /two: DeploymentFailed: no.bucket\n/);
    assert.match(text, /not a record: records\/p\/dev\/x: it is empty/);
    assert.equal(describeHistory("dev", [], []), "nothing was ever deployed to dev\n");
  });

  it("names in a record cannot write over the screen", () => {
    const text = describeHistory("dev", [record("one", { who: "a\u001b[2Jb\nc" })], []);
    assert.ok(!text.includes("\u001b["), JSON.stringify(text));
  });

  it("what is the same in several stacks is shown once, and images by their short digests", () => {
    const image = (digit: string) => `123.dkr.ecr.eu-west-1.amazonaws.com/r@sha256:${digit.repeat(64)}`;
    const planned = (stack: string): PlannedRollback => ({
      stack,
      present: record("two"),
      to: record("one"),
      differences: [{ kind: "image", name: "f", now: image("2"), then: image("1") }],
    });
    const stays: PlannedRollback = {
      stack: "c",
      present: undefined,
      why: "nothing was ever deployed",
      differences: [],
    };
    const text = describePlan({ env: "dev", stacks: [planned("a"), planned("b"), stays], unreadable: [] });
    assert.equal(text.match(/image f/g)?.length, 1);
    assert.match(text, /image f.*222222222222.*111111111111.*a, b/);
    assert.match(text, /c .*stays.*nothing was ever deployed/);
    const same = describePlan({ env: "dev", stacks: [{ ...planned("a"), differences: [] }], unreadable: [] });
    assert.match(same, /are the same as now/);
  });
});

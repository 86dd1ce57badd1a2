import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import fc from "fast-check";
import { openStore } from "../../../automation/backend";
import type { TributaryError } from "../../../automation/errors";
import {
  findRequests,
  mayApprove,
  readApprovals,
  recordApproval,
  requestApproval,
  valid,
  type Approval,
  type ApprovalPlace,
} from "../../../automation/gates/approvals";
import { askGates } from "../../../automation/gates/evaluate";
import { healthIssues } from "../../../automation/gates/health";
import { whoAmI } from "../../../automation/gates/identity";
import type { GateResult } from "../../../automation/gates/types";
import type { EnvironmentPlan, PlannedBroadening, StackPlan, Violation } from "../../../automation/plan/types";
import { hasGates, readGateSettings, type GateSettings } from "../../../automation/settings/gates";
import { planOf, queue, stackPlan, table } from "../plan/support";

const now = new Date("2026-11-23T12:00:00Z");
const later = (hours: number) => new Date(now.getTime() + hours * 3_600_000);

const settings = (values: Record<string, unknown> = {}, local = false): GateSettings =>
  readGateSettings(values, "Pulumi.dev.yaml", local);

const harmless = stackPlan([{ op: "update", type: queue, name: "q", old: { x: 1 }, new: { x: 2 } }]);
const loss = stackPlan([{ op: "delete", type: table, name: "t", old: {} }]);
const broadening: PlannedBroadening = {
  kind: "allow",
  severity: "high",
  principal: "role/r",
  actions: ["s3:PutObject"],
  resources: ["*"],
  conditions: [],
  via: "r policy, Statement[0]",
  fresh: false,
};
const violation: Violation = { policy: "p", pack: "a@1", level: "mandatory", message: "m" };
const broader: StackPlan = { ...harmless, broadenings: [broadening] };

const states = (gates: GateResult[]) => Object.fromEntries(gates.map(({ gate, state }) => [gate, state]));

const approvalOf = (plan: EnvironmentPlan, change: Partial<Approval> = {}): Approval => ({
  version: 1,
  id: "0".repeat(16),
  project: "tributary",
  env: "dev",
  digest: plan.digest,
  gates: ["broadening"],
  approver: { name: "arn:aws:iam::111111111111:user/jane", source: "aws" },
  host: "h",
  reason: "",
  approvedAt: now.toISOString(),
  expiresAt: later(24).toISOString(),
  ...change,
});

describe("the gates", () => {
  it("are there by default for what broadens, loses data or breaks a policy, and not on the local AWS", () => {
    const plan = planOf({ ...broader, resources: [...broader.resources, ...loss.resources], violations: [violation] });
    const ask = (given: GateSettings) => states(askGates({ plan, settings: given, approvals: [], now }));
    assert.deepEqual(ask(settings()), { policy: "closed", stateful: "closed", broadening: "closed" });
    assert.deepEqual(ask(settings({}, true)), {});
    assert.equal(hasGates(settings({}, true)), false);
    assert.equal(hasGates(settings({ "tributary:calendar": {} }, true)), true);
  });

  it("let a harmless change pass, and nobody is asked", () => {
    const gates = askGates({ plan: planOf(harmless), settings: settings(), approvals: [], now });
    assert.deepEqual(states(gates), { policy: "open", stateful: "open", broadening: "open" });
  });

  it("ask for every change where the environment says so, and never for none", () => {
    const always = settings({ "tributary:approval": "always" });
    const ask = (plan: EnvironmentPlan) => states(askGates({ plan, settings: always, approvals: [], now })).approval;
    assert.equal(ask(planOf(harmless)), "closed");
    assert.equal(ask(planOf(stackPlan([]))), "open");
  });

  it("say who opens them and how", () => {
    const plan = planOf(broader);
    const named = settings({ "tributary:approvers": ["git:jane@example.org", "arn:aws:iam::1:role/*"] });
    const gate = askGates({ plan, settings: named, approvals: [], now }).find(({ state }) => state === "closed")!;
    assert.equal(
      gate.opens,
      `git:jane@example.org or arn:aws:iam::1:role/* opens it with: tributary approve dev ${plan.digest.slice(0, 12)}`,
    );
    assert.deepEqual(gate.why, ["high: role/r may s3:PutObject on *, by r policy, Statement[0] [dev]"]);
  });

  it("stop for a mandatory violation whatever is approved, unless the environment lets it be approved", () => {
    const plan = planOf({ ...harmless, violations: [violation] });
    const approvals = [approvalOf(plan, { gates: ["policy"] })];
    const ask = (policy: string) =>
      askGates({ plan, settings: settings({ "tributary:gates": { policy } }), approvals, now }).find(
        ({ gate }) => gate === "policy",
      )?.state;
    assert.deepEqual([ask("stop"), ask("approve"), ask("off")], ["closed", "approved", undefined]);
  });

  it("close at the declared increase of fixed costs", () => {
    const ask = (monthlyCost: number) =>
      askGates({
        plan: planOf({ ...harmless, monthlyCost }),
        settings: settings({ "tributary:gates": { cost: { increase: 50 } } }),
        approvals: [],
        now,
      }).find(({ gate }) => gate === "cost")!;
    assert.deepEqual([ask(49.99).state, ask(50).state, ask(-80).state], ["open", "closed", "open"]);
    assert.match(ask(50).why[0]!, /50\.00 USD a month/);
  });

  it("close while AWS Health has an open issue, or cannot be asked", async () => {
    const on = settings({ "tributary:gates": { health: "approve" } });
    const ask = (health: string[]) =>
      states(askGates({ plan: planOf(harmless), settings: on, approvals: [], health, now })).health;
    const event = {
      service: "LAMBDA",
      region: "eu-west-1",
      eventTypeCode: "AWS_LAMBDA_OPERATIONAL_ISSUE",
      startTime: now,
    };
    const asked: string[][] = [];
    const found = await healthIssues(["eu-west-1", "eu-west-1"], async (regions) => (asked.push(regions), [event]));
    assert.deepEqual(asked, [["eu-west-1", "global"]]);
    assert.match(found[0]!, /LAMBDA in eu-west-1: AWS_LAMBDA_OPERATIONAL_ISSUE since 2026-11-23T12:00/);
    assert.equal(ask(found), "closed");
    assert.equal(ask(await healthIssues([], async () => [])), "open");
    const refused = await healthIssues([], () =>
      Promise.reject(Object.assign(new Error("no"), { name: "SubscriptionRequiredException" })),
    );
    assert.match(refused[0]!, /support plan/);
    assert.equal(ask(refused), "closed");
  });

  it("keep to the calendar", () => {
    const calendar = { windows: [{ days: ["tue"], from: "09:00", to: "10:00" }] };
    const gate = askGates({
      plan: planOf(harmless),
      settings: settings({ "tributary:calendar": calendar }),
      approvals: [],
      now,
    }).at(-1)!;
    assert.equal(gate.state, "closed");
    assert.match(gate.opens, /^it opens by itself at 2026-11-24T09:00:00\.000Z; or .*tributary approve/);
  });
});

describe("an approval", () => {
  const plan = planOf(broader);
  const ask = (approvals: Approval[], values: Record<string, unknown> = {}, time = now) =>
    askGates({ plan, settings: settings(values), approvals, now: time }).find(({ gate }) => gate === "broadening")!;

  it("opens the gate that it names, until it expires", () => {
    assert.equal(ask([approvalOf(plan)]).state, "approved");
    assert.equal(ask([approvalOf(plan)], {}, later(23.99)).state, "approved");
    const expired = ask([approvalOf(plan)], {}, later(24));
    assert.equal(expired.state, "closed");
    assert.match(expired.why.at(-1)!, /expired at 2026-11-24T12:00/);
    assert.equal(ask([approvalOf(plan, { gates: ["stateful"] })]).state, "closed");
  });

  it("counts only from somebody who may approve now", () => {
    const allowed = { "tributary:approvers": ["arn:aws:iam::111111111111:user/*"] };
    assert.equal(ask([approvalOf(plan)], allowed).state, "approved");
    const other = { "tributary:approvers": ["arn:aws:iam::111111111111:role/*"] };
    assert.match(ask([approvalOf(plan)], other).why.at(-1)!, /user\/jane is not among tributary:approvers/);
  });

  it("of a later time was made by hand and does not count", () => {
    const made = approvalOf(plan, { approvedAt: later(5).toISOString(), expiresAt: later(500).toISOString() });
    assert.equal(valid([made], "broadening", settings(), now).counts.length, 0);
  });

  it("by pattern means what the pattern says", () => {
    const cases: [string, string, boolean][] = [
      ["git:jane@example.org", "git:jane@example.org", true],
      ["git:jane@example.org", "git:jane@example.org.evil", false],
      ["git:*@example.org", "git:jane@example.org", true],
      ["git:*@example.org", "git:jane@example.orgx", false],
      ["arn:aws:iam::1:role/a.c", "arn:aws:iam::1:role/abc", false],
      ["arn:aws:*:role/*-release", "arn:aws:iam::1:role/team-release", true],
      ["git:ab*ba", "git:aba", false],
      ["git:*", "user:jane", false],
    ];
    for (const [pattern, name, expected] of cases)
      assert.equal(mayApprove(name, { approvers: [pattern] }), expected, `${pattern} ${name}`);
  });

  it("by pattern agrees with a regular expression", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "*", ".", "/"), maxLength: 8 });
    fc.assert(
      fc.property(text, text, (pattern, name) => {
        const expected = new RegExp(
          `^${pattern
            .split("*")
            .map((part) => part.replace(/[./]/g, "\\$&"))
            .join(".*")}$`,
        ).test(name);
        assert.equal(mayApprove(name, { approvers: [pattern] }), expected);
      }),
    );
  });

  describe("beside the state", () => {
    let root = "";
    let place: ApprovalPlace;
    beforeEach(() => {
      root = mkdtempSync(path.join(os.tmpdir(), "tributary-gates-"));
      place = { store: openStore(root, { backend: `file://${root}/state` }), project: "tributary", env: "dev" };
    });
    afterEach(() => rmSync(root, { recursive: true, force: true }));

    it("is kept, found by the plan, and never found for another plan", async () => {
      const given = {
        gates: ["broadening" as const],
        approver: { name: "git:j@x.org", source: "git" as const },
        host: "h",
        reason: "r",
      };
      const made = await recordApproval(place, plan, given, 3600, now);
      assert.equal(made.expiresAt, later(1).toISOString());
      assert.deepEqual((await readApprovals(place, plan.digest)).approvals, [made]);
      assert.deepEqual(await readApprovals(place, planOf(harmless, loss).digest), { approvals: [], problems: [] });
      assert.deepEqual((await readApprovals({ ...place, env: "prod" }, plan.digest)).approvals, []);
    });

    it("that is torn, foreign or copied from another plan opens nothing and is named", async () => {
      const folder = `approvals/tributary/dev/${plan.digest}/`;
      const foreign = approvalOf(planOf(loss));
      await place.store.put(`${folder}a.json`, '{"version":1,');
      await place.store.put(`${folder}b.json`, JSON.stringify(foreign));
      await place.store.put(`${folder}c.json`, JSON.stringify({ ...approvalOf(plan), env: "prod" }));
      const { approvals, problems } = await readApprovals(place, plan.digest);
      assert.deepEqual([approvals.length, problems.length], [0, 3]);
      assert.match(problems[0]!, /a\.json is no approval of this plan/);
    });

    it("is asked for once for a plan, and found by the beginning of its id", async () => {
      const requestedBy = { name: "user:x", source: "user" as const };
      const request = { version: 1 as const, requestedAt: now.toISOString(), requestedBy, gates: [], plan };
      await requestApproval(place, request);
      await requestApproval(place, { ...request, requestedAt: later(1).toISOString() });
      await place.store.put(`requests/tributary/dev/${"f".repeat(64)}.json`, "torn");
      const found = await findRequests(place, plan.digest.slice(0, 12));
      assert.deepEqual(
        found.map(({ requestedAt }) => requestedAt),
        [now.toISOString()],
      );
      assert.deepEqual(await findRequests(place, "ffffffff"), []);
    });
  });

  it("is by AWS's name where there is one, else by git's, else by the machine's", async () => {
    const who = (arn?: string, email?: string) =>
      whoAmI({ arn: async () => arn, email: async () => email, user: () => "jane" });
    assert.deepEqual(await who("arn:aws:iam::1:user/j", "j@x.org"), { name: "arn:aws:iam::1:user/j", source: "aws" });
    assert.deepEqual(await who(undefined, "j@x.org"), { name: "git:j@x.org", source: "git" });
    assert.deepEqual(await who(), { name: "user:jane", source: "user" });
  });
});

describe("settings of the gates", () => {
  it("are refused with every problem, its key and what is allowed", () => {
    const values = {
      "tributary:approval": "sometimes",
      "tributary:approvers": [],
      "tributary:approvalExpiry": "1 second",
      "tributary:gates": { stateful: "no", colour: "red", cost: { increase: -1 }, policyPack: "../elsewhere" },
      "tributary:calendar": {
        timeZone: "Mars/Base",
        windows: [{ days: ["monday"], from: "9", to: "10" }],
        freezes: [{ from: "2026-02-31", to: "2026-03-01" }],
      },
    };
    assert.throws(
      () => settings(values),
      (error: TributaryError) => {
        assert.deepEqual([error.code, error.exitCode], ["InvalidSettings", 2]);
        const keys = [...error.message.matchAll(/tributary:([\w.]+) in Pulumi\.dev\.yaml/g)].map(([, key]) => key);
        const expected = [
          "approval",
          "approvers",
          "approvalExpiry",
          "gates.stateful",
          "gates.colour",
          "gates.cost.increase",
          "gates.policyPack",
          "calendar.timeZone",
          "calendar.windows",
          "calendar.freezes",
        ];
        assert.deepEqual(keys.sort(), expected.sort());
        return true;
      },
    );
  });

  it("may be given as text, as Pulumi writes objects of the command line", () => {
    const read = settings({ "tributary:gates": '{"stateful":"off"}', "tributary:approvers": '["git:j@x.org"]' });
    assert.deepEqual([read.stateful, read.approvers], ["off", ["git:j@x.org"]]);
  });
});

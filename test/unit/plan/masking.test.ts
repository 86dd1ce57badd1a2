import assert from "node:assert/strict";
import type { EngineEvent } from "@pulumi/pulumi/automation";
import { maskPlannedValues } from "../../../automation/stacks/masking";
import { EngineListener } from "../../../automation/stacks/progress";

const said =
  "resource urn:pulumi:dev::p::aws:ssm/parameter:Parameter::s violates plan: properties changed: ~value[{hunter-2\nsecond line}]";

describe("a deployment that does not keep to its plan", () => {
  it("is told with the resource and without the values, however many lines they have", () => {
    const masked = maskPlannedValues(`before\nerror: ${said}\nafter`);
    assert.match(masked, /^before\nerror: resource urn:\S+ violates plan: properties changed: \(values are not shown/);
    assert.ok(!/hunter|second|after/.test(masked));
    assert.equal(
      maskPlannedValues("violates plan: resource is not in the plan"),
      "violates plan: resource is not in the plan",
    );
  });

  it("keeps the values out of failures", () => {
    const listener = new EngineListener(() => undefined);
    const urn = "urn:pulumi:dev::p::aws:ssm/parameter:Parameter::s";
    const diagnosticEvent = { urn, message: `error: ${said}`, color: "never", severity: "error" };
    listener.onEvent({ sequence: 1, timestamp: 1, diagnosticEvent } as EngineEvent);
    assert.equal(listener.failures.length, 1);
    assert.ok(!JSON.stringify(listener.failures).includes("hunter"));
  });
});

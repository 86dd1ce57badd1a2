import { strict as assert } from "node:assert";
import { extractGrants, type PolicyStatement, widePermissions } from "../../../automation/permissions";
import { escalations } from "../../../automation/permissions/escalations";
import { allow, deny } from "./pairs/pair";
import { policy, role, rolePolicy } from "./support/states";

async function found(...statements: PolicyStatement[]): Promise<string[]> {
  const wide = await widePermissions(extractGrants([role("r"), rolePolicy("r", policy(statements))]));
  return wide.map(
    ({ kind, actions, text }) => `${kind}: ${actions.join(", ")}${kind === "escalation" ? ` ${text}` : ""}`,
  );
}

describe("permissions that are wider than needed", () => {
  it("wildcards in actions, and what could be limited to resources", async () => {
    assert.deepEqual(await found(allow("s3:GetObject", "arn:aws:s3:::data/*")), []);
    assert.deepEqual(await found(allow("s3:Get*", "arn:aws:s3:::data/*")), ["any-action: s3:Get*"]);
    assert.deepEqual(await found(allow(["s3:GetObject", "sts:GetCallerIdentity", "xray:PutTraceSegments"])), [
      "any-resource: s3:GetObject",
    ]);
    assert.deepEqual(await found({ Effect: "Allow", NotAction: "iam:*", Resource: "arn:aws:s3:::x" }), [
      "any-action: everything except iam:*",
      ...ways("iam:"),
    ]);
  });

  it("every published way up is found where all its actions are allowed, and not where one is missing or denied", async () => {
    for (const { name, actions } of escalations) {
      const statements = actions.map((action) => allow(action, `arn:aws:${action.split(":")[0]}:*:*:one/*`));
      const told = await found(...statements);
      assert.ok(told.includes(`escalation: ${actions.join(", ")} ${name}`), `${name}: ${told.join("; ")}`);
      const missing = await found(...statements.slice(1));
      assert.ok(!missing.some((each) => each.endsWith(name)), name);
      const denied = await found(...statements, deny(actions[0] as string));
      assert.ok(!denied.some((each) => each.endsWith(name)), name);
    }
  });

  it("an administrator has all of them", async () => {
    const told = await found(allow("*"));
    assert.equal(told.filter((each) => each.startsWith("escalation")).length, escalations.length);
  });
});

/** Ways up that need nothing of a service. */
function ways(service: string): string[] {
  return escalations
    .filter(({ actions }) => actions.every((action) => !action.startsWith(service)))
    .map(({ actions, name }) => `escalation: ${actions.join(", ")} ${name}`);
}

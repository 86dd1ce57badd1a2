import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import type { EngineEvent } from "@pulumi/pulumi/automation";
import { broadeningsOfPreview, statesOf } from "../../../automation/permissions";

/**
 * The engine's own events of a preview: engine 3.256.0, provider 7.21.0. The recorded stack has roles `reader` and `mover`, a
 * managed policy, a key. The program gives one policy one more action, the managed policy another one, and the key a stranger; it
 * adds a policy that waits for a new queue's ARN, and one that is a secret; it renames `mover` and drops one of its policies.
 */
const events = JSON.parse(readFileSync(path.join(__dirname, "fixtures/preview.json"), "utf8")) as EngineEvent[];

describe("permission broadening of a real preview", () => {
  it("finds exactly what the change would allow", async () => {
    const found = await broadeningsOfPreview(events);
    const told = found.map(({ kind, severity, principal, actions, resources }) => ({
      kind,
      severity,
      principal,
      actions,
      resources,
    }));
    const waits = { kind: "unknown", severity: "high", principal: "role/lab-reader", actions: ["*"], resources: ["*"] };
    assert.deepEqual(told, [
      {
        kind: "allow",
        severity: "high",
        principal: "arn:aws:iam::444455556666:role/vendor",
        actions: ["kms:Decrypt"],
        resources: ["*"],
      },
      waits,
      waits,
      {
        kind: "allow",
        severity: "medium",
        principal: "role/lab-reader",
        actions: ["s3:PutObject"],
        resources: ["arn:aws:s3:::lab-data/*"],
      },
      {
        kind: "allow",
        severity: "medium",
        principal: "role/lab-reader",
        actions: ["s3:DeleteObject"],
        resources: ["arn:aws:s3:::lab-data/*"],
      },
    ]);
    const undecided = found
      .filter(({ undecided }) => undecided !== undefined)
      .map(({ via, undecided }) => [name(via.urn), undecided]);
    assert.deepEqual(undecided, [
      ["secret-policy", "the policy is a secret, which a preview does not show"],
      ["q-policy", "the policy is computed from what only the deployment will know"],
    ]);
  });

  it("names the policy and the statement that allow it", async () => {
    const found = await broadeningsOfPreview(events);
    assert.deepEqual(
      found.map(({ via }) => [name(via.urn), via.property, via.statement]),
      [
        ["key", "policy", "Statement[1]"],
        ["secret-policy", "policy", "all"],
        ["q-policy", "policy", "all"],
        ["static-policy", "policy", "Statement[0]"],
        ["m", "policy", "Statement[0]"],
      ],
    );
  });

  it("shows no secret, though the preview's events hold none either", async () => {
    assert.doesNotMatch(JSON.stringify(await broadeningsOfPreview(events)), /ciphertext/);
  });

  it("takes a replaced resource for one, and a deleted one for gone", () => {
    const { before, after } = statesOf(events);
    const names = (states: typeof before) => states.map(({ urn }) => name(urn)).sort();
    assert.deepEqual(names(before), [
      "gone-policy",
      "key",
      "m",
      "m-reader",
      "mover",
      "mover-policy",
      "reader",
      "static-policy",
    ]);
    assert.deepEqual(names(after), [
      "key",
      "m",
      "m-reader",
      "mover",
      "mover-policy",
      "q",
      "q-policy",
      "reader",
      "secret-policy",
      "static-policy",
    ]);
    const mover = after.find(({ urn }) => name(urn) === "mover");
    assert.equal(mover?.inputs.name, "lab-mover-2");
    assert.equal(mover?.outputs?.arn, undefined, "the ARN of the old role is not the new one's");
    assert.equal(after.find(({ urn }) => name(urn) === "m")?.outputs?.arn, "arn:aws:iam::111122223333:policy/lab-m");
  });

  it("finds nothing without a change, secrets included", async () => {
    const unchanged = events.flatMap((event): EngineEvent[] => {
      const metadata = event.resourcePreEvent?.metadata;
      if (!metadata?.new || metadata.op === "delete-replaced") return [];
      return [{ ...event, resourcePreEvent: { metadata: { ...metadata, op: "same", old: metadata.new } } }];
    });
    assert.equal(statesOf(unchanged).after.length, 10);
    const found = await broadeningsOfPreview(unchanged);
    assert.deepEqual(found, []);
  });
});

function name(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}

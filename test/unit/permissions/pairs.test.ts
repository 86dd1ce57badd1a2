import { strict as assert } from "node:assert";
import { broadenings, describeBroadenings, extractGrants } from "../../../automation/permissions";
import { actionPairs } from "./pairs/actions";
import { attachmentPairs } from "./pairs/attachments";
import { conditionPairs } from "./pairs/conditions";
import { denialPairs } from "./pairs/denials";
import { principalPairs } from "./pairs/principals";
import { resourcePairs } from "./pairs/resources";
import { valuePairs } from "./pairs/values";

const table = {
  "actions of identity policies": actionPairs,
  "resources of identity policies": resourcePairs,
  "conditions: how they are joined, texts, missing keys": conditionPairs,
  "conditions: numbers, dates, addresses, ARNs, many values": valuePairs,
  "principals, trust and key policies": principalPairs,
  "denials and boundaries": denialPairs,
  "managed policies, groups, permissions that are no documents": attachmentPairs,
};

describe("permission broadening: pairs of policies with the answer that AWS documents", () => {
  it("are at least 60, each with the page that says so", () => {
    const all = Object.values(table).flat();
    assert.ok(all.length >= 60, `${all.length} pairs`);
    assert.ok(all.every(({ page }) => page.startsWith("https://docs.aws.amazon.com/")));
    assert.equal(new Set(all.map(({ name }) => name)).size, all.length, "two pairs have the same name");
    const yes = all.filter(({ broadens }) => broadens).length;
    assert.ok(
      yes > all.length / 3 && yes < (2 * all.length) / 3,
      `${yes} of ${all.length} broaden: one answer fits nearly all`,
    );
  });

  for (const [area, pairs] of Object.entries(table)) {
    describe(area, () => {
      for (const { name, before, after, broadens, tells } of pairs) {
        it(`${name}: ${broadens ? "broadens" : "allows nothing new"}`, async () => {
          const found = await broadenings(extractGrants(before), extractGrants(after));
          const text = describeBroadenings(found);
          assert.equal(found.length > 0, broadens, broadens ? "nothing was found" : `a false stop:\n${text}`);
          if (tells) assert.match(text, tells);
        });
      }
    });
  }
});

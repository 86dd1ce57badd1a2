import { strict as assert } from "node:assert";
import { describeSelection } from "../../../automation/selection/describe";

describe("the reasons of a selection", () => {
  const target = (stack: string) => ({ env: "dev", region: "eu-west-1", stack, wave: 0 });

  it("are told for what was chosen, a line each, whatever they hold", () => {
    const why = [
      { kind: "program" as const, what: "index.ts", text: "file index.ts changed" },
      { kind: "settings" as const, what: "x", text: "setting x\n\u001b[2J changed" },
    ];
    const selection = [
      { target: target("dev"), chosen: true, why },
      { target: target("dev.us-east-1"), chosen: false, why: [] },
    ] as unknown as Parameters<typeof describeSelection>[0];
    const [first, second, ...others] = describeSelection(selection).split("\n");
    assert.equal(first, "dev: file index.ts changed");
    assert.match(second!, /^dev: setting x.* changed$/);
    assert.ok(!second!.includes("\u001b"));
    assert.deepEqual(others, [""]);
  });
});

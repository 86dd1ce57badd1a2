import fc from "fast-check";
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { checkDepth, DEEPEST } from "../../../layer/transform/formats/depth";
import { withWorkspace } from "../../../layer/transform/workspace";

/** How deep a text of JSON really is. */
function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe("layer: how deep JSON is nested", () => {
  const tooDeep = async (text: string, onePerLine: boolean, piece: number) =>
    withWorkspace(async (directory) => {
      const file = path.join(directory, "in");
      await writeFile(file, text);
      return checkDepth(file, onePerLine, piece).then(
        () => false,
        (error: { code: string }) => {
          assert.equal(error.code, "NestedTooDeep");
          return true;
        },
      );
    });
  const nested = (depth: number, inner = "1") => `${"[".repeat(depth)}${inner}${"]".repeat(depth)}`;

  it("is counted outside of texts, to the level", async () => {
    for (const piece of [1, 7, 1 << 20]) {
      assert.equal(await tooDeep(nested(DEEPEST), false, piece), false);
      assert.equal(await tooDeep(nested(DEEPEST + 1), false, piece), true);
      assert.equal(await tooDeep(JSON.stringify([`\\"${"[".repeat(5000)}`, "{".repeat(5000)]), false, piece), false);
    }
  });

  it("is found in any line, short ones before and behind it", async () => {
    const short = '{"a":[1]}\n'.repeat(300);
    for (const piece of [64, 4096, 1 << 20]) {
      assert.equal(await tooDeep(`${short}{"z":${nested(DEEPEST - 1)}}\n${short}`, true, piece), false);
      assert.equal(await tooDeep(`${short}{"z":${nested(DEEPEST)}}\n${short}`, true, piece), true);
    }
  });

  it("is no matter of how the file is read", async () => {
    const texts = fc.array(fc.jsonValue({ maxDepth: 5 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        texts,
        fc.integer({ min: 0, max: DEEPEST + 3 }),
        fc.integer({ min: 1, max: 3000 }),
        async (list, depth, piece) => {
          const lines = list.map((value) => `{"v":${nested(depth, JSON.stringify(value))}}`);
          const expected = Math.max(...list.map(depthOf)) + depth + 1 > DEEPEST;
          assert.equal(await tooDeep(lines.join("\n"), true, piece), expected);
          assert.equal(await tooDeep(`${lines[0]}`, false, piece), depthOf(list[0]) + depth + 1 > DEEPEST);
        },
      ),
      { numRuns: 40 },
    );
  });
});

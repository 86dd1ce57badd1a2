import assert from "node:assert/strict";
import { BuildSlots, defaultParallelism } from "../../../components/images/BuildSlots";
import { imageLifecycle } from "../../../components/images/lifecycle";
import { type Tagged, tagsOf } from "../../../components/images/tags";

const content = (digit: string) => `sha256:${digit.repeat(64)}`;
const revision = { commit: "c".repeat(40), buildId: "build-7" };
const routing: Tagged = { name: "routing", contentDigest: content("1"), reproducible: true };
const python: Tagged = { name: "python", contentDigest: content("2"), reproducible: false };

interface Rule {
  rulePriority: number;
  selection: { tagStatus: string; tagPatternList?: string[]; countNumber: number };
}

describe("the images' lifecycle", () => {
  const rulesOf = (names: string[], keep = 3): Rule[] => JSON.parse(imageLifecycle(names, keep)).rules;

  it("keeps what is deployed, then the last of each", () => {
    const rules = rulesOf(["a", "a-b"]);
    assert.deepEqual(
      rules.map((rule) => [rule.rulePriority, rule.selection.tagPatternList, rule.selection.countNumber]),
      [
        [1, ["deployed.*"], 10_000],
        [2, ["a.*"], 3],
        [3, ["a-b.*"], 3],
        [4, undefined, 7],
      ],
    );
    assert.deepEqual(rules[3]?.selection.tagStatus, "untagged");
  });

  it("counts by a tag that no other image has", () => {
    const tags = tagsOf(routing, revision);
    for (const tag of tags) assert.ok(tag.startsWith("routing.") && !tag.startsWith("deployed."), tag);
  });

  it("stays within ECR's 50 rules, however many functions there are", () => {
    for (const count of [1, 48, 49, 200]) {
      const names = Array.from({ length: count }, (_, index) => `f${index}`);
      const rules = rulesOf(names, 100);
      assert.ok(rules.length <= 50, `${count}: ${rules.length}`);
      for (const { selection } of rules) assert.ok(selection.countNumber <= 10_000);
    }
  });
});

describe("the images' tags", () => {
  it("are none of a commit where the tree was not committed", () => {
    assert.deepEqual(tagsOf(routing, { buildId: "7" }), ["routing.1111111111111111", "routing.7"]);
  });

  it("are unlike those of the same commit with another content", () => {
    const other = { ...routing, contentDigest: content("3") };
    const shared = tagsOf(other, { ...revision, buildId: "8" }).filter((tag) =>
      tagsOf(routing, revision).includes(tag),
    );
    assert.deepEqual(shared, []);
  });

  it("of what runs commands are unlike those of any other run: the same content may give another image", () => {
    const shared = tagsOf(python, { ...revision, buildId: "8" }).filter((tag) =>
      tagsOf(python, revision).includes(tag),
    );
    assert.deepEqual(shared, []);
  });

  it("are tags, with the longest names that there may be", () => {
    const long = { ...routing, name: "x".repeat(63) };
    for (const tag of tagsOf(long, { commit: "c".repeat(40), buildId: "b".repeat(48) })) {
      assert.match(tag, /^\w[\w.-]{0,127}$/);
    }
  });
});

describe("the images' parallelism", () => {
  const gigabyte = 1_073_741_824;

  it("comes from cores and memory, but never serialises builds that wait", () => {
    const found = [
      [1, 1],
      [2, 8],
      [8, 64],
      [64, 256],
      [64, 8],
    ].map(([cores = 0, memory = 0]) => defaultParallelism(cores, memory * gigabyte));
    assert.deepEqual(found, [8, 8, 32, 32, 16]);
  });

  it("lets the next begin as soon as any ends", async () => {
    const slots = new BuildSlots(2);
    const begun: number[] = [];
    for (const one of [1, 2, 3, 4]) void slots.take().then(() => begun.push(one));
    await new Promise(setImmediate);
    assert.deepEqual(begun, [1, 2]);
    slots.release();
    await new Promise(setImmediate);
    assert.deepEqual(begun, [1, 2, 3]);
    slots.release();
    slots.release();
    await new Promise(setImmediate);
    assert.deepEqual(begun, [1, 2, 3, 4]);
  });
});

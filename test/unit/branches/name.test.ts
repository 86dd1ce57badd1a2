import { strict as assert } from "node:assert";
import * as fc from "fast-check";
import { branchEnvironmentName, checkBranch, isBranchEnvironment } from "../../../automation/branches/name";
import { branchFile } from "../../../automation/stacks/environments";

const hostile = [
  "",
  "../../etc/passwd",
  "..",
  "feature/Größe ∞",
  "日本語",
  "🙂",
  "\u0000\u202e",
  "--option",
  "b-b-b",
  "prod",
  "x".repeat(10_000),
  "a/".repeat(200),
  "Pulumi.prod.yaml",
  "CON",
];

const anyName = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: fc.constantFrom("a", "b", "A", "-", "/", "_", ".", "1", "ß", "é"), maxLength: 40 }),
  fc.constantFrom(...hostile),
);

describe("names of branch environments", () => {
  it("are names that the program, the driver and the file system take, whatever the branch is called", () => {
    fc.assert(
      fc.property(anyName, (branch) => {
        const name = branchEnvironmentName(branch);
        assert.match(name, /^[a-z][a-z0-9-]{0,30}$/);
        assert.ok(isBranchEnvironment(name), name);
        assert.ok(branchFile("/checkout", name)?.startsWith("/checkout/.tributary/branches/b-"));
        assert.equal(branchEnvironmentName(branch), name);
      }),
      { numRuns: 500 },
    );
  });

  it("are different for different branches, also for those that look alike", () => {
    fc.assert(
      fc.property(anyName, anyName, (a, b) => {
        assert.equal(branchEnvironmentName(a) === branchEnvironmentName(b), a === b);
      }),
      { numRuns: 500 },
    );
    const alike = ["feature/a", "feature-a", "feature_a", "Feature-A", "feature--a", "-feature-a", "fêature-a"];
    assert.equal(new Set(alike.map(branchEnvironmentName)).size, alike.length);
    // The name that one gets is another branch's own name.
    const taken = branchEnvironmentName("feature/a").slice(2);
    assert.notEqual(branchEnvironmentName(taken), branchEnvironmentName("feature/a"));
  });

  it("are the branch's own where that is possible, and recognizable where not", () => {
    assert.equal(branchEnvironmentName("fix-login"), "b-fix-login");
    assert.match(
      branchEnvironmentName("feature/Größe"),
      /^b-feature-grosse-[0-9a-f]{8}$|^b-feature-gro-e-[0-9a-f]{8}$/,
    );
    assert.match(
      branchEnvironmentName("a-very-long-name-of-a-branch-that-goes-on"),
      /^b-a-very-long-name-of-[0-9a-f]{8}$/,
    );
    assert.match(branchEnvironmentName("日本語"), /^b-[0-9a-f]{8}$/);
  });

  it("never are the name of an environment that has settings of its own", () => {
    for (const name of ["prod", "dev", "local", "images"]) assert.equal(branchEnvironmentName(name), `b-${name}`);
    for (const name of ["prod", "b-", "b-A", "b-a--b", "b-a.b", "b-../x", `b-${"a".repeat(40)}`])
      assert.equal(isBranchEnvironment(name), false, name);
  });
});

describe("a branch's name", () => {
  it("is taken as git takes it", () => {
    for (const branch of ["main", "feature/a", "fix-1.2", "Größe", "a@b", "user/x_y"])
      assert.equal(checkBranch(branch), branch);
  });

  it("is refused where git refuses it, before it becomes part of a command line", () => {
    const wrong = [
      "",
      "-x",
      "--upload-pack=x",
      "a b",
      "a..b",
      "a~1",
      "a^",
      "a:b",
      "a?",
      "a*",
      "a[",
      "a\\b",
      "a@{1",
      "@",
      "/a",
    ];
    const more = ["a/", "a.", "a.lock", "a.lock/b", ".a", "a/.b", "a//b", "a\u0000", "a\nb", "x".repeat(251)];
    for (const branch of [...wrong, ...more])
      assert.throws(() => checkBranch(branch), { code: "BranchInvalid" }, branch);
  });
});

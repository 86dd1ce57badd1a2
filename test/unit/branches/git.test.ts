import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { execa } from "execa";
import { branchOf, gitOf } from "../../../automation/branches/git";

describe("what git tells of branches", () => {
  let folder: string;
  const run = (cwd: string, ...args: string[]) =>
    execa("git", ["-c", "user.name=a", "-c", "user.email=a@example.com", ...args], { cwd, stdin: "ignore" });

  before(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), "tributary-git-"));
    await fs.mkdir(path.join(folder, "clone"));
    await run(folder, "init", "-q", "--bare", "remote.git");
    const clone = path.join(folder, "clone");
    await run(clone, "init", "-q", "-b", "main");
    await run(clone, "commit", "-q", "--allow-empty", "-m", "start");
    await run(clone, "branch", "fix/a");
    await run(clone, "branch", "only-here");
    await run(clone, "remote", "add", "origin", path.join(folder, "remote.git"));
    await run(clone, "push", "-q", "origin", "main", "fix/a");
  });
  after(() => fs.rm(folder, { recursive: true, force: true }));

  const clone = () => gitOf(path.join(folder, "clone"));

  it("is the branch that is checked out, here, and on the remote", async () => {
    const git = clone();
    assert.equal(await git.current(), "main");
    assert.equal(await branchOf(git, undefined), "main");
    assert.deepEqual(await Promise.all(["fix/a", "only-here", "fix"].map(git.isHere)), [true, true, false]);
    assert.deepEqual(await Promise.all(["fix/a", "only-here", "a"].map(git.isRemote)), [true, false, false]);
  });

  it("is nothing where a remote does not answer, or there is no repository", async () => {
    await run(path.join(folder, "clone"), "remote", "add", "gone", path.join(folder, "nowhere.git"));
    assert.equal(await clone().isRemote("only-here"), undefined);
    assert.equal(await clone().isRemote("fix/a"), true);
    const git = gitOf(folder);
    assert.deepEqual(
      [await git.current(), await git.isHere("main"), await git.isRemote("main")],
      [undefined, undefined, undefined],
    );
    await assert.rejects(branchOf(git, undefined), { code: "BranchMissing", exitCode: 2 });
  });
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { selectFiles } from "../../../automation/images/context";

describe("what an image copies", () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), "context-"));
    for (const file of ["a.py", "b.py", "c.txt", "lib/d.py", "lib/deep/e.py", "lib/deep/f.txt", ".hidden"]) write(file);
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function write(file: string, text = file): void {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), text);
  }

  async function select(...patterns: string[]) {
    const copies = patterns.map((pattern, index) => ({ pattern, line: index + 1 }));
    const { entries, problems } = await selectFiles(root, copies, [path.join(root, ".dockerignore")]);
    return { files: entries.map((entry) => entry.path), entries, problems };
  }

  const patterns: [string, string[]][] = [
    [".", [".hidden", "a.py", "b.py", "c.txt", "lib/d.py", "lib/deep/e.py", "lib/deep/f.txt"]],
    ["a.py", ["a.py"]],
    ["lib", ["lib/d.py", "lib/deep/e.py", "lib/deep/f.txt"]],
    ["*.py", ["a.py", "b.py"]],
    ["?.txt", ["c.txt"]],
    ["[ab].py", ["a.py", "b.py"]],
    ["[^a].py", ["b.py"]],
    ["l*", ["lib/d.py", "lib/deep/e.py", "lib/deep/f.txt"]],
    ["lib/*", ["lib/d.py", "lib/deep/e.py", "lib/deep/f.txt"]],
    ["*/*.py", ["lib/d.py"]],
    ["*", [".hidden", "a.py", "b.py", "c.txt", "lib/d.py", "lib/deep/e.py", "lib/deep/f.txt"]],
  ];
  for (const [pattern, files] of patterns) {
    it(`${pattern} is ${files.length} files`, async () => {
      const selected = await select(pattern);
      assert.deepEqual([selected.files, selected.problems], [files, []]);
    });
  }

  const rules: [string, string[]][] = [
    ["lib\n", [".dockerignore", ".hidden", "a.py", "b.py", "c.txt"]],
    ["*.py\n", [".dockerignore", ".hidden", "c.txt", "lib/d.py", "lib/deep/e.py", "lib/deep/f.txt"]],
    ["**/*.py\n", [".dockerignore", ".hidden", "c.txt", "lib/deep/f.txt"]],
    ["*\n!lib/deep/e.py\n", ["lib/deep/e.py"]],
    ["lib\n!lib/deep\n", [".dockerignore", ".hidden", "a.py", "b.py", "c.txt", "lib/deep/e.py", "lib/deep/f.txt"]],
    ["*\n!*.py\nb.py\n", ["a.py"]],
    ["# lib\n\n/a.py\n", [".dockerignore", ".hidden", "b.py", "c.txt", "lib/d.py", "lib/deep/e.py", "lib/deep/f.txt"]],
  ];
  for (const [text, files] of rules) {
    it(`.dockerignore ${JSON.stringify(text)} leaves ${files.length} files`, async () => {
      write(".dockerignore", text);
      assert.deepEqual((await select(".")).files, files);
    });
  }

  it("that is not there, or ignored, is told with its line", async () => {
    write(".dockerignore", "b.py\n");
    const { problems } = await select("a.py", "b.py", "nothing", "*.zip");
    assert.deepEqual(
      problems.map(({ line }) => line),
      [2, 3, 4],
    );
    assert.match(problems[0]?.text ?? "", /b\.py is not there, or \.dockerignore leaves it out/);
  });

  it("of modes only says what its owner may execute", async () => {
    chmodSync(path.join(root, "a.py"), 0o700);
    chmodSync(path.join(root, "b.py"), 0o666);
    const { entries } = await select("*.py");
    assert.deepEqual(
      entries.map(({ mode }) => mode),
      [0o755, 0o644],
    );
  });

  it("holds no folder that is empty", async () => {
    mkdirSync(path.join(root, "empty"));
    assert.ok(!(await select(".")).files.includes("empty"));
  });

  it("brings along what a link leads to", async () => {
    symlinkSync("lib/deep", path.join(root, "current"));
    symlinkSync("current", path.join(root, "newest"));
    assert.deepEqual((await select("newest")).files, ["current", "lib/deep/e.py", "lib/deep/f.txt", "newest"]);
    assert.deepEqual((await select("newest/e.py")).files, ["current", "lib/deep/e.py", "lib/deep/f.txt", "newest"]);
  });

  for (const target of ["/etc/passwd", "../outside", "nowhere"]) {
    it(`refuses a link to ${target}`, async () => {
      symlinkSync(target, path.join(root, "link"));
      const { problems } = await select(".");
      assert.deepEqual(
        problems.map(({ text }) => text),
        [`link is a link to ${target}, which is not in the build context`],
      );
    });
  }

  it("ends with links that lead in a circle", async () => {
    symlinkSync("two", path.join(root, "one"));
    symlinkSync("one", path.join(root, "two"));
    assert.deepEqual((await select("one")).files, ["one", "two"]);
  });

  it("refuses what is no file", async () => {
    execFileSync("mkfifo", [path.join(root, "pipe")]);
    assert.match((await select(".")).problems[0]?.text ?? "", /^pipe is neither a file/);
  });
});

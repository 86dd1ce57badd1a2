import assert from "node:assert/strict";
import { mkdir, readdir, readFile, truncate, utimes } from "node:fs/promises";
import path from "node:path";
import { silent, type DriverEvent } from "../../../automation/events";
import { ensureBuilt } from "../../../automation/toolchain/build";
import { findBuilt, programCache, sweep } from "../../../automation/toolchain/cache";
import { compiler, go, removeTemporaryFolders, temporaryFolder, writeProgram } from "./support";

describe("toolchain: builds", () => {
  afterEach(removeTemporaryFolders);

  it("builds once, then takes the cached program", async () => {
    const root = await temporaryFolder();
    const program = await writeProgram(root);
    const { run, commands } = compiler();
    const options = { cache: path.join(root, "cache"), run, go };
    const events: DriverEvent[] = [];
    const first = await ensureBuilt(program, (event) => events.push(event), options);
    const second = await ensureBuilt(program, (event) => events.push(event), options);

    assert.deepEqual(commands, [["compile", "1.2.3"]]);
    assert.equal(second.bin, first.bin);
    assert.equal(await readFile(path.join(first.bin, "tool"), "utf8"), "the program");
    assert.deepEqual(
      events.map((event) => event.type),
      ["step-start", "step-progress", "step-end"],
    );
    const [start, progress] = events;
    assert.match(JSON.stringify(start), /Building the tool 1\.2\.3, once: about 1 min/);
    assert.match(JSON.stringify(progress), /step 1 of 1: compile, 0 s of about 1 min/);
  });

  it("keeps nothing but the recipe's files", async () => {
    const root = await temporaryFolder();
    const program = await writeProgram(root);
    const { bin } = await ensureBuilt(program, silent, { cache: path.join(root, "cache"), run: compiler().run, go });
    assert.deepEqual((await readdir(path.dirname(bin), { recursive: true })).sort(), ["bin", "bin/tool", "built.json"]);
  });

  it("believes no build that failed", async () => {
    const root = await temporaryFolder();
    const program = await writeProgram(root);
    const cache = path.join(root, "cache");
    const broken = ensureBuilt(program, silent, { cache, run: () => Promise.reject(new TypeError("no")), go });
    await assert.rejects(broken, TypeError);
    assert.equal(await findBuilt(program, cache), undefined);
    assert.deepEqual(await readdir(programCache("tool", cache)), []);
  });

  it("says so when a build leaves out a file", async () => {
    const root = await temporaryFolder();
    const program = await writeProgram(root);
    const promise = ensureBuilt(program, silent, { cache: path.join(root, "cache"), run: () => Promise.resolve(), go });
    await assert.rejects(promise, { code: "ToolchainBuildFailed", message: /bin\/tool/ });
  });

  it("does not believe a file that was cut off, and mends it", async () => {
    const root = await temporaryFolder();
    const program = await writeProgram(root);
    const options = { cache: path.join(root, "cache"), run: compiler().run, go };
    const { bin } = await ensureBuilt(program, silent, options);
    await truncate(path.join(bin, "tool"), 3);
    assert.equal(await findBuilt(program, options.cache), undefined);
    await ensureBuilt(program, silent, options);
    assert.equal(await readFile(path.join(bin, "tool"), "utf8"), "the program");
  });

  it("builds again when the content changes, and keeps the former build", async () => {
    const root = await temporaryFolder();
    const { run, commands } = compiler();
    const options = { cache: path.join(root, "cache"), run, go };
    const before = await writeProgram(root);
    await ensureBuilt(before, silent, options);
    const after = await writeProgram(root, "tool", { version: "1.2.4" });
    await ensureBuilt(after, silent, options);
    assert.equal(commands.length, 2);
    assert.ok(await findBuilt(before, options.cache));
    assert.ok(await findBuilt(after, options.cache));
  });

  it("removes what killed builds left and what nobody used for 30 days, but not what is in use", async () => {
    const root = await temporaryFolder();
    const cache = path.join(root, "cache");
    const old = await writeProgram(root);
    const { bin } = await ensureBuilt(old, silent, { cache, run: compiler().run, go });
    const current = await writeProgram(root, "tool", { version: "2.0.0" });
    await mkdir(path.join(programCache("tool", cache), ".work-dead"));

    await sweep(current, cache);
    assert.deepEqual(await readdir(programCache("tool", cache)), [`${old.key}-go1.99.0`]);

    const longAgo = new Date(Date.now() - 31 * 24 * 3600 * 1000);
    await utimes(path.join(path.dirname(bin), "built.json"), longAgo, longAgo);
    await sweep(current, cache);
    assert.deepEqual(await readdir(programCache("tool", cache)), []);
  });

  it("says so when the cache cannot be written", async () => {
    const root = await temporaryFolder();
    const program = await writeProgram(root);
    const file = path.join(program.folder, "recipe.json");
    const promise = ensureBuilt(program, silent, { cache: file, run: compiler().run, go });
    await assert.rejects(promise, { code: "ToolchainCacheUnusable", next: /TRIBUTARY_CACHE/ });
  });

  it("stops waiting for another build when it is cancelled", async () => {
    const root = await temporaryFolder();
    const program = await writeProgram(root);
    const cache = path.join(root, "cache");
    let finish = (): void => undefined;
    const slow = compiler();
    const first = ensureBuilt(program, silent, {
      cache,
      go,
      run: (command, context) =>
        new Promise<void>((resolve) => (finish = resolve)).then(() => slow.run(command, context)),
    });
    while (!(await readdir(programCache("tool", cache)).catch((): string[] => [])).includes("build.lock")) await tick();
    const abort = new AbortController();
    const second = ensureBuilt(program, () => abort.abort(), { cache, go, run: slow.run, signal: abort.signal });
    await assert.rejects(second, { code: "ToolchainBuildCancelled" });
    finish();
    await first;
    assert.equal(slow.commands.length, 1);
  });
});

const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

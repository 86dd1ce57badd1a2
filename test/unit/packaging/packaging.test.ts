import assert from "node:assert/strict";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { silent, type DriverEvent } from "../../../automation/events";
import { layerPackages, packageCode } from "../../../automation/packaging";

const CHECKOUT = path.resolve(__dirname, "../../..");
const HANDLER = 'import { late } from "@tributary/layer";\nexport const handler = () => late(1);\n';

/** A small checkout: the real dependencies, a layer and handlers of its own. */
function checkout(functions: Record<string, string> = { one: HANDLER, two: HANDLER }): string {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), "packaging-")));
  symlinkSync(path.join(CHECKOUT, "node_modules"), path.join(root, "node_modules"));
  writeFileSync(path.join(root, "package-lock.json"), "{}");
  cpSync(path.join(CHECKOUT, "package.json"), path.join(root, "package.json"));
  mkdirSync(path.join(root, "layer"));
  writeFileSync(
    path.join(root, "layer/index.ts"),
    'import { more } from "./more";\nexport const late = (n: number) => import("zod").then(() => more + n);\n',
  );
  writeFileSync(path.join(root, "layer/more.ts"), "export const more = 1;\n");
  for (const [name, text] of Object.entries(functions)) {
    mkdirSync(path.join(root, "functions", name), { recursive: true });
    writeFileSync(path.join(root, "functions", name, "handler.ts"), text);
  }
  return root;
}

/** Content of all files below a folder. */
function content(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map((file) => {
      const full = path.join(file.parentPath, file.name);
      const text = statSync(full).size > 5_000_000 ? String(statSync(full).size) : readFileSync(full, "latin1");
      return [path.relative(directory, full), text];
    }),
  );
}

/** Times at which the built folders were made. */
function times(code: { layer: string; functions: Record<string, string> }): Record<string, number> {
  return Object.fromEntries(
    Object.entries({ layer: code.layer, ...code.functions }).map(([name, folder]) => [name, statSync(folder).ino]),
  );
}

describe("packaging", function () {
  this.timeout(60_000);
  const roots: string[] = [];
  const fresh = (functions?: Record<string, string>) => {
    const root = checkout(functions);
    roots.push(root);
    return root;
  };
  after(() => roots.forEach((root) => rmSync(root, { recursive: true, force: true })));

  it("packs every function and the layer as Lambda unpacks them, and nothing that does not run", async () => {
    const root = fresh();
    const code = await packageCode(root, silent);
    assert.deepEqual(Object.keys(code.functions), ["one", "two"]);
    assert.deepEqual(readdirSync(code.functions.one as string), ["handler.js"]);
    const files = Object.keys(content(code.layer));
    const modules = path.join("nodejs", "node_modules");
    assert.ok(files.includes(path.join(modules, "@tributary", "layer", "index.js")));
    assert.ok(
      files.some((file) => file.endsWith("duckdb.node")),
      files.join("\n"),
    );
    const others = files.filter((file) => !/(\.js|\.node|\.so|\.dylib|\.dll|package\.json|LICENSE)$/.test(file));
    assert.deepEqual(others, []);
    const handler = readFileSync(path.join(code.functions.one as string, "handler.js"), "utf8");
    assert.match(handler, /require\("@tributary\/layer"\)/);
    assert.ok(handler.length < 2_000);
  });

  it("gives the same bytes everywhere, with no trace of the machine", async () => {
    const [a, b] = [fresh(), fresh()];
    const [one, other] = [await packageCode(a, silent), await packageCode(b, silent)];
    const contents = content(one.layer);
    assert.deepEqual(contents, content(other.layer));
    assert.deepEqual(content(one.functions.one as string), content(other.functions.one as string));
    for (const [file, text] of Object.entries(contents)) {
      if (file.endsWith(".js")) assert.ok(!text.includes(a) && !text.includes(CHECKOUT), file);
    }
  });

  it("does nothing, quickly and silently, when nothing changed", async () => {
    const root = fresh();
    const before = times(await packageCode(root, silent));
    const events: DriverEvent[] = [];
    const started = performance.now();
    const after = times(await packageCode(root, (event) => events.push(event)));
    const took = performance.now() - started;
    assert.deepEqual(after, before);
    assert.deepEqual(events, []);
    assert.ok(took < 300, `${took} ms`);
  });

  it("packs again just what changed", async () => {
    const root = fresh();
    const first = times(await packageCode(root, silent));
    writeFileSync(path.join(root, "functions/two/handler.ts"), HANDLER.replace("late(1)", "late(2)"));
    const second = times(await packageCode(root, silent));
    assert.deepEqual({ ...second, two: 0 }, { ...first, two: 0 });
    assert.notEqual(second.two, first.two);
    writeFileSync(path.join(root, "layer/more.ts"), "export const more = 2;\n");
    const third = times(await packageCode(root, silent));
    assert.notEqual(third.layer, second.layer);
    assert.deepEqual({ ...third, layer: 0 }, { ...second, layer: 0 });
  });

  it("tells which dependencies are in the layer, also after it was packed long ago and changed since", async () => {
    const root = checkout();
    assert.deepEqual(await layerPackages(root), ["node_modules/zod"]);
    await packageCode(root, silent);
    assert.deepEqual(await layerPackages(root), ["node_modules/zod"]);
    writeFileSync(path.join(root, "layer/index.ts"), 'export { parse } from "yaml";\n');
    assert.deepEqual(await layerPackages(root), ["node_modules/yaml"]);
    rmSync(root, { recursive: true });
  });

  it("leaves alone what was touched but gives the same bytes", async () => {
    const root = fresh();
    const first = times(await packageCode(root, silent));
    writeFileSync(path.join(root, "functions/one/handler.ts"), `${HANDLER}// a comment\n`);
    writeFileSync(path.join(root, "package-lock.json"), "{ }");
    assert.deepEqual(times(await packageCode(root, silent)), first);
  });

  it("mends what was damaged, and forgets functions that are gone", async () => {
    const root = fresh();
    const first = await packageCode(root, silent);
    const file = path.join(first.functions.one as string, "handler.js");
    const good = readFileSync(file, "utf8");
    writeFileSync(file, "broken");
    rmSync(path.join(first.layer, "nodejs/node_modules/@tributary"), { recursive: true });
    writeFileSync(path.join(root, ".tributary/build/stamps/functions-two.json"), "{cut o");
    rmSync(path.join(root, "functions/two"), { recursive: true });
    mkdirSync(path.join(root, ".tributary/build/new-left"), { recursive: true });
    const again = await packageCode(root, silent);
    assert.equal(readFileSync(file, "utf8"), good);
    assert.ok(statSync(path.join(again.layer, "nodejs/node_modules/@tributary/layer/index.js")).isFile());
    assert.deepEqual(Object.keys(again.functions), ["one"]);
    assert.deepEqual(readdirSync(path.join(root, ".tributary/build")).sort(), ["functions", "layer", "stamps"]);
    assert.deepEqual(readdirSync(path.join(root, ".tributary/build/functions")), ["one"]);
  });

  it("is safe for two at once", async () => {
    const root = fresh();
    const [a, b] = await Promise.all([packageCode(root, silent), packageCode(root, silent)]);
    assert.deepEqual(a, b);
    assert.ok(statSync(path.join(a.layer, "nodejs/node_modules/@tributary/layer/index.js")).isFile());
  });

  it("refuses a handler that brings packages of its own, naming them", async () => {
    const root = fresh({ greedy: 'import { z } from "zod";\nimport "node:fs";\nexport const handler = z;\n' });
    await assert.rejects(packageCode(root, silent), {
      code: "HandlerImport",
      message: /functions\/greedy\/handler\.ts imports zod;/,
    });
  });

  it("says where a handler is broken", async () => {
    const root = fresh({ broken: "export const handler = (;\n" });
    await assert.rejects(packageCode(root, silent), {
      code: "BundleFailed",
      message: /functions\/broken\/handler\.ts:1:24/,
    });
    assert.deepEqual(
      readdirSync(path.join(root, ".tributary/build")).filter((name) => name.startsWith("new-")),
      [],
    );
  });
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { functionsOf, revisionOf, SOURCE_DATE_EPOCH, type PrepareOptions } from "../../../automation/images";
import { changed, Checkout, digest } from "./support/checkout";

describe("preparing images", function () {
  this.timeout(60_000);
  let checkout: Checkout;
  const fresh = (files?: Record<string, string>) => (checkout = new Checkout(files));
  afterEach(() => checkout.remove());
  const prepared = async (change: Partial<PrepareOptions> = {}) => {
    const { layer, ...others } = await checkout.prepare(change);
    return { layer: layer!, ...others };
  };

  const filesOf = (folder: string) =>
    readdirSync(checkout.path(folder), { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => path.relative(checkout.path(folder), path.join(entry.parentPath, entry.name)))
      .sort();

  it("finds every folder with a handler or a Dockerfile", () => {
    fresh({
      "functions/python/Dockerfile": "FROM scratch\n",
      "functions/none/README.md": "x",
      "functions/both/handler.ts": "",
      "functions/both/Dockerfile": "",
    });
    assert.deepEqual(functionsOf(checkout.root), [
      { name: "both", kind: "bundle", dockerfile: "functions/both/Dockerfile" },
      { name: "one", kind: "bundle", dockerfile: "functions/Dockerfile" },
      { name: "python", kind: "folder", dockerfile: "functions/python/Dockerfile" },
    ]);
  });

  it("stages exactly what is copied, with the same modes and times everywhere", async () => {
    fresh({
      "functions/python/Dockerfile": `FROM python@${digest("1")}\nCOPY a lib /app/\n`,
      "functions/python/a": "a",
      "functions/python/lib/b": "b",
      "functions/python/c": "c",
    });
    const { layer, runtime, functions } = await prepared();
    const [one, python] = functions;
    assert.deepEqual(filesOf(python!.context), ["a", "lib/b"]);
    assert.deepEqual(filesOf(one!.context), ["handler.js"]);
    assert.equal(runtime.context, layer.context, "so that the builder packs it once for both");
    assert.ok(filesOf(layer.context).includes("opt/nodejs/node_modules/@tributary/layer/index.js"));
    for (const folder of [".", "opt", "opt/nodejs"]) {
      const { mtimeMs } = lstatSync(checkout.path(path.join(layer.context, folder)));
      assert.equal(
        mtimeMs,
        SOURCE_DATE_EPOCH * 1000,
        "nothing sets the times of the layer's folders while it is built",
      );
    }
    for (const file of filesOf(layer.context)) {
      const { mode, mtimeMs } = lstatSync(checkout.path(path.join(layer.context, file)));
      assert.ok([0o644, 0o755].includes(mode & 0o7777), file);
      assert.ok(mtimeMs > SOURCE_DATE_EPOCH * 1000, "a time that the build does not turn into the same for all");
    }
    assert.equal(
      readFileSync(checkout.path(python!.dockerfile), "utf8"),
      `FROM python@${digest("1")}\nCOPY a lib /app/\n`,
    );
  });

  it("stages folders that everybody may read, whatever the umask", async () => {
    const umask = process.umask(0o077);
    try {
      fresh();
      const { layer, functions } = await prepared();
      for (const image of [layer, functions[0]!]) {
        const root = checkout.path(image.context);
        const folders = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) =>
          entry.isDirectory(),
        );
        for (const folder of [root, ...folders.map((entry) => path.join(entry.parentPath, entry.name))]) {
          assert.equal(lstatSync(folder).mode & 0o7777, 0o755, folder);
        }
      }
    } finally {
      process.umask(umask);
    }
  });

  it("labels every image with what it is made of", async () => {
    fresh();
    const { functions, runtime } = await checkout.prepare({ source: "https://example.com/x" });
    const [one] = functions;
    assert.deepEqual(one?.labels, {
      "org.opencontainers.image.source": "https://example.com/x",
      "org.opencontainers.image.version": "1.2.3",
      "org.opencontainers.image.revision": one?.contentDigest,
    });
    assert.equal(runtime.labels["org.opencontainers.image.base.digest"], digest("b"));
    assert.deepEqual([one?.uses, runtime.uses, one?.reproducible], [["RUNTIME_IMAGE"], [], true]);
  });

  it("gives another time to a file of another content, so that a builder never takes the old one", async () => {
    fresh({ "functions/python/Dockerfile": `FROM python@${digest("1")}\nCOPY a /\n`, "functions/python/a": "a" });
    const time = async () => {
      const { functions } = await checkout.prepare();
      return lstatSync(checkout.path(`${functions[1]!.context}/a`)).mtimeMs;
    };
    const first = await time();
    checkout.write("functions/python/a", "b");
    assert.notEqual(await time(), first);
    checkout.write("functions/python/a", "a");
    assert.equal(await time(), first);
  });

  it("leaves staged content alone while nothing changed, and mends what somebody changed in it", async () => {
    fresh({ "functions/python/Dockerfile": `FROM python@${digest("1")}\nCOPY a /\n`, "functions/python/a": "a" });
    utimesSync(checkout.path("functions/python/a"), 1, 1);
    const { functions } = await checkout.prepare();
    const staged = checkout.path(`${functions[1]!.context}/a`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await checkout.prepare();
    const inode = lstatSync(staged).ino;
    await checkout.prepare();
    assert.equal(lstatSync(staged).ino, inode);
    writeFileSync(staged, "x");
    await checkout.prepare();
    assert.equal(readFileSync(staged, "utf8"), "a");
    rmSync(checkout.path(`${path.dirname(functions[1]!.context)}/stamp.json`));
    await checkout.prepare();
    assert.equal(readFileSync(staged, "utf8"), "a");
  });

  it("builds from a layer image that is there already, and none of its own", async () => {
    fresh({
      "functions/python/Dockerfile":
        "ARG LAYER_IMAGE\nARG PYTHON_IMAGE\nFROM ${LAYER_IMAGE} AS layer\nFROM ${PYTHON_IMAGE}\nCOPY --from=layer /opt /opt\n",
    });
    const baseImages = { BASE_IMAGE: `base@${digest("1")}`, PYTHON_IMAGE: `python@${digest("2")}` };
    const layer = `registry/lake@${digest("a")}`;
    const own = await checkout.digests({ baseImages });
    const images = await checkout.prepare({ baseImages, layer });
    assert.equal(images.layer, undefined);
    const { runtime, functions } = images;
    assert.deepEqual([runtime.uses, runtime.buildArgs.LAYER_IMAGE, runtime.files], [[], layer, 0]);
    assert.deepEqual(filesOf(runtime.context), [], "there is a context, and nothing in it");
    assert.match(
      readFileSync(checkout.path(runtime.dockerfile), "utf8"),
      /FROM \$\{LAYER_IMAGE\} AS layer\nFROM \$\{BASE_IMAGE\}\nCOPY --link --from=layer \/ \/\n/,
    );
    const [one, python] = functions;
    assert.deepEqual([one?.uses, python?.uses, python?.buildArgs.LAYER_IMAGE], [["RUNTIME_IMAGE"], [], layer]);
    const base = "org.opencontainers.image.base.digest";
    assert.deepEqual([runtime.labels[base], python?.labels[base]], [digest("1"), digest("2")]);
    const digests = (change: object) => checkout.digests({ baseImages, ...change });
    const now = await digests({ layer });
    assert.deepEqual(changed(own, now), ["layer", "one", "python", "runtime"]);
    assert.deepEqual(changed(now, await digests({ layer: `elsewhere/lake@${digest("a")}` })), []);
    assert.deepEqual(changed(now, await digests({ layer: `registry/lake@${digest("b")}` })), [
      "one",
      "python",
      "runtime",
    ]);
    checkout.write("layer/index.ts", "export const late = (n: number) => n + 3;\n");
    assert.deepEqual(changed(now, await digests({ layer })), [], "the checkout's layer counts");
  });

  it("keeps platforms apart", async () => {
    fresh();
    const { layer } = await prepared();
    assert.match(layer.context, /^\.tributary\/build\/images\/linux-(amd64|arm64)\/layer\/context$/);
  });

  it("names the package that a platform lacks, with the command that gets it", async () => {
    fresh();
    const platform = process.arch === "x64" ? "linux/arm64" : "linux/amd64";
    const target = process.arch === "x64" ? "linux-arm64" : "linux-x64";
    const binding = `@duckdb/node-bindings-${target}`;
    if (existsSync(checkout.path(`node_modules/${binding}`))) {
      assert.equal((await prepared({ platform })).layer.platform, platform);
      return;
    }
    await assert.rejects(checkout.prepare({ platform }), (error: Error & { next?: string; code?: string }) => {
      assert.equal(error.code, "NativeBindingMissing");
      assert.match(error.next ?? "", new RegExp(`^npm install --no-save .*${binding}@\\d+\\.\\d+`));
      return true;
    });
  });

  it("may be done twice at the same time", async () => {
    fresh();
    const [a, b] = await Promise.all([checkout.prepare(), checkout.prepare()]);
    assert.deepEqual(a, b);
  });

  describe("tells all that is wrong at once, and prepares nothing:", () => {
    const problems = async (): Promise<string> => {
      try {
        await checkout.prepare();
      } catch (error) {
        const { code, exitCode, message } = error as Error & { code: string; exitCode: number };
        assert.deepEqual([code, exitCode], ["InvalidImages", 2]);
        return message;
      }
      return assert.fail("it was accepted");
    };

    it("in several Dockerfiles", async () => {
      fresh({ "functions/two/Dockerfile": "FROM node:22\n", "functions/three/Dockerfile": "FROM scratch\nCOPI a\n" });
      const message = await problems();
      assert.match(message, /^2 problem\(s\)/);
      assert.match(message, /three \(functions\/three\/Dockerfile:2\): Unknown instruction: COPI/);
      assert.match(message, /two \(functions\/two\/Dockerfile:1\): FROM node:22 can change under its name/);
    });

    it("a source that is not there", async () => {
      fresh({ "functions/two/Dockerfile": "FROM scratch\nCOPY a /\n" });
      assert.match(await problems(), /two \(functions\/two\/Dockerfile:2\): the source a is not there/);
    });

    it("a Dockerfile that is a folder", async () => {
      fresh();
      mkdirSync(checkout.path("functions/two/Dockerfile"), { recursive: true });
      assert.match(await problems(), /two \(functions\/two\/Dockerfile\): cannot be read \(EISDIR\)/);
    });

    it("a Dockerfile that is a link to nothing", async () => {
      fresh();
      mkdirSync(checkout.path("functions/two"));
      symlinkSync("nowhere", checkout.path("functions/two/Dockerfile"));
      assert.match(await problems(), /two \(functions\/two\/Dockerfile\): cannot be read \(ENOENT\)/);
    });

    for (const name of ["layer", "runtime", "Upper", "a_b", "x".repeat(64)]) {
      it(`the name ${name}`, async () => {
        fresh({ [`functions/${name}/Dockerfile`]: "FROM scratch\n" });
        assert.match(await problems(), /the folder's name becomes part of tags; allowed/);
      });
    }
  });
});

describe("the revision", () => {
  let checkout: Checkout;
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", checkout.root, "-c", "user.name=a", "-c", "user.email=a@example.com", ...args], {
      stdio: "ignore",
    });

  before(() => {
    checkout = new Checkout({ ".gitignore": "node_modules\n" });
    git("init", "--quiet");
    git("add", "--all");
    git("commit", "--quiet", "--message", "one");
  });
  after(() => checkout.remove());

  const build = { TRIBUTARY_BUILD_ID: "7" };

  it("is the commit of a tree that is committed", async () => {
    const { commit, buildId } = await revisionOf(checkout.root, build);
    assert.match(commit ?? "", /^[0-9a-f]{40}$/);
    assert.equal(buildId, "7");
  });

  it("is none of a tree with changes or files that no commit holds", async () => {
    checkout.write("new", "x");
    assert.deepEqual(await revisionOf(checkout.root, build), { buildId: "7" });
    rmSync(checkout.path("new"));
    assert.ok((await revisionOf(checkout.root, build)).commit);
  });

  it("is none of a folder that lies in somebody else's repository, or in none", async () => {
    assert.deepEqual(await revisionOf(checkout.path("layer"), build), { buildId: "7" });
    assert.deepEqual(await revisionOf("/", build), { buildId: "7" });
  });

  it("has the id of CodeBuild's build, as a tag may hold it", async () => {
    const { buildId } = await revisionOf("/", { CODEBUILD_BUILD_ID: "images:0a1b-2c" });
    assert.equal(buildId, "images-0a1b-2c");
  });

  it("has an id of its own otherwise, never the same twice", async () => {
    const now = new Date("2026-11-21T15:00:00.123Z");
    const [a, b] = [await revisionOf("/", {}, now), await revisionOf("/", {}, now)];
    assert.match(a.buildId, /^20261121T150000Z-[0-9a-f]{6}$/);
    assert.notEqual(a.buildId, b.buildId);
  });
});

import { strict as assert } from "node:assert";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseDocument } from "yaml";
import { containersLack, ensureContainerHost, invokeImage } from "../../../automation/containers";
import { silent } from "../../../automation/events";
import { findLocalAws } from "../../../automation/local";
import { builtImages } from "../../../automation/release/list";
import { findImagesStack } from "../../../automation/stacks/imagesStack";
import { lacksForImages } from "./support";
import { Workspace } from "../support/workspace";

interface Image {
  name: string;
  result: string;
  digest: string;
  uri: string;
  size: number;
  sbom?: string;
  lines?: string[];
  step?: string;
}
interface Build {
  ok: boolean;
  images: Image[];
  changes: { create: number; update: number; delete: number; same: number };
}
interface Listed {
  name: string;
  digest: string;
  size: number;
  layers: number;
  shared: number;
  tags: string[];
}

/** Everything that images are built, listed, promoted and attached with, for real, in one copy of the checkout. */
describe("images", function () {
  this.timeout(900_000);
  let workspace: Workspace;
  let first: Build;

  before(async function () {
    const lacks = await lacksForImages();
    if (lacks) {
      console.log(`      skipped: ${lacks}`);
      this.skip();
    }
    workspace = await Workspace.create("images");
    // Fewer functions are as good, and quicker. Those that stay are not the lake's whole set.
    const functions = path.join(workspace.root, "functions");
    for (const name of (await fs.readdir(functions)).filter((each) => each.startsWith("stage-b-"))) {
      await fs.rm(path.join(functions, name), { recursive: true });
    }
  });
  after(() => workspace?.remove());

  const build = (...names: string[]) => workspace.json<Build>(["images", "build", ...names]);
  const built = ({ images }: Build) => images.filter(({ result }) => result === "built").map(({ name }) => name);
  const digests = ({ images }: { images: { name: string; digest: string }[] }) =>
    new Map(images.map(({ name, digest }) => [name, digest]));
  const append = (file: string, text: string) => fs.appendFile(path.join(workspace.root, file), text);

  it("with a name that there is not are refused before anything is started, with those that there are", async () => {
    const { code, stderr } = await workspace.tributary("images", "build", "nothing-like-this");
    assert.equal(code, 2);
    assert.match(stderr, /UnknownImage.*"nothing-like-this"; there are: layer, runtime, .*routing/);
    await assert.rejects(fs.access(path.join(workspace.root, ".tributary", "local")));
  });

  it("that were interrupted are built by the same command again", async () => {
    const child = workspace.start("images", "build");
    const ended = once(child, "exit") as Promise<[number]>;
    let said = "";
    child.stderr!.on("data", (chunk) => (said += String(chunk)));
    while (!/Deploy images\.local/.test(said) && child.exitCode === null) await sleep(50);
    // The repository takes a second, the first images come then.
    await sleep(3_000);
    child.kill("SIGINT");
    const [code] = await ended;
    assert.equal(code, 130, said);
    first = await build();
    assert.equal(first.ok, true);
    assert.ok(first.images.length >= 8, `only ${first.images.length} images`);
    for (const { name, digest, size } of first.images) {
      assert.match(digest, /^sha256:[0-9a-f]{64}$/, name);
      assert.ok(size > 0, name);
    }
  });

  it("that did not change are neither built nor pushed, and keep their digests", async () => {
    const before = await workspace.json<{ images: Listed[] }>(["images", "list"]);
    const again = await build();
    assert.deepEqual(built(again), []);
    assert.deepEqual([again.changes.create, again.changes.update, again.changes.delete], [0, 0, 0]);
    assert.deepEqual(await workspace.json<unknown>(["images", "list"]), before);
  });

  it("are listed with digest, size, shared layers and tags", async () => {
    const { images } = await workspace.json<{ images: Listed[] }>(["images", "list"]);
    assert.deepEqual(digests({ images }), digests(first));
    for (const { name, layers, shared, tags } of images.filter((image) => image.name.startsWith("stage-"))) {
      assert.ok(layers > 1 && shared >= layers - 1, `${name} shares ${shared} of ${layers} layers`);
      assert.ok(tags.length > 0 && tags.every((tag) => tag.startsWith(`${name}.`)), `${name}: ${tags.join(" ")}`);
    }
    const { stdout } = await workspace.tributary("images", "list");
    assert.match(stdout, /layers shared/);
  });

  it("have a bill of materials that names base, bundled and native packages, and is next to the image", async () => {
    const { stdout } = await workspace.tributary("images", "sbom", "routing");
    const document = JSON.parse(stdout) as {
      metadata: { component: { version: string } };
      components: { purl: string; licenses?: unknown[] }[];
    };
    assert.equal(document.metadata.component.version, digests(first).get("routing"));
    const purls = document.components.map(({ purl }) => purl);
    for (const wanted of [
      "pkg:oci/base@",
      "pkg:deb/debian/libc6@",
      "pkg:npm/%40duckdb/node-bindings@",
      "pkg:npm/zod@",
    ]) {
      assert.ok(
        purls.some((purl) => purl.startsWith(wanted)),
        `${wanted} is not among ${purls.length} components`,
      );
    }
  });

  it("are one when one handler was edited", async () => {
    await append("functions/routing/handler.ts", "\nexport const edited = 1;\n");
    assert.deepEqual(built(await build()), ["routing"]);
  });

  it("that were not asked for stay as they are", async () => {
    await append("functions/routing/handler.ts", "\nexport const again = 1;\n");
    await append("functions/redrive/handler.ts", "\nexport const again = 1;\n");
    const outputs = async () => (await builtImages(workspace.root, findImagesStack(workspace.root, false))).images;
    const before = await outputs();
    assert.deepEqual(built(await build("redrive")), ["redrive"]);
    const after = await outputs();
    assert.deepEqual(after.routing, before.routing);
    assert.notEqual(after.redrive!.contentDigest, before.redrive!.contentDigest);
    assert.deepEqual(built(await build()), ["routing"]);
  });

  it("are all, each once, when the layer was edited", async () => {
    await append("layer/index.ts", '\nexport const edition = "another";\n');
    const names = built(await build());
    assert.deepEqual(names, [...new Set(names)]);
    assert.deepEqual(names, first.images.map(({ name }) => name).sort());
  });

  it("whose build fails are named, with step and last lines; others are kept, and outputs stay", async () => {
    const before = await workspace.json<{ images: Listed[] }>(["images", "list"]);
    const folder = path.join(workspace.root, "functions", "failing");
    await fs.mkdir(folder);
    await fs.writeFile(path.join(folder, "data.txt"), "data\n");
    const run = 'RUN echo first line; sleep 0.2; echo "the last words" >&2; exit 7';
    await fs.writeFile(
      path.join(folder, "Dockerfile"),
      `ARG BASE_IMAGE\nFROM \${BASE_IMAGE}\nCOPY data.txt /\n${run}\n`,
    );
    const failed = await workspace.json<Build & { error: { code: string; message: string } }>(["images", "build"], 1);
    assert.equal(failed.ok, false);
    assert.equal(failed.error.code, "ImageBuildFailed");
    assert.match(failed.error.message, /failing/);
    const image = failed.images.find(({ name }) => name === "failing");
    assert.deepEqual(image?.lines, ["first line", "the last words"]);
    assert.match(image?.step ?? "", /RUN echo first line/);
    assert.deepEqual(await workspace.json<unknown>(["images", "list"]), before);
    await fs.rm(folder, { recursive: true });
  });

  it("of a function in Python are built from the example as its page says, and answer", async function () {
    const lacking = await containersLack();
    if (lacking.length > 0) {
      console.log(`      skipped: ${lacking.map(({ what, next }) => `${what} (${next})`).join(", ")}`);
      this.skip();
    }
    const folder = path.join(workspace.root, "functions", "count-records");
    await fs.cp(path.join(workspace.root, "docs", "examples", "python-function"), folder, { recursive: true });
    const file = path.join(workspace.root, "Pulumi.images.yaml");
    const settings = await fs.readFile(file, "utf8");
    const document = parseDocument(settings);
    const key = ["config", "tributary:imageBuild", "baseImages", "PYTHON_BASE_IMAGE"];
    document.setIn(key, "public.ecr.aws/lambda/python:3.13");
    await fs.writeFile(file, document.toString());
    const { images } = await build("count-records");
    const image = images.find(({ name }) => name === "count-records");
    assert.equal(image?.result, "built");
    const aws = await findLocalAws(workspace.root);
    assert.ok(aws, "the local AWS runs");
    const host = await ensureContainerHost(workspace.root, aws, silent);
    const answer = await invokeImage(host, image.uri, { lines: ['{"a":1}', "[1]", "no json"] });
    assert.deepEqual(JSON.parse(answer.payload), { records: 3, objects: 1 }, answer.log);
    await fs.rm(folder, { recursive: true });
    await fs.writeFile(file, settings);
  });

  it("with a broken Dockerfile are told at once, with file and line, and nothing is built", async () => {
    const folder = path.join(workspace.root, "functions", "broken");
    await fs.mkdir(folder);
    await fs.writeFile(path.join(folder, "Dockerfile"), "FROM debian:12\nCOPPY x y\n");
    const { code, stderr } = await workspace.tributary("images", "build");
    assert.equal(code, 2, stderr);
    assert.match(stderr, /InvalidImages[^]*functions\/broken\/Dockerfile:2/);
    assert.match(stderr, /functions\/broken\/Dockerfile:1/);
    await fs.rm(folder, { recursive: true });
  });

  it("of an environment that runs archives are not promoted", async () => {
    const { code, stderr } = await workspace.tributary("promote", "local", "prod");
    assert.equal(code, 1);
    assert.match(stderr, /NotDeployed/);
  });

  it("leave nothing behind when the local environment is destroyed", async () => {
    await workspace.json(["destroy", "local"]);
    await assert.rejects(fs.access(path.join(workspace.root, ".tributary")));
    const { stdout } = await workspace.shell('grep -lsz -- "$PWD" /proc/[0-9]*/cmdline | grep -v self; true');
    const left = stdout.split("\n").filter((line) => line !== "" && !line.includes(String(process.pid)));
    assert.deepEqual(await namesOf(left, workspace.root), []);
  });
});

/** Programs of these processes that are still there and belong to the folder. */
async function namesOf(files: string[], root: string): Promise<string[]> {
  const texts = await Promise.all(files.map((file) => fs.readFile(file, "utf8").catch(() => "")));
  return texts
    .map((text) => text.replaceAll("\0", " "))
    .filter((text) => text.includes(root) && !text.includes("grep"));
}

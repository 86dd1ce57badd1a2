import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { Workspace } from "../support/workspace";
import { lacksForImages } from "./support";

interface Build {
  images: { name: string; result: string; digest: string; size: number }[];
}

/** Compressed bytes that an image may add to its base. */
const LIMIT = 30_000_000;

describe("images of two clones", function () {
  this.timeout(900_000);
  const clones: Workspace[] = [];

  before(async function () {
    const lacks = await lacksForImages();
    if (lacks) {
      console.log(`      skipped: ${lacks}`);
      this.skip();
    }
    for (const name of ["trust", "trust in another folder"]) clones.push(await Workspace.create(name));
  });
  after(async () => {
    for (const clone of clones) await clone.remove();
  });

  const digests = ({ images }: Build) => Object.fromEntries(images.map(({ name, digest }) => [name, digest]));
  let first: Build;

  it("have the same digests, whatever folder, umask, time zone, language and builder", async () => {
    const [one, other] = clones as [Workspace, Workspace];
    first = await one.json<Build>(["images", "build"]);
    const elsewhere = { TZ: "Pacific/Auckland", LANG: "de_DE.UTF-8", USER: "somebody", LOGNAME: "somebody" };
    const built = await other.shell(
      "umask 077 && find layer functions -exec touch -d 2001-02-03 {} + && node bin/tributary.js images build --json",
      elsewhere,
    );
    assert.equal(built.code, 0, built.stderr);
    assert.deepEqual(digests(JSON.parse(built.stdout) as Build), digests(first));
  });

  it("add at most 30 MB to their base, compressed", async () => {
    const [one] = clones as [Workspace];
    const { images } = await one.json<{ images: { digest: string; size: number }[] }>(["images", "list"]);
    const sizeOf = (digest: string) => images.find((image) => image.digest === digest)?.size ?? 0;
    const layer = first.images.find(({ name }) => name === "layer")!;
    const runtime = first.images.find(({ name }) => name === "runtime")!;
    const base = sizeOf(runtime.digest) - sizeOf(layer.digest);
    assert.ok(base > 0);
    for (const { name, digest } of first.images) {
      if (name === "layer") continue;
      const added = sizeOf(digest) - base;
      assert.ok(added > 0 && added <= LIMIT, `${name} adds ${added} bytes`);
    }
  });

  it("are not built again for a new commit, new times, or a file that no image copies", async () => {
    const [one] = clones as [Workspace];
    await fs.writeFile(path.join(one.root, "functions", "README.md"), "a file beside the functions\n");
    const commit =
      "find layer functions automation -exec touch {} + && git add -A . && " +
      "git -c user.name=somebody -c user.email=somebody@example.com commit -qm one";
    assert.equal((await one.shell(commit)).code, 0);
    const again = await one.json<Build & { changes: Record<string, number> }>(["images", "build"]);
    assert.deepEqual([...new Set(again.images.map(({ result }) => result))], ["unchanged"]);
    const { create, update, delete: deleted } = again.changes;
    assert.deepEqual({ create, update, deleted }, { create: 0, update: 0, deleted: 0 });
    assert.deepEqual(digests(again), digests(first));
  });

  it("are not built again by a run of the engine either", async () => {
    const [one] = clones as [Workspace];
    await fs.rm(path.join(one.root, ".tributary", "state", "images.local.release.json"));
    const again = await one.json<Build & { changes: Record<string, number> }>(["images", "build"]);
    assert.deepEqual([...new Set(again.images.map(({ result }) => result))], ["unchanged"]);
    assert.equal(again.changes.update, 0);
    assert.deepEqual(digests(again), digests(first));
  });
});

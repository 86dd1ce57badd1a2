import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { pack, type Header } from "tar-stream";
import { unpackLayer } from "../../../automation/containers/layer";
import type { TributaryError } from "../../../automation/errors";

type Entry = Partial<Header> & { name: string; content?: string };

const digest = (content: Buffer) => `sha256:${createHash("sha256").update(content).digest("hex")}`;

async function archive(entries: Entry[]): Promise<Buffer> {
  const tar = pack();
  const own = { uid: process.getuid!(), gid: process.getgid!() };
  for (const { content = "", ...header } of entries) {
    const holds = /^(contiguous-)?file$/.test(header.type ?? "file");
    if (holds) tar.entry({ ...own, ...header } as Header, content);
    else tar.entry({ ...own, ...header } as Header);
  }
  tar.finalize();
  const parts: Buffer[] = [];
  for await (const part of tar as unknown as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}

describe("unpacking a layer", () => {
  let home: string;
  let folder: string;

  beforeEach(async () => {
    home = await fs.mkdtemp(path.join(os.tmpdir(), "tributary-layer-"));
    folder = path.join(home, "layer");
    await fs.mkdir(folder);
  });
  afterEach(() => fs.rm(home, { recursive: true, force: true }));

  const unpackBytes = async (tar: Buffer, limits?: { bytes: number; entries: number }, wrong: object = {}) => {
    await fs.rm(folder, { recursive: true, force: true });
    await fs.mkdir(folder);
    const packed = gzipSync(tar);
    const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: digest(packed), size: 0 };
    const source = { image: "repository@sha256:1", layer: { ...layer, ...wrong }, diffId: digest(tar), below: [] };
    return unpackLayer(Readable.from([packed]), folder, source, limits);
  };
  const unpack = async (entries: Entry[], limits?: { bytes: number; entries: number }) =>
    unpackBytes(await archive(entries), limits);
  const refused = (work: Promise<void>, message: RegExp) =>
    assert.rejects(work, (error: TributaryError) => {
      assert.equal(error.code, "ImageInvalid", error.stack);
      assert.match(error.message, message);
      return true;
    });

  it("keeps content, modes, links and empty folders", async () => {
    await unpack([
      { name: "./", type: "directory", mode: 0o755 },
      { name: "bin/", type: "directory", mode: 0o700 },
      { name: "bin/run", content: "#!/bin/sh", mode: 0o4755 },
      { name: "bin/also", type: "link", linkname: "bin/run" },
      { name: "etc/link", type: "symlink", linkname: "/etc/../../target" },
      { name: "tmp", type: "directory", mode: 0o1777 },
    ]);
    assert.equal(await fs.readFile(path.join(folder, "bin/also"), "utf8"), "#!/bin/sh");
    assert.equal((await fs.stat(path.join(folder, "bin/run"))).mode & 0o7777, 0o755, "no set-user-id bit");
    assert.equal((await fs.stat(path.join(folder, "bin"))).mode & 0o7777, 0o700);
    assert.equal((await fs.stat(path.join(folder, "tmp"))).mode & 0o7777, 0o1777);
    assert.equal(await fs.readlink(path.join(folder, "etc/link")), "/etc/../../target");
  });

  it("refuses paths and links that lead out of the folder", async () => {
    await refused(unpack([{ name: "../out", content: "x" }]), /"\.\.\/out".*leads out/);
    await refused(unpack([{ name: "a/../../out", content: "x" }]), /leads out/);
    await refused(
      unpack([
        { name: "down", type: "symlink", linkname: ".." },
        { name: "down/out", content: "x" },
      ]),
      /its folder down is a link/,
    );
    await refused(unpack([{ name: "hard", type: "link", linkname: "../secret" }]), /leads out/);
    await refused(unpack([{ name: "hard", type: "link", linkname: "/etc/passwd" }]), /no file of the layer/);
    assert.deepEqual(await fs.readdir(home), ["layer"]);
  });

  it("refuses what is not what its digests say, and what is too large", async () => {
    const tar = await archive([{ name: "a", content: "x".repeat(5000) }]);
    await refused(unpackBytes(tar, undefined, { digest: digest(Buffer.from("other")) }), /has the digest/);
    await refused(
      unpackBytes(tar, undefined, { mediaType: "application/vnd.oci.image.layer.v1.tar+zstd" }),
      /known are/,
    );
    await refused(unpackBytes(tar, { bytes: 4000, entries: 10 }), /more than 4000 bytes/);
    await refused(unpack([{ name: "a" }, { name: "b" }], { bytes: 1e6, entries: 1 }), /more than 1 entries/);
    const packed = gzipSync(tar).subarray(0, 40);
    const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: digest(packed), size: 0 };
    await refused(unpackLayer(Readable.from([packed]), folder, { image: "i", layer, diffId: "", below: [] }), /layer/);
  });

  it("a later entry replaces an earlier one of its name, whatever both are", async () => {
    await unpack([
      { name: "a/b/c", content: "old" },
      { name: "a/b", type: "symlink", linkname: "/elsewhere" },
      { name: "a/b", content: "new" },
      { name: "d", content: "file" },
      { name: "d", type: "directory" },
      { name: "d/e", content: "in it" },
    ]);
    assert.equal(await fs.readFile(path.join(folder, "a/b"), "utf8"), "new");
    assert.equal(await fs.readFile(path.join(folder, "d/e"), "utf8"), "in it");
  });

  it("marks what the layer removes from those below", async function () {
    if (process.getuid!() !== 0) {
      console.log("      skipped: only root makes the devices by which overlayfs knows removed files");
      return this.skip();
    }
    const below = path.join(home, "below");
    await fs.mkdir(path.join(below, "opaque"), { recursive: true });
    for (const name of ["kept", "gone"]) await fs.writeFile(path.join(below, "opaque", name), "");
    const tar = await archive([
      { name: "etc/.wh.removed", content: "" },
      { name: "opaque/.wh..wh..opq", content: "" },
      { name: "opaque/kept", content: "new" },
      { name: ".wh..wh.plnk", content: "" },
    ]);
    const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar", digest: digest(tar), size: 0 };
    const source = { image: "i", layer, diffId: digest(tar), below: [below] };
    await unpackLayer(Readable.from([tar]), folder, source);
    const removed = await fs.lstat(path.join(folder, "etc/removed"));
    assert.ok(removed.isCharacterDevice() && removed.rdev === 0);
    assert.ok((await fs.lstat(path.join(folder, "opaque/gone"))).isCharacterDevice());
    assert.equal(await fs.readFile(path.join(folder, "opaque/kept"), "utf8"), "new");
    assert.deepEqual((await fs.readdir(folder)).sort(), ["etc", "opaque"]);
  });

  it("refuses markers that remove something outside of their folder", async () => {
    await refused(unpack([{ name: "a/.wh...", content: "" }]), /leads out|removes no file/);
    await refused(unpack([{ name: "a/.wh..", content: "" }]), /removes no file/);
    await refused(unpack([{ name: "a/.wh.", content: "" }]), /removes no file/);
  });

  it("whatever an archive holds, nothing outside of the folder is made, changed or linked to", async function () {
    this.timeout(60_000);
    const secret = path.join(home, "secret");
    await fs.writeFile(secret, "untouched", { mode: 0o640 });
    const part = fc.constantFrom("a", "b", "..", ".", "", "layer", "secret", "c d");
    const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
    const target = fc.oneof(
      name,
      name.map((text) => `/${text}`),
      fc.constantFrom("..", "../secret", secret, home, "/"),
    );
    const entry = fc.record({
      name: name.filter((text) => text !== ""),
      type: fc.constantFrom("file", "directory", "symlink", "link", "contiguous-file") as fc.Arbitrary<"file">,
      linkname: target,
      mode: fc.nat(0o7777),
      content: fc.string({ maxLength: 20 }),
    });
    let unpacked = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 8 }), async (entries) => {
        const tar = await archive(entries.map((one) => (one.type === "file" ? { ...one, linkname: undefined } : one)));
        await unpackBytes(tar).then(
          () => unpacked++,
          (error: TributaryError) => assert.equal(error.code, "ImageInvalid", error.stack),
        );
        assert.deepEqual((await fs.readdir(home)).sort(), ["layer", "secret"]);
        const { mode, nlink } = await fs.lstat(secret);
        assert.deepEqual([await fs.readFile(secret, "utf8"), mode & 0o7777, nlink], ["untouched", 0o640, 1]);
      }),
      { numRuns: 400 },
    );
    assert.ok(unpacked > 40, `only ${unpacked} of 400 archives were good: the property says little`);
  });
});

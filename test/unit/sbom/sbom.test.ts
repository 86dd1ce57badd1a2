import { strict as assert } from "node:assert";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { pack } from "tar-stream";
import { packagesIn } from "../../../automation/packaging/bundle";
import { packagesOf } from "../../../automation/sbom/bundled";
import { sbomDocument, type Subject } from "../../../automation/sbom/document";
import { readerOf, type FoundPackage } from "../../../automation/sbom/packages";
import { mergeLayers, scanLayer, unique } from "../../../automation/sbom/scan";
import { sbomTag } from "../../../automation/sbom";

/** An archive of files, as a layer is one. */
async function archive(files: Record<string, string>): Promise<Buffer> {
  const tar = pack();
  for (const [name, text] of Object.entries(files)) tar.entry({ name, mode: 0o644 }, text);
  tar.finalize();
  return buffer(tar as unknown as Readable);
}

const scan = async (files: Record<string, string>) => scanLayer(Readable.from([gzipSync(await archive(files))]));
const npm = (name: string, version = "1.0.0"): FoundPackage => ({ ecosystem: "npm", name, version });

const status = `Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u10
Description: GNU C Library
 Version: 9 is no field

Package: gone
Status: deinstall ok config-files
Version: 1

Package: without-version
Status: install ok installed
`;

describe("what is in an image", () => {
  it("is read from what the package managers wrote: dpkg, npm, pip", async () => {
    const { files } = await scan({
      "./var/lib/dpkg/status": status,
      "opt/nodejs/node_modules/@duckdb/node-bindings/package.json":
        '{"name":"@duckdb/node-bindings","version":"1.5.6","license":"MIT"}',
      "opt/nodejs/node_modules/a/lib/package.json": '{"name":"inner","version":"1.0.0"}',
      "usr/lib/python3/dist-packages/awslambdaric-3.0.0.dist-info/METADATA":
        "Metadata-Version: 2.1\nName: awslambdaric\nVersion: 3.0.0\nLicense: Apache-2.0\n\nName: no\n",
      "var/task/handler.js": "no package",
    });
    assert.deepEqual(mergeLayers([{ files, removed: [] }]), [
      { ecosystem: "deb", name: "libc6", version: "2.36-9+deb12u10", architecture: "amd64" },
      { ecosystem: "npm", name: "@duckdb/node-bindings", version: "1.5.6", license: "MIT" },
      { ecosystem: "pypi", name: "awslambdaric", version: "3.0.0", license: "Apache-2.0" },
    ]);
  });

  it("is what the highest layer says; what it takes away is gone", async () => {
    const of = (name: string, version: string) => JSON.stringify({ name, version });
    const low = await scan({
      "a/node_modules/one/package.json": of("one", "1.0.0"),
      "a/node_modules/two/package.json": of("two", "1.0.0"),
      "b/node_modules/three/package.json": of("three", "1.0.0"),
      "c/node_modules/four/package.json": of("four", "1.0.0"),
    });
    const high = await scan({
      "a/node_modules/one/package.json": of("one", "2.0.0"),
      "a/node_modules/.wh.two": "",
      "b/.wh..wh..opq": "",
    });
    assert.deepEqual(
      mergeLayers([low, high]).map(({ name, version }) => `${name}@${version}`),
      ["four@1.0.0", "one@2.0.0"],
    );
  });

  it("is no reason to break, whatever files say", () => {
    const paths = ["var/lib/dpkg/status", "x/node_modules/y/package.json", "z.dist-info/METADATA"];
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.oneof(fc.string(), fc.json()), (path, text) => {
        assert.ok(Array.isArray(readerOf(path)!(text)));
      }),
    );
    assert.equal(readerOf("node_modules/package.json"), undefined);
    assert.equal(readerOf("package.json"), undefined);
  });

  it("that is no archive, or not a whole one, is refused", async () => {
    const whole = await archive({ "var/lib/dpkg/status": status.repeat(1_000) });
    const packed = gzipSync(whole);
    for (const wrong of [
      Buffer.from("no archive at all, ".repeat(100)),
      gzipSync(Buffer.from("no archive at all, ".repeat(100))),
      whole.subarray(0, whole.length / 2),
      packed.subarray(0, packed.length / 2),
    ]) {
      await assert.rejects(scanLayer(Readable.from([wrong])));
    }
  });

  it("is read in whatever pieces it comes, packed or not", async () => {
    const whole = await archive({
      [`${"long/".repeat(60)}node_modules/x/package.json`]: '{"name":"x","version":"1.0.0"}',
    });
    for (const content of [whole, gzipSync(whole)]) {
      const pieces = Array.from({ length: content.length }, (_, index) => content.subarray(index, index + 1));
      assert.deepEqual(mergeLayers([await scanLayer(Readable.from(pieces))]), [npm("x")]);
    }
  });

  it("is also what was bundled: packages that gave bytes, with version, licence and hash of the lock file", () => {
    const bytes = (bytesInOutput: number) => ({ bytesInOutput });
    const inputs = {
      "layer/index.ts": bytes(10),
      "node_modules/@a/b/dist/x.js": bytes(10),
      "node_modules/@a/b/dist/y.js": bytes(10),
      "node_modules/c/node_modules/d/x.js": bytes(10),
      "node_modules/shaken/x.js": bytes(0),
      "node_modules/unlocked/x.js": bytes(1),
    };
    const locked = {
      "node_modules/@a/b": {
        version: "1.0.0",
        license: "MIT",
        integrity: `sha512-${Buffer.alloc(64).toString("base64")}`,
      },
      "node_modules/d": { version: "9.9.9" },
      "node_modules/c/node_modules/d": { version: "2.0.0" },
      "node_modules/shaken": { version: "1.0.0" },
    };
    assert.deepEqual(packagesOf(packagesIn({ outputs: { out: { inputs } } } as never), locked), [
      { ...npm("@a/b"), license: "MIT", sha512: "0".repeat(128) },
      npm("d", "2.0.0"),
    ]);
  });

  it("is listed once each", () => {
    assert.deepEqual(unique([npm("b"), npm("a"), { ...npm("b"), license: "MIT" }]), [
      npm("a"),
      { ...npm("b"), license: "MIT" },
    ]);
  });
});

describe("a bill of materials", () => {
  const subject: Subject = {
    name: "routing",
    digest: `sha256:${"a".repeat(64)}`,
    contentDigest: `sha256:${"b".repeat(64)}`,
    base: `sha256:${"c".repeat(64)}`,
    packages: [
      { ...npm("@a/b"), license: "MIT", sha512: "0".repeat(128) },
      { ...npm("x"), license: "(MIT OR Apache-2.0)" },
      { ...npm("y"), license: "SEE LICENSE IN FILE" },
      { ecosystem: "deb", name: "libc6", version: "2.36-9+deb12u10", architecture: "amd64" },
    ],
  };

  it("satisfies CycloneDX's schema, and names packages by purl, with licences and hashes", async () => {
    const document = JSON.parse(await sbomDocument(subject)) as Document;
    assert.deepEqual([document.bomFormat, document.specVersion], ["CycloneDX", "1.6"]);
    const { component } = document.metadata;
    assert.deepEqual([component.name, component.version], ["routing", subject.digest]);
    const found = new Map(document.components.map((each) => [each.purl, each]));
    assert.deepEqual(
      [...found.keys()].sort(),
      [
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64",
        "pkg:npm/%40a/b@1.0.0",
        "pkg:npm/x@1.0.0",
        "pkg:npm/y@1.0.0",
        `pkg:oci/base@sha256:${"c".repeat(64)}`,
      ].map((purl) => [...found.keys()].find((key) => decodeURIComponent(key) === decodeURIComponent(purl))),
    );
    const of = (name: string) => document.components.find((each) => each.name === name);
    assert.deepEqual(of("b")?.licenses, [{ license: { id: "MIT" } }]);
    assert.deepEqual(of("b")?.hashes, [{ alg: "SHA-512", content: "0".repeat(128) }]);
    assert.deepEqual(of("x")?.licenses, [{ expression: "(MIT OR Apache-2.0)" }]);
    assert.deepEqual(of("y")?.licenses, [{ license: { name: "SEE LICENSE IN FILE" } }]);
  });

  it("is the same for the same image, and another for another", async () => {
    const reversed = { ...subject, packages: [...subject.packages].reverse() };
    assert.equal(await sbomDocument(reversed), await sbomDocument(subject));
    const other = { ...subject, contentDigest: `sha256:${"d".repeat(64)}` };
    const [one, two] = (await Promise.all([sbomDocument(subject), sbomDocument(other)])).map(
      (text) => (JSON.parse(text) as Document).serialNumber,
    );
    assert.notEqual(one, two);
    assert.match(one!, /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.doesNotMatch(await sbomDocument(subject), /timestamp|localhost/);
  });

  it("takes whatever packages call themselves", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ minLength: 1 }),
        fc.string({ minLength: 1 }),
        fc.string(),
        async (name, version, license) => {
          const packages = [{ ecosystem: "npm" as const, name: `x${name.replaceAll("/", "")}`, version, license }];
          await sbomDocument({ ...subject, packages });
        },
      ),
      { numRuns: 20 },
    );
  });

  it("has a tag that no image has", () => {
    assert.equal(sbomTag("routing", subject.contentDigest), "routing_sbom.bbbbbbbbbbbbbbbb");
  });
}).timeout(60_000);

interface Part {
  name: string;
  version: string;
  purl: string;
  licenses?: unknown[];
  hashes?: unknown[];
}
interface Document {
  bomFormat: string;
  specVersion: string;
  serialNumber: string;
  metadata: { component: Part };
  components: Part[];
}

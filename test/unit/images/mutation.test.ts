import assert from "node:assert/strict";
import { chmodSync, chownSync, readFileSync, renameSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import fc from "fast-check";
import { allImages } from "../../../automation/images";
import { changed, Checkout, digest } from "./support/checkout";

const DOCKERFILE = `ARG PYTHON_IMAGE
ARG LAYER_IMAGE
FROM \${LAYER_IMAGE} AS layer
FROM \${PYTHON_IMAGE}
COPY --from=layer /opt /opt
COPY app/ \${LAMBDA_TASK_ROOT}/
CMD ["main.handler"]
`;
const MAIN = "handler = lambda e, c: e\n";

/** A Python function that copies one folder, and has files that it does not copy. */
const files = {
  "functions/python/Dockerfile": DOCKERFILE,
  "functions/python/app/main.py": MAIN,
  "functions/python/app/lib/data.bin": "\0\x01\x02\x7f",
  "functions/python/README.md": "not copied\n",
  "functions/python/tests/test_main.py": "not copied\n",
};

describe("the content digest", function () {
  this.timeout(60_000);
  let checkout: Checkout;
  /** Of the checkout as it was made, and as the test begins. */
  let original: Record<string, string>;
  let start: Record<string, string>;

  before(async () => {
    checkout = new Checkout(files);
    original = await checkout.digests();
  });
  beforeEach(() => (start = original));
  afterEach(() => checkout.reset());
  after(() => checkout.remove());

  const changedBy = async (what: () => void) => {
    what();
    return changed(start, await checkout.digests());
  };

  it("is one for every image", () => {
    assert.deepEqual(Object.keys(start), ["layer", "runtime", "one", "python"]);
    assert.equal(new Set(Object.values(start)).size, 4);
    for (const one of Object.values(start)) assert.match(one, /^sha256:[0-9a-f]{64}$/);
  });

  it("is the same for the same content", async () => assert.deepEqual(await changedBy(() => undefined), []));

  it("changes with every single bit of a file that is copied, and with nothing else", async () => {
    const file = "functions/python/app/main.py";
    const content = Buffer.from(MAIN);
    const seen = new Set([start.python]);
    for (let byte = 0; byte < content.length; byte++) {
      const flipped = Buffer.from(content);
      flipped[byte]! ^= 1 << (byte % 8);
      checkout.write(file, flipped);
      const digests = await checkout.digests();
      assert.deepEqual(changed(start, digests), ["python"], `byte ${byte}`);
      seen.add(digests.python!);
    }
    assert.equal(seen.size, content.length + 1, "two contents had one digest");
    assert.deepEqual(await changedBy(() => checkout.write(file, content)), []);
  });

  it("changes with a byte even where size and time of the file stay", async () => {
    const file = checkout.path("functions/python/app/main.py");
    const time = new Date("2020-01-01");
    utimesSync(file, time, time);
    assert.deepEqual(await changedBy(() => undefined), []);
    checkout.write("functions/python/app/main.py", MAIN.replace("lambda", "lamdba"));
    assert.deepEqual(await changedBy(() => utimesSync(file, time, time)), ["python"]);
  });

  it("changes with content, whatever it is, and comes back with it", async () => {
    const file = "functions/python/app/lib/data.bin";
    const contents = fc
      .uint8Array({ maxLength: 64 })
      .filter((one) => Buffer.from(one).toString("latin1") !== files[file]);
    await fc.assert(
      fc.asyncProperty(contents, async (content) => {
        assert.deepEqual(await changedBy(() => checkout.write(file, Buffer.from(content))), ["python"]);
        assert.deepEqual(await changedBy(() => checkout.write(file, files[file])), []);
      }),
      { numRuns: 10 },
    );
  });

  const copied: [string, () => void, string[]][] = [
    ["whether a file is executable", () => chmodSync(checkout.path("functions/python/app/main.py"), 0o755), ["python"]],
    [
      "a file's name",
      () => renameSync(checkout.path("functions/python/app/main.py"), checkout.path("functions/python/app/mein.py")),
      ["python"],
    ],
    [
      "a folder's name",
      () => renameSync(checkout.path("functions/python/app/lib"), checkout.path("functions/python/app/bil")),
      ["python"],
    ],
    ["a further file", () => checkout.write("functions/python/app/empty", ""), ["python"]],
    ["a file that is gone", () => rmSync(checkout.path("functions/python/app/lib/data.bin")), ["python"]],
    ["a link", () => symlinkSync("main.py", checkout.path("functions/python/app/link")), ["python"]],
    ["the Dockerfile", () => checkout.write("functions/python/Dockerfile", `${DOCKERFILE}ENV A=1\n`), ["python"]],
    ["a rule in .dockerignore", () => checkout.write("functions/python/.dockerignore", "**/data.bin\n"), ["python"]],
    ["a handler", () => checkout.write("functions/one/handler.ts", "export const handler = () => 2;\n"), ["one"]],
    [
      "the layer",
      () => checkout.write("layer/index.ts", "export const late = (n: number) => n + 2;\n"),
      ["layer", "one", "python", "runtime"],
    ],
    [
      "the Dockerfile of all others",
      () =>
        checkout.write(
          "functions/Dockerfile",
          `${readFileSync(checkout.path("functions/Dockerfile"), "utf8")}ENV A=1\n`,
        ),
      ["one"],
    ],
  ];
  for (const [what, change, images] of copied) {
    it(`changes with ${what}: ${images.join(", ")}`, async () => assert.deepEqual(await changedBy(change), images));
  }

  it("changes with where a link leads", async () => {
    symlinkSync("main.py", checkout.path("functions/python/app/link"));
    start = await checkout.digests();
    rmSync(checkout.path("functions/python/app/link"));
    assert.deepEqual(await changedBy(() => symlinkSync("lib/data.bin", checkout.path("functions/python/app/link"))), [
      "python",
    ]);
  });

  it("of a link is not that of a file with its target as content", async () => {
    symlinkSync("main.py", checkout.path("functions/python/app/link"));
    start = await checkout.digests();
    rmSync(checkout.path("functions/python/app/link"));
    assert.deepEqual(await changedBy(() => checkout.write("functions/python/app/link", "main.py")), ["python"]);
  });

  const others: [string, Partial<Parameters<Checkout["digests"]>[0]>, string[]][] = [
    [
      "the digest of a base",
      { baseImages: { BASE_IMAGE: `base@${digest("b")}`, PYTHON_IMAGE: `python@${digest("d")}` } },
      ["python"],
    ],
    [
      "the digest of the base of all others",
      { baseImages: { BASE_IMAGE: `base@${digest("d")}`, PYTHON_IMAGE: `python@${digest("c")}` } },
      ["one", "runtime"],
    ],
    ["a label", { source: "https://example.com/x" }, ["layer", "one", "python", "runtime"]],
    ["the version", { version: "1.2.4" }, ["layer", "one", "python", "runtime"]],
  ];
  for (const [what, change, images] of others) {
    it(`changes with ${what}`, async () => assert.deepEqual(changed(start, await checkout.digests(change)), images));
  }

  it("does not change with the registry that a base is kept in", async () => {
    const baseImages = { BASE_IMAGE: `localhost:1/x@${digest("b")}`, PYTHON_IMAGE: `p:3@${digest("c")}` };
    assert.deepEqual(changed(start, await checkout.digests({ baseImages })), []);
  });

  const uncopied: [string, () => void][] = [
    ["a file beside", () => checkout.write("functions/python/README.md", "other\n")],
    ["a further file beside", () => checkout.write("functions/python/notes/new.txt", "new\n")],
    ["a file beside that is gone", () => rmSync(checkout.path("functions/python/tests/test_main.py"))],
    ["a comment in a handler", () => checkout.write("functions/one/handler.ts", `// why\n${handlerOf(checkout)}`)],
    ["a README of the checkout", () => checkout.write("README.md", "text\n")],
    ["times", () => utimesSync(checkout.path("functions/python/app/main.py"), 0, 0)],
    ["what others may do with a file", () => chmodSync(checkout.path("functions/python/app/main.py"), 0o600)],
    ["a rule in .dockerignore about nothing", () => checkout.write("functions/python/.dockerignore", "*.md\n")],
  ];
  for (const [what, change] of uncopied) {
    it(`does not change with ${what}`, async () => assert.deepEqual(await changedBy(change), []));
  }

  it("does not change with a file's owner", async function () {
    if (process.getuid?.() !== 0) {
      console.log("      skipped: only root can give files away");
      return this.skip();
    }
    assert.deepEqual(await changedBy(() => chownSync(checkout.path("functions/python/app/main.py"), 12345, 12345)), []);
  });

  it("is the same in a second clone, with another path, umask and order of writing", async () => {
    const umask = process.umask(0o077);
    const clone = new Checkout(Object.fromEntries(Object.entries(files).reverse()));
    try {
      assert.deepEqual(changed(start, await clone.digests()), []);
      const images = async (one: Checkout) => allImages(await one.prepare());
      assert.deepEqual(await images(clone), await images(checkout), "the provider's inputs differ");
    } finally {
      process.umask(umask);
      clone.remove();
    }
  });
});

const handlerOf = (checkout: Checkout) => readFileSync(checkout.path("functions/one/handler.ts"), "utf8");

import { strict as assert } from "node:assert";
import { ImageNotFoundException } from "@aws-sdk/client-ecr";
import fc from "fast-check";
import { commitOf, compareFunctions } from "../../../automation/release/compare";
import { describeAll } from "../../../automation/release/list";
import { imagesOutputs } from "../../../automation/release/outputs";
import { parseReference, shortDigest } from "../../../automation/release/reference";
import { lookUp, readManifest, type RegistryImage } from "../../../automation/release/registry";
import { runningFunctions } from "../../../automation/release/running";
import { verifyImages } from "../../../automation/release/verify";
import { code, outputs } from "../automation/fakes";

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
const ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
const uri = (digit: string) => `${ecr}/tributary-images@${digest(digit)}`;
const manifest = (...layers: [string, number][]) =>
  JSON.stringify({
    config: { digest: digest("f"), size: 10 },
    layers: layers.map(([of, size]) => ({ digest: digest(of), size })),
  });

describe("images in a registry", () => {
  it("are named by digest, with account and region of ECR's addresses", () => {
    assert.deepEqual(parseReference(uri("a")), {
      registry: ecr,
      repository: "tributary-images",
      digest: digest("a"),
      account: "123456789012",
      region: "eu-west-1",
    });
    assert.equal(parseReference(`localhost:20029/a/b@${digest("a")}`).repository, "a/b");
    assert.equal(
      parseReference(`1${"2".repeat(11)}.dkr.ecr.cn-north-1.amazonaws.com.cn/r@${digest("a")}`).region,
      "cn-north-1",
    );
    assert.equal(shortDigest(digest("a")), "a".repeat(12));
  });

  it("that are named otherwise are refused, whatever stands there", () => {
    for (const wrong of [
      `${ecr}/r:latest`,
      `${ecr}/r`,
      `r@${digest("a")}`,
      `${ecr}/R@${digest("a")}`,
      `${uri("a")}0`,
    ]) {
      assert.throws(() => parseReference(wrong), code("ImageReferenceInvalid"), wrong);
    }
    fc.assert(
      fc.property(fc.string(), (text) => {
        assert.throws(() => parseReference(text), code("ImageReferenceInvalid"));
      }),
    );
  });

  it("have the size of their layers and configuration", () => {
    assert.deepEqual(readManifest(manifest(["1", 100], ["2", 5]), "d"), {
      layers: [
        { digest: digest("1"), size: 100 },
        { digest: digest("2"), size: 5 },
      ],
      config: digest("f"),
      size: 115,
    });
  });

  it("are single manifests: an index, or garbage, is told", () => {
    assert.throws(() => readManifest('{"manifests":[]}', "d"), code("ManifestUnexpected", /index/));
    for (const text of ["", "null", "[]", '{"layers":[{}]}', '{"layers":"x"}']) {
      assert.throws(() => readManifest(text, "d"), code("ManifestUnexpected", /no image manifest/), text);
    }
  });

  it("are looked up 100 at a time; what is gone is left out", async () => {
    const asked: number[] = [];
    const client = {
      send: async ({ constructor: { name }, input }: { constructor: { name: string }; input: Input }) => {
        if (name === "BatchGetImageCommand") {
          asked.push(input.imageIds.length);
          const found = input.imageIds.filter(({ imageDigest }) => imageDigest !== "sha256:7");
          return { images: found.map((imageId) => ({ imageId, imageManifest: manifest(["1", 1]) })) };
        }
        if (input.imageIds.length === 49) throw new ImageNotFoundException({ message: "gone", $metadata: {} });
        const imagePushedAt = new Date("2026-01-02T03:04:05Z");
        return { imageDetails: input.imageIds.map((id) => ({ ...id, imagePushedAt, imageTags: ["b", "a"] })) };
      },
    };
    const digests = Array.from({ length: 149 }, (_, index) => `sha256:${index}`);
    const found = await lookUp(client as never, "r", [...digests, "sha256:1"]);
    assert.deepEqual(asked, [100, 49]);
    assert.equal(found.size, 148);
    assert.equal(found.has("sha256:7"), false);
    assert.equal(found.get("sha256:1")?.pushedAt, "2026-01-02T03:04:05.000Z");
    assert.deepEqual(found.get("sha256:1")?.tags, ["a", "b"]);
    assert.deepEqual(found.get("sha256:120")?.tags, [], "deleted between the two requests");
  });
});

interface Input {
  imageIds: { imageDigest: string }[];
}

const known = (of: string, layers: [string, number][], tags: string[] = []): [string, RegistryImage] => [
  digest(of),
  { digest: digest(of), mediaType: "m", manifestSize: 1, ...readManifest(manifest(...layers), of), tags },
];

describe("a list of images", () => {
  it("tells which layers other images have, too, and how large they are", () => {
    const registry = new Map([
      known("a", [
        ["1", 100],
        ["2", 20],
      ]),
      known("b", [
        ["1", 100],
        ["3", 30],
      ]),
    ]);
    const named = ["c", "b", "a"].map((name) => ({ name, digest: digest(name), uri: uri(name) }));
    const [a, b, c] = describeAll(named, registry);
    assert.deepEqual([a?.name, a?.size, a?.layers, a?.shared, a?.sharedBytes], ["a", 130, 2, 1, 100]);
    assert.equal(b?.shared, 1);
    assert.deepEqual(c, { name: "c", digest: digest("c"), uri: uri("c"), tags: [] }, "the registry has it no more");
  });

  it("does not take one image under two names for sharing", () => {
    const registry = new Map([known("a", [["1", 100]])]);
    const named = ["x", "y"].map((name) => ({ name, digest: digest("a"), uri: uri("a") }));
    assert.deepEqual(
      describeAll(named, registry).map(({ shared }) => shared),
      [0, 0],
    );
  });

  it("comes from a stack that was built to its end", () => {
    const image = { digest: digest("a"), uri: uri("a") };
    assert.equal(imagesOutputs({ images: { a: image }, repository: "r" }, "images", "n").images.a, image);
    const wrong = [{}, { images: {} }, { images: [], repository: "r" }, { images: { a: {} }, repository: "r" }];
    for (const each of wrong) assert.throws(() => imagesOutputs(each, "images", "n"), code("ImagesNotBuilt"));
  });
});

describe("a comparison of environments", () => {
  const running = (name: string, of?: string) =>
    of === undefined ? { name } : { name, uri: uri(of), reference: parseReference(uri(of)) };

  it("is by digest, function by function", () => {
    const from = [running("one", "a"), running("two", "a"), running("three"), running("four", "a")];
    const to = [running("one", "a"), running("two", "b"), running("three", "a")];
    const results = compareFunctions(from, to).map(({ name, result }) => [name, result]);
    const expected = [
      ["four", "missing"],
      ["one", "same"],
      ["three", "missing"],
      ["two", "other"],
    ];
    assert.deepEqual(results, expected);
  });

  it("does not mind the registry: a copy in another region is the same", () => {
    const copy = uri("a").replace("eu-west-1", "us-east-1");
    const to = [{ name: "one", uri: copy, reference: parseReference(copy) }];
    assert.equal(compareFunctions([running("one", "a")], to)[0]?.result, "same");
  });

  it("names the commit out of the image's tags, and of no other image's", () => {
    const content = "one.0123456789abcdef";
    assert.equal(
      commitOf("one", [content, "one.20261121T155736Z-c5183f", "one.abcdefabcdef-01234567"]),
      "abcdefabcdef",
    );
    assert.equal(commitOf("one", [content, "one.20261121T155736Z-c5183f"]), undefined);
    assert.equal(commitOf("one", ["one-two.abcdefabcdef-01234567"]), undefined);
    const registry = new Map([known("a", [], ["one.abcdefabcdef-01234567"])]);
    assert.equal(compareFunctions([running("one", "a")], [], registry)[0]?.from?.commit, "abcdefabcdef");
  });
});

describe("what functions run", () => {
  /** A Lambda whose functions run these images, and say that they run those. */
  const lambda = (runs: Record<string, string | undefined>, says: Record<string, unknown> = {}) => ({
    send: async ({ constructor, input }: { constructor: { name: string }; input: { FunctionName: string } }) => {
      const name = Object.entries(outputs.functions).find(([, arn]) => arn === input.FunctionName)![0];
      if (constructor.name === "GetFunctionCommand") return { Code: { ImageUri: runs[name] } };
      const said = says[name];
      if (said instanceof Error) return { FunctionError: "Unhandled", Payload: Buffer.from(said.message) };
      return { Payload: Buffer.from(JSON.stringify(said ?? null)) };
    },
  });
  const lake = (client: unknown) => ({ env: "dev", outputs, lambda: client }) as never;
  const names = Object.keys(outputs.functions);
  const all = (value: string) => Object.fromEntries(names.map((name) => [name, value]));

  it("is asked of Lambda, for the alias", async () => {
    const found = await runningFunctions(lake(lambda({ redrive: uri("a") })));
    assert.deepEqual(
      found.map(({ name, reference }) => [name, reference?.digest]),
      [
        ["redrive", digest("a")],
        ["stage-a-redrive", undefined],
        ["stage-b-redrive", undefined],
      ],
    );
  });

  it("is what was deployed when Lambda and the functions themselves say so", async () => {
    const says = Object.fromEntries(names.map((name) => [name, { digest: digest("a") }]));
    const right = lake(lambda(all(uri("a")), says));
    assert.deepEqual(await verifyImages(right, all(uri("a")), true), { functions: 3, answered: 3 });
    assert.deepEqual(await verifyImages(right, all(uri("a")), false), { functions: 3, answered: 0 });
  });

  it("is told function by function when it is something else", async () => {
    const says = {
      redrive: { digest: digest("b") },
      "stage-a-redrive": new Error("no module"),
      "stage-b-redrive": null,
    };
    await assert.rejects(
      verifyImages(lake(lambda(all(uri("a")), says)), all(uri("a")), true),
      code(
        "ImageMismatch",
        /redrive: the function says b{12}, deployed was a{12}[^]*does not start: no module[^]*says no image/,
      ),
    );
    await assert.rejects(
      verifyImages(lake(lambda({ ...all(uri("a")), redrive: undefined })), all(uri("a")), false),
      code("ImageMismatch", /1 functions[^]*redrive: Lambda runs no image/),
    );
  });
});

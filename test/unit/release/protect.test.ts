import { strict as assert } from "node:assert";
import { ImageAlreadyExistsException, type ImageDetail } from "@aws-sdk/client-ecr";
import fc from "fast-check";
import type { DriverEvent } from "../../../automation/events";
import { deployedPrefix, protectDeployed, protectIn, superfluousTags } from "../../../automation/release/protect";
import { code } from "../automation/fakes";

const digest = (number: number) => `sha256:${number.toString(16).padStart(12, "0").padEnd(64, "f")}`;
const short = (number: number) => digest(number).slice(7, 19);
const tag = (number: number, env = "dev") => `deployed.${env}.eu-west-1.${short(number)}`;
const account = "123456789012";
const uri = (number: number, of = account) =>
  `${of}.dkr.ecr.eu-west-1.amazonaws.com/tributary-images@${digest(number)}`;

/* eslint-disable @typescript-eslint/no-explicit-any -- inputs of all commands */
/** ECR as its documentation describes it: an image ends with its last tag, and no tag is given twice. */
class FakeEcr {
  readonly asked: string[] = [];
  refusal: Error | undefined;
  constructor(
    readonly images: Map<string, { tags: string[]; pushedAt: number }>,
    private readonly page = 1_000,
  ) {}

  static of(...images: [number, ...string[]][]): FakeEcr {
    const entries = images.map(([number, ...tags]) => [digest(number), { tags, pushedAt: number }] as const);
    return new FakeEcr(new Map(entries), 2);
  }

  tags(number: number): string[] | undefined {
    return this.images.get(digest(number))?.tags.toSorted();
  }

  send = async ({ constructor: { name }, input }: any): Promise<any> => {
    this.asked.push(name);
    if (this.refusal) throw this.refusal;
    assert.equal(input.repositoryName, "tributary-images");
    return this[name as "PutImageCommand"](input);
  };

  DescribeImagesCommand({ nextToken = "0" }: any) {
    const all = [...this.images].map(([imageDigest, { tags, pushedAt }]) => ({
      imageDigest,
      imageTags: [...tags],
      imagePushedAt: new Date(pushedAt),
    }));
    const end = Number(nextToken) + this.page;
    return {
      imageDetails: all.slice(Number(nextToken), end),
      ...(end < all.length ? { nextToken: String(end) } : {}),
    };
  }

  BatchGetImageCommand({ imageIds }: any) {
    assert.ok(imageIds.length <= 100);
    const there = imageIds.filter(({ imageDigest }: any) => this.images.has(imageDigest));
    return { images: there.map((imageId: any) => ({ imageId, imageManifest: `{"of":"${imageId.imageDigest}"}` })) };
  }

  PutImageCommand({ imageDigest, imageTag, imageManifest }: any) {
    assert.equal(imageManifest, `{"of":"${imageDigest}"}`, "the same manifest");
    for (const { tags } of this.images.values()) {
      if (tags.includes(imageTag)) throw new ImageAlreadyExistsException({ message: "there", $metadata: {} });
    }
    this.images.get(imageDigest)!.tags.push(imageTag);
  }

  BatchDeleteImageCommand({ imageIds }: any) {
    assert.ok(imageIds.length > 0 && imageIds.length <= 100);
    for (const { imageTag } of imageIds) {
      const [of, { tags }] = [...this.images].find(([, image]) => image.tags.includes(imageTag))!;
      tags.splice(tags.indexOf(imageTag), 1);
      if (tags.length === 0) this.images.delete(of);
    }
  }
}

const protect = (ecr: FakeEcr, running: number[], keep: number | undefined = 2) =>
  protectIn(ecr as never, {
    env: "dev",
    region: "eu-west-1",
    repository: "tributary-images",
    running: running.map(digest),
    keep,
  });

describe("deployed images", () => {
  it("get a tag of their environment and region, once", async () => {
    const ecr = FakeEcr.of([1, "routing.a"], [2, "redrive.b"], [3, "routing.c"]);
    assert.deepEqual(await protect(ecr, [1, 2]), { tagged: 2, removed: 0 });
    assert.deepEqual(ecr.tags(1), [tag(1), "routing.a"]);
    assert.deepEqual(ecr.tags(3), ["routing.c"]);
    ecr.asked.length = 0;
    assert.deepEqual(await protect(ecr, [1, 2]), { tagged: 0, removed: 0 });
    assert.deepEqual([...new Set(ecr.asked)], ["DescribeImagesCommand"]);
  });

  it("keep it as long as they are among the function's last ones; the images themselves all stay", async () => {
    const ecr = FakeEcr.of([1, "routing.a"], [2, "routing.b"], [3, "routing.c"], [4, "redrive.d"]);
    for (const running of [1, 2, 3]) await protect(ecr, [running, 4]);
    assert.deepEqual(
      [1, 2, 3, 4].map((each) => ecr.tags(each)!.includes(tag(each))),
      [false, true, true, true],
    );
    assert.equal(ecr.images.size, 4);
  });

  it("that run again after a rollback are kept, however old they are", async () => {
    const ecr = FakeEcr.of([1, "routing.a"], [2, "routing.b"], [3, "routing.c"]);
    for (const running of [1, 2, 3, 1]) await protect(ecr, [running]);
    assert.deepEqual(
      [1, 2, 3].map((each) => ecr.tags(each)!.includes(tag(each))),
      [true, false, true],
    );
  });

  it("of other environments and regions are left alone", async () => {
    const others = ["deployed.dev2.eu-west-1.0", "deployed.dev.eu-central-1.0", "deployed.dev-2.eu-west-1.0"];
    const ecr = FakeEcr.of([1, "routing.a", ...others], [2, "routing.b"]);
    await protect(ecr, [1], 1);
    await protect(ecr, [2], 1);
    assert.deepEqual(ecr.tags(1), [...others, "routing.a"].sort());
  });

  it("do not lose their last tag, which ECR would delete them with", async () => {
    const ecr = FakeEcr.of([1, tag(1)], [2, tag(2), tag(2, "prod")], [3, "routing.c"]);
    assert.deepEqual(await protect(ecr, [3], 1), { tagged: 1, removed: 0 });
    assert.equal(ecr.images.size, 3);
  });

  it("of two functions are kept for either", async () => {
    const ecr = FakeEcr.of([1, "routing.a", "redrive.a", tag(1)], [2, "routing.b"]);
    assert.equal((await protect(ecr, [2], 1)).removed, 0);
    ecr.images.set(digest(3), { tags: ["redrive.c"], pushedAt: 3 });
    assert.equal((await protect(ecr, [2, 3], 1)).removed, 1);
  });

  it("that the registry lacks are told, after the others were tagged, and nothing loses its tag", async () => {
    const ecr = FakeEcr.of([1, "routing.a", tag(1)], [2, "routing.b"]);
    await assert.rejects(protect(ecr, [2, 9], 1), code("ImageMissing", new RegExp(short(9))));
    assert.deepEqual(ecr.tags(2), [tag(2), "routing.b"]);
    assert.ok(ecr.tags(1)!.includes(tag(1)));
  });

  it("always include all that runs, and never more of a function than are kept", () => {
    const image = fc.record({ name: fc.constantFrom("a", "b"), ran: fc.boolean(), runs: fc.boolean() });
    fc.assert(
      fc.property(fc.array(image, { maxLength: 40 }), fc.integer({ min: 1, max: 5 }), (all, keep) => {
        const details = all.map(({ name, ran, runs }, index) => ({
          imageDigest: digest(index),
          imageTags: [`${name}.${index}`, ...(ran || runs ? [tag(index)] : [])],
          imagePushedAt: new Date(index),
        })) satisfies ImageDetail[];
        const running = new Set(all.flatMap(({ runs }, index) => (runs ? [digest(index)] : [])));
        const gone = new Set(superfluousTags(details, deployedPrefix("dev", "eu-west-1"), running, keep));
        for (const index of all.keys()) if (running.has(digest(index))) assert.ok(!gone.has(tag(index)));
        for (const name of ["a", "b"]) {
          const of = [...all.entries()].filter(([, each]) => each.name === name && (each.ran || each.runs));
          const kept = of.filter(([index]) => !gone.has(tag(index)));
          const runs = of.filter(([, each]) => each.runs);
          assert.equal(kept.length, Math.min(of.length, Math.max(keep, runs.length)));
        }
      }),
    );
  });
});

describe("the protection of a deployment", () => {
  const run = async (ecr: FakeEcr, images: Record<string, string>, aws?: object) => {
    const events: DriverEvent[] = [];
    const regions: string[] = [];
    const connect = async (region: string) => (regions.push(region), { client: ecr, close: () => undefined });
    const deployed = { env: "dev", region: "eu-west-1", account, images };
    const done = await protectDeployed(deployed, (event) => events.push(event), aws as never, connect as never);
    const warnings = events.flatMap((event) => (event.type === "message" ? [`${event.level}: ${event.text}`] : []));
    return { done, warnings, regions };
  };

  it("asks the registry of the images' own region", async () => {
    const ecr = FakeEcr.of([1, "routing.a"]);
    const { done, warnings, regions } = await run(ecr, { routing: uri(1), redrive: uri(1) });
    assert.deepEqual([done, warnings, regions], [{ tagged: 1, removed: 0 }, [], ["eu-west-1"]]);
    assert.deepEqual(ecr.tags(1), [tag(1), "routing.a"]);
  });

  it("keeps the last ten of each function", async () => {
    const ecr = FakeEcr.of(...Array.from({ length: 12 }, (_, index): [number, string] => [index, `routing.${index}`]));
    for (const number of Array.from({ length: 12 }).keys()) await run(ecr, { routing: uri(number) });
    const kept = [...ecr.images.keys()].filter((_, index) => ecr.tags(index)!.includes(tag(index)));
    assert.deepEqual(kept, [...ecr.images.keys()].slice(2));
  });

  it("in another account's repository is a warning that says why and what to do; nothing is asked there", async () => {
    const ecr = FakeEcr.of([1, "routing.a"]);
    const { done, warnings } = await run(ecr, { routing: uri(1, "210987654321") });
    assert.deepEqual([done, ecr.asked], [{ tagged: 0, removed: 0 }, []]);
    assert.match(warnings.join(), /^warning: .*is of the account 210987654321, not of dev's account 123456789012/);
    assert.match(warnings.join(), new RegExp(`put-image.*deployed\\.dev-${account}\\.eu-west-1\\.${short(1)}$`));
  });

  it("that is refused is a warning that says why and what to do; the deployment stands", async () => {
    const ecr = FakeEcr.of([1, "routing.a"]);
    ecr.refusal = Object.assign(new Error("not authorized"), { name: "AccessDeniedException" });
    const { done, warnings } = await run(ecr, { routing: uri(1) });
    assert.deepEqual(done, { tagged: 0, removed: 0 });
    assert.match(warnings.join(), /AccessDeniedException: not authorized; allow the deployment ecr:DescribeImages/);
  });

  it("removes nothing in a local AWS, which would delete the image with any of its tags", async () => {
    const ecr = FakeEcr.of(...Array.from({ length: 12 }, (_, index): [number, string] => [index, `routing.${index}`]));
    for (const number of Array.from({ length: 12 }).keys())
      await run(ecr, { routing: uri(number, "000000000000") }, {});
    assert.ok(!ecr.asked.includes("BatchDeleteImageCommand"));
    assert.ok([...ecr.images.keys()].every((_, index) => ecr.tags(index)!.includes(tag(index))));
  });
});

import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { PreparedImage } from "../../../automation/images";
import type { Release } from "../../../automation/release/build";
import type { ImagesOutputs } from "../../../automation/release/outputs";
import {
  lastContentDigests,
  recordRelease,
  unchangedRelease,
  type Inputs,
} from "../../../automation/release/unchanged";
import { stateFolder, type Environment } from "../../../automation/stacks/environments";
import { stateFile } from "../../../automation/stacks/state";

const stack = { name: "images.local", project: "tributary", local: true } as Environment;
const content = (digit: string) => `sha256:${digit.repeat(64)}`;
const inputs: Inputs = {
  digest: "inputs",
  images: { layer: content("1"), routing: content("2") },
  runtime: { name: "runtime" } as PreparedImage,
  stateId: "a",
};
const release: Release = {
  ok: true,
  repository: "repository",
  images: [
    { name: "layer", result: "unchanged", digest: content("3") },
    { name: "routing", result: "built", seconds: 3, digest: content("4") },
  ],
  changes: { create: 1, update: 1, delete: 1, same: 7 },
  seconds: 9,
};
const outputsOf = (images: Record<string, string>) =>
  ({
    images: Object.fromEntries(Object.entries(images).map(([name, contentDigest]) => [name, { contentDigest }])),
  }) as unknown as ImagesOutputs;

describe("a run with nothing to build", () => {
  let root: string;
  const write = async (file: string, text: string) => {
    await fs.mkdir(path.dirname(file), { recursive: true });
    await fs.writeFile(file, text);
  };
  const found = (given: Inputs | undefined = inputs) => unchangedRelease(root, stack, Promise.resolve(given));

  beforeEach(async () => {
    root = await fs.mkdtemp(path.join(os.tmpdir(), "tributary-unchanged-"));
    await write(stateFile(root, stack), "state");
    await write(path.join(stateFolder(root), "local-aws-state-id"), "a");
    await recordRelease(root, stack, inputs, release, outputsOf(inputs.images));
  });
  afterEach(() => fs.rm(root, { recursive: true, force: true }));

  it("gives the last run's images, as unchanged, without an engine", async () => {
    assert.deepEqual(await found(), {
      ...release,
      images: [
        { name: "layer", result: "unchanged", digest: content("3") },
        { name: "routing", result: "unchanged", digest: content("4") },
      ],
      changes: { create: 0, update: 0, delete: 0, same: 8 },
    });
  });

  it("tells what the last complete run was made from, and nothing where there was none", async () => {
    assert.deepEqual(await lastContentDigests(root, stack), inputs.images);
    assert.equal(await lastContentDigests(root, { ...stack, name: "other" }), undefined);
  });

  it("is not believed after content, settings or the program changed", async () => {
    assert.equal(await found({ ...inputs, digest: "others" }), undefined);
    assert.equal(await unchangedRelease(root, stack, Promise.resolve(undefined)), undefined);
  });

  it("is not believed when somebody else changed the state, or it is gone", async () => {
    await write(stateFile(root, stack), "another state");
    assert.equal(await found(), undefined);
    await fs.rm(stateFile(root, stack));
    assert.equal(await found(), undefined);
  });

  it("is not believed when the local AWS lost what the state tells of", async () => {
    assert.equal(await found({ ...inputs, stateId: "b" }), undefined);
  });

  it("is not remembered when a file was edited while it was built", async () => {
    await fs.rm(path.join(stateFolder(root), "images.local.release.json"));
    const edited = outputsOf({ ...inputs.images, routing: content("9") });
    await recordRelease(root, stack, inputs, release, edited);
    assert.equal(await found(), undefined);
  });

  it("is not believed when its record is damaged", async () => {
    await write(path.join(stateFolder(root), "images.local.release.json"), "{");
    assert.equal(await found(), undefined);
  });

  it("waits for nothing where nothing was built before", async () => {
    await fs.rm(stateFile(root, stack));
    assert.equal(await unchangedRelease(root, stack, new Promise<never>(() => undefined)), undefined);
  });
});

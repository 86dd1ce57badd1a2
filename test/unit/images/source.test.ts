import assert from "node:assert/strict";
import { pinnedBases, promotedImages } from "../../../automation/images/source";
import { parseSettings } from "../../../automation/settings";
import { functionNames } from "../../../components/lake/functions";
import { account, digestOf, region, run } from "../components/support/mocks";
import { digest } from "./support/checkout";

describe("base images", () => {
  it("are named by their digest: a tag is asked for, a digest is taken as it is", async () => {
    const pinned = `python@${digest("1")}`;
    const { outputs } = await run(() => pinnedBases({ BASE_IMAGE: "node:22", PYTHON_IMAGE: pinned }));
    assert.deepEqual(outputs, { BASE_IMAGE: `node:22@${digestOf("node:22")}`, PYTHON_IMAGE: pinned });
  });
});

describe("a lake's images", () => {
  const repository = `${account}.dkr.ecr.${region}.amazonaws.com/tributary-images`;
  const uris = Object.fromEntries(functionNames.map((name) => [name, `${repository}@${digest("1")}`]));
  const images = Object.fromEntries(Object.entries(uris).map(([name, uri]) => [name, { uri, digest: digest("1") }]));

  const promoted = (setting: unknown, outputs: object = { images }, where = region) =>
    run(
      () =>
        promotedImages(
          parseSettings({
            project: "tributary",
            stack: "prod",
            values: {
              "aws:region": where,
              "tributary:packaging": "image",
              ...(setting !== undefined && { "tributary:images": JSON.stringify(setting) }),
            },
          }),
        ),
      { stack: "prod", stacks: { "organization/tributary/images": outputs } },
    );

  it("are what the stack images built last", async () => {
    assert.deepEqual((await promoted(undefined)).outputs, uris);
    assert.deepEqual((await promoted({ stack: "images" })).outputs, uris);
  });

  it("are those that are listed, and then no other stack is asked", async () => {
    const made = await promoted(uris, {});
    assert.deepEqual(made.outputs, uris);
    assert.equal(made.resources.filter(({ type }) => type === "pulumi:pulumi:StackReference").length, 0);
  });

  it("come from the lake's own region, where Lambda looks for them", async () => {
    const { outputs } = await promoted(undefined, { images }, "eu-central-1");
    for (const uri of Object.values(outputs)) {
      assert.equal(uri, `${account}.dkr.ecr.eu-central-1.amazonaws.com/tributary-images@${digest("1")}`);
    }
  });

  it("of another registry are taken as they are", async () => {
    const other = Object.fromEntries(functionNames.map((name) => [name, `registry.example/x@${digest("2")}`]));
    assert.deepEqual((await promoted(other, {}, "eu-central-1")).outputs, other);
  });

  it("that are not there are told by name, with what to do, before anything is created", async () => {
    const { routing: _, redrive: __, ...others } = images;
    await assert.rejects(promoted(undefined, { images: others }), {
      code: "ImagesMissing",
      exitCode: 2,
      message: new RegExp(`^stack images has no image of 2 of ${functionNames.length} functions: routing, redrive;`),
      next: /images build --push/,
    });
    await assert.rejects(promoted({ routing: uris.routing }), {
      code: "ImagesMissing",
      message: new RegExp(
        `^tributary:images in Pulumi\\.prod\\.yaml names no image of ${functionNames.length - 1} of ${functionNames.length} functions: redrive,`,
      ),
      next: /promote/,
    });
  });

  it("of a stack that is not there are told with the command that makes it, before the engine ends the program", async () => {
    for (const [stack, command] of [
      ["images.local", "npx tributary images build makes"],
      ["images.other", "pulumi up -s images.other makes"],
    ] as const) {
      await assert.rejects(promoted({ stack }), {
        code: "ImagesMissing",
        exitCode: 2,
        message: new RegExp(`^there is no stack ${stack} to take images from \\(organization/tributary/${stack}\\)`),
        next: new RegExp(`^${command}`),
      });
    }
  });

  for (const [what, value] of Object.entries({
    nothing: undefined,
    text: "x",
    entries: { routing: 7, redrive: null },
  })) {
    it(`are missing where the stack holds ${what}`, async () => {
      await assert.rejects(promoted(undefined, { images: value }), { code: "ImagesMissing" });
    });
  }
});

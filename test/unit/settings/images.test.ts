import assert from "node:assert/strict";
import {
  holdsImages,
  imagesSettingsSchema,
  parseImagesSettings,
  parseSettings,
  platformOf,
} from "../../../automation/settings";

const parsed = (values: Record<string, string>) =>
  parseSettings({ project: "tributary", stack: "dev", values: { "aws:region": "eu-west-1", ...values } });

describe("settings of the stack images", () => {
  const images = (values: Record<string, string> = {}, stack = "images") =>
    parseImagesSettings({ project: "tributary", stack, values: { "aws:region": "eu-west-1", ...values } });

  it("are its own", () => {
    assert.deepEqual(["images", "images.local", "dev", "image", "imagesx"].map(holdsImages), [
      true,
      true,
      ...[false, false, false],
    ]);
    assert.throws(() => images({ "tributary:batchSize": "1" }), {
      code: "InvalidSettings",
      message:
        /tributary:batchSize in Pulumi\.images\.yaml: found a key that does not exist; allowed: imageBuild, backend, secretsProvider, tags/,
    });
  });

  it("have a default for every key", () => {
    const { imageBuild, tags } = images();
    assert.deepEqual(Object.keys(imagesSettingsSchema.shape), ["imageBuild", "backend", "secretsProvider", "tags"]);
    assert.deepEqual(tags, {});
    assert.deepEqual(imageBuild, {
      baseImages: { BASE_IMAGE: "public.ecr.aws/lambda/nodejs:22" },
      cache: true,
      repository: {
        keep: 100,
        keepCache: "14 days",
        encryption: "customer",
        keyDeletionWindow: "30 days",
        scanOnPush: true,
        accounts: [],
        replicateTo: [],
        forceDelete: false,
      },
    });
  });

  it("build for arm64, but for this machine where the images stay here", () => {
    const here = process.arch === "x64" ? "linux/amd64" : "linux/arm64";
    assert.deepEqual(
      [
        platformOf({}),
        platformOf({ registry: "localhost:1" }),
        platformOf({ registry: "x:1", platform: "linux/arm64" }),
      ],
      ["linux/arm64", here, "linux/arm64"],
    );
  });

  it("of a lake that builds its own images follow its architecture", () => {
    assert.equal(parsed({ "tributary:architecture": "arm64" }).imageBuild.platform, "linux/arm64");
    assert.equal(parsed({}).imageBuild.platform, "linux/amd64");
  });

  it("keep further base images beside the default", () => {
    const python = `python@sha256:${"1".repeat(64)}`;
    const { imageBuild } = images({ "tributary:imageBuild": JSON.stringify({ baseImages: { PYTHON_IMAGE: python } }) });
    assert.deepEqual(imageBuild.baseImages, {
      BASE_IMAGE: "public.ecr.aws/lambda/nodejs:22",
      PYTHON_IMAGE: python,
    });
  });

  it("of branches have names of their own and leave the account's replication alone", () => {
    const values = {
      "aws:region": "eu-west-1",
      "tributary:imageBuild": '{"repository":{"replicateTo":["us-east-1"]}}',
    };
    const of = (stack: string) => parseImagesSettings({ project: "tributary", stack, values });
    const [own, branches] = [of("images"), of("images.branches")];
    assert.deepEqual([own.env, own.imageBuild.repository.replicateTo], ["images", ["us-east-1"]]);
    assert.deepEqual([branches.env, branches.imageBuild.repository.replicateTo], ["images-branches", []]);
  });

  it("may name a backend, as those of a lake may", () => {
    const of = (backend: string) => [images, parsed].map((parse) => parse({ "tributary:backend": backend }).backend);
    for (const backend of ["s3://state?region=eu-west-1&awssdk=v2", "https://api.pulumi.com", "file:///var/state"]) {
      assert.deepEqual(of(backend), [backend, backend]);
    }
    for (const backend of ["", "state", "http://state", "https://user:secret@host", "s3://a b"]) {
      const refused = { code: "InvalidSettings", message: /tributary:backend in Pulumi\..*begins with s3:/ };
      for (const parse of [images, parsed]) assert.throws(() => parse({ "tributary:backend": backend }), refused);
    }
  });
});

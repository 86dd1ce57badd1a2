import assert from "node:assert/strict";
import type * as pulumi from "@pulumi/pulumi";
import type { PreparedImage, PreparedImages, Revision } from "../../../automation/images";
import { parseImagesSettings } from "../../../automation/settings";
import { Images } from "../../../components/images/Images";
import { scopeOf } from "./support/lake";
import { account, digestOf, inputsOf, ofType, type Registered, region, run } from "./support/mocks";

/* eslint-disable @typescript-eslint/no-explicit-any -- inputs and policies of all types */
const types = {
  image: "docker-build:index:Image",
  stash: "pulumi:index:Stash",
  repository: "aws:ecr/repository:Repository",
  policy: "aws:ecr/repositoryPolicy:RepositoryPolicy",
  lifecycle: "aws:ecr/lifecyclePolicy:LifecyclePolicy",
  replication: "aws:ecr/replicationConfiguration:ReplicationConfiguration",
};
const content = (digit: string) => `sha256:${digit.repeat(64)}`;
const base = `base@${content("b")}`;

function prepared(name: string, change: Partial<PreparedImage> = {}): PreparedImage {
  return {
    name,
    kind: "bundle",
    context: `.tributary/build/images/linux-arm64/${name}/context`,
    dockerfile: `.tributary/build/images/linux-arm64/${name}/Dockerfile`,
    contentDigest: content("1"),
    buildArgs: { SOURCE_DATE_EPOCH: "1" },
    labels: { "org.opencontainers.image.revision": content("1") },
    uses: ["RUNTIME_IMAGE"],
    platform: "linux/arm64",
    reproducible: true,
    rewriteTimes: true,
    files: 1,
    bytes: 1,
    ...change,
  };
}

const ownImages: PreparedImages = {
  layer: prepared("layer", { kind: "layer", uses: [], rewriteTimes: false }),
  runtime: prepared("runtime", { kind: "runtime", uses: [], rewriteTimes: false, buildArgs: { BASE_IMAGE: base } }),
  functions: [
    prepared("routing"),
    prepared("python", { kind: "folder", reproducible: false, contentDigest: content("2") }),
  ],
};
const revision: Revision = { commit: "c".repeat(40), buildId: "build-7" };

async function build(
  imageBuild: object = {},
  env = "images",
  change: { tags?: Record<string, string> } = {},
  /** What the state already has, by logical name. */
  recorded: Record<string, object> = {},
  images: PreparedImages = ownImages,
) {
  const settings = parseImagesSettings({
    project: "tributary",
    stack: env,
    values: { "aws:region": region, "tributary:imageBuild": JSON.stringify(imageBuild) },
  }).imageBuild;
  return run(() => new Images("images", { scope: scopeOf(env), settings, images, revision, ...change }).outputs, {
    stack: env,
    recorded,
  });
}

describe("the images", function () {
  // The first program loads all of Pulumi's AWS package.
  this.timeout(20_000);
  const repositoryUrl = `${account}.dkr.ecr.${region}.amazonaws.com/tributary-images`;
  let resources: Registered[];
  let outputs: any;
  const image = (name: string) => inputsOf(resources, types.image, `images-${name}-image`);

  before(async () => ({ resources, outputs } = await build()));

  it("tell the whole set, each by its digest", () => {
    assert.deepEqual(Object.keys(outputs).sort(), ["account", "images", "region", "repository"]);
    assert.deepEqual(Object.keys(outputs.images), ["layer", "runtime", "routing", "python"]);
    assert.deepEqual([outputs.repository, outputs.region, outputs.account], [repositoryUrl, region, account]);
    assert.deepEqual(outputs.images.routing, {
      digest: digestOf("images-routing-image"),
      uri: `${repositoryUrl}@${digestOf("images-routing-image")}`,
      contentDigest: content("1"),
      tags: ["routing.1111111111111111", "routing.cccccccccccc-11111111", "routing.build-7"],
      commit: "c".repeat(40),
      buildId: "build-7",
    });
  });

  it("are built from the staged content, by paths that are the same in every clone", () => {
    for (const { inputs } of ofType(resources, types.image)) {
      assert.match(inputs.context.location, /^\.tributary\/build\/images\/linux-arm64\/[a-z]+\/context$/);
      assert.match(inputs.dockerfile.location, /^\.tributary\/.*\/Dockerfile$/);
    }
  });

  it("are single manifests for one platform, pushed once, never by a preview", () => {
    for (const { inputs } of ofType(resources, types.image)) {
      const ofFunction = !/images\/linux-arm64\/(layer|runtime)\//.test(inputs.dockerfile.location);
      const exported = `type=image,push=true,oci-mediatypes=true${ofFunction ? ",rewrite-timestamp=true" : ""}`;
      assert.deepEqual([inputs.exports, inputs.push, inputs.load], [[{ raw: exported }], false, undefined]);
      assert.deepEqual([inputs.platforms, inputs.buildOnPreview], [["linux/arm64"], false]);
    }
  });

  it("are built from each other by digest: functions from the runtime, which waits for nothing", () => {
    assert.deepEqual(image("layer").buildArgs, { SOURCE_DATE_EPOCH: "1" });
    assert.deepEqual(image("runtime").buildArgs, { BASE_IMAGE: base });
    const runtime = `${repositoryUrl}@${digestOf("images-runtime-image")}`;
    assert.deepEqual(image("routing").buildArgs, { SOURCE_DATE_EPOCH: "1", RUNTIME_IMAGE: runtime });
  });

  it("of a layer that is there already are built without one of their own", async () => {
    const layer = `${account}.dkr.ecr.${region}.amazonaws.com/platform-images@${content("7")}`;
    const runtime = { ...ownImages.runtime, buildArgs: { BASE_IMAGE: base, LAYER_IMAGE: layer } };
    const images = { ...ownImages, layer: undefined, runtime };
    const made = await build({ layer }, "images", {}, {}, images);
    const names = ofType(made.resources, types.image).map(({ name }) => name);
    assert.deepEqual(names.sort(), ["images-python-image", "images-routing-image", "images-runtime-image"]);
    assert.deepEqual(inputsOf(made.resources, types.image, "images-runtime-image").buildArgs, runtime.buildArgs);
    assert.deepEqual(Object.keys((made.outputs as any).images), ["runtime", "routing", "python"]);
  });

  it("carry no login and no secret", () => {
    for (const { inputs } of ofType(resources, types.image)) {
      for (const key of ["registries", "secrets", "ssh"]) assert.equal(inputs[key], undefined);
    }
  });

  it("take the machine's own builder, or the one of the settings", async () => {
    assert.equal(image("routing").builder, undefined);
    const made = await build({ builder: "mine" });
    for (const { inputs } of ofType(made.resources, types.image)) assert.deepEqual(inputs.builder, { name: "mine" });
  });

  it("keep a cache only of what runs while it is built", async () => {
    const cache = `type=registry,ref=${account}.dkr.ecr.${region}.amazonaws.com/tributary-build-cache:python`;
    assert.deepEqual(image("python").cacheFrom, [{ raw: cache }]);
    const kept = `${cache},mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true`;
    assert.deepEqual(image("python").cacheTo, [{ raw: kept }]);
    for (const name of ["layer", "runtime", "routing"])
      assert.equal(image(name).cacheFrom ?? image(name).cacheTo, undefined);
    const without = await build({ cache: false });
    assert.equal(inputsOf(without.resources, types.image, "images-python-image").cacheTo, undefined);
  });

  it("remember commit, run, content and tags of their own last change", () => {
    const stashes = ofType(resources, types.stash);
    assert.equal(stashes.length, 4);
    for (const { name, inputs } of stashes) {
      const { tags, contentDigest, ...others } = inputs.input;
      assert.deepEqual(others, revision, name);
      assert.equal(contentDigest, content(name === "images-python-revision" ? "2" : "1"));
      assert.deepEqual(tags, outputs.images[name.split("-")[1]!].tags);
    }
  });

  it("that a run leaves out are told as they were built, whatever the checkout says now", async () => {
    const former = { buildId: "build-3", contentDigest: content("9"), tags: ["routing.9999999999999999"] };
    const made = await build({}, "images", {}, { "images-routing-revision": { output: former } });
    const told = (made.outputs as any).images;
    assert.deepEqual(told.routing, {
      digest: digestOf("images-routing-image"),
      uri: `${repositoryUrl}@${digestOf("images-routing-image")}`,
      ...former,
    });
    assert.equal(told.runtime.contentDigest, content("1"));
  });

  it("may be pushed to another registry, but functions name ECR's", async () => {
    const made = await build({ registry: "localhost:4566" });
    const { tags, buildArgs } = inputsOf(made.resources, types.image, "images-routing-image");
    for (const tag of tags) assert.match(tag, /^localhost:4566\/tributary-images:routing\./);
    assert.match(buildArgs.RUNTIME_IMAGE, /^localhost:4566\/tributary-images@sha256:/);
    assert.match((made.outputs as any).images.routing.uri, new RegExp(`^${repositoryUrl}@sha256:`));
  });

  it("survive their stack: another may still run them", async () => {
    const options: Record<string, pulumi.CustomResourceOptions> = {};
    await run(async () => {
      const transformations: pulumi.ResourceTransformation[] = [
        ({ type, name, opts, props }) => {
          if (type === types.image || type === types.stash) options[name] = opts;
          return { props, opts };
        },
      ];
      const { imageBuild } = parseImagesSettings({ project: "p", stack: "images", values: { "aws:region": region } });
      return new Images(
        "images",
        { scope: scopeOf("images"), settings: imageBuild, images: ownImages, revision },
        { transformations },
      ).outputs;
    });
    assert.equal(options["images-routing-image"]?.retainOnDelete, true);
    // Otherwise every commit would change every image's tags.
    assert.deepEqual(options["images-routing-revision"]?.ignoreChanges, ["input"]);
    assert.equal(options["images-routing-revision"]?.replacementTrigger, content("1"));
  });

  it("are all built when only one may be at a time", async () => {
    const made = await build({ parallelism: 1 });
    assert.equal(ofType(made.resources, types.image).length, 4);
  });

  describe("repository", () => {
    const repository = (name = "images-repository", from = resources) => inputsOf(from, types.repository, name);

    it("has tags that never move, and is scanned, encrypted and not deleted with images in it", () => {
      const found = repository();
      assert.deepEqual(
        [found.name, found.imageTagMutability, found.forceDelete],
        ["tributary-images", "IMMUTABLE", false],
      );
      assert.deepEqual(found.imageScanningConfiguration, { scanOnPush: true });
      const kmsKey = `arn:aws:kms:${region}:${account}:key/images-images-key`;
      assert.deepEqual(found.encryptionConfigurations, [{ encryptionType: "KMS", kmsKey }]);
    });

    it("has a cache beside it whose tags move and which expires", () => {
      const cache = repository("images-cache");
      assert.deepEqual(
        [cache.name, cache.imageTagMutability, cache.forceDelete],
        ["tributary-build-cache", "MUTABLE", true],
      );
      assert.equal(cache.encryptionConfigurations[0].encryptionType, "KMS");
      const { rules } = JSON.parse(inputsOf(resources, types.lifecycle, "images-cache-lifecycle").policy);
      assert.deepEqual(
        rules.map((rule: any) => rule.selection),
        [{ tagStatus: "any", countType: "sinceImagePushed", countUnit: "days", countNumber: 14 }],
      );
    });

    it("is named after its environment where that builds its own", async () => {
      const made = await build({}, "images-eu");
      assert.deepEqual(
        ofType(made.resources, types.repository)
          .map(({ inputs }) => inputs.name)
          .sort(),
        ["tributary-images-eu-build-cache", "tributary-images-eu-images"],
      );
    });

    const encryptions: [string, object, number][] = [
      ["aws", { encryptionType: "KMS" }, 0],
      ["aes256", { encryptionType: "AES256" }, 0],
    ];
    for (const [encryption, expected, keys] of encryptions) {
      it(`may be encrypted otherwise: ${encryption}`, async () => {
        const made = await build({ repository: { encryption } });
        for (const { inputs } of ofType(made.resources, types.repository)) {
          assert.deepEqual(inputs.encryptionConfigurations, [expected]);
        }
        assert.equal(ofType(made.resources, "aws:kms/key:Key").length, keys);
      });
    }

    it("is read by Lambda for functions of the project in this region, and nobody else outside of the account", () => {
      const { Statement } = JSON.parse(inputsOf(resources, types.policy).policy);
      assert.equal(Statement.length, 1);
      const [lambda] = Statement;
      assert.deepEqual([lambda.Effect, lambda.Principal], ["Allow", { Service: "lambda.amazonaws.com" }]);
      assert.deepEqual(lambda.Action, ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]);
      assert.deepEqual(lambda.Condition, {
        ArnLike: { "aws:SourceArn": [`arn:aws:lambda:${region}:${account}:function:tributary-*`] },
      });
    });

    it("may be read by other accounts and their functions, which may not push", async () => {
      const made = await build({ repository: { accounts: ["210987654321"] } });
      const { Statement } = JSON.parse(inputsOf(made.resources, types.policy).policy);
      assert.deepEqual(Statement[1].Principal, { AWS: ["arn:aws:iam::210987654321:root"] });
      assert.match(
        JSON.stringify(Statement[0].Condition),
        /arn:aws:lambda:eu-west-1:210987654321:function:tributary-\*/,
      );
      for (const { Action } of Statement)
        for (const action of Action) assert.match(action, /^ecr:(BatchGet|GetDownload)/);
    });

    it("is copied to other regions, into repositories that are like it", async () => {
      const made = await build({ repository: { replicateTo: ["eu-central-1"] } });
      const copy = repository("images-repository-eu-central-1", made.resources);
      assert.deepEqual(
        [copy.name, copy.region, copy.imageTagMutability],
        ["tributary-images", "eu-central-1", "IMMUTABLE"],
      );
      const { policy } = inputsOf(made.resources, types.policy, "images-policy-eu-central-1");
      assert.match(policy, /arn:aws:lambda:eu-central-1:/);
      const { rules } = inputsOf(made.resources, types.replication).replicationConfiguration;
      assert.deepEqual(rules, [
        {
          destinations: [{ region: "eu-central-1", registryId: account }],
          repositoryFilters: [{ filter: "tributary-images", filterType: "PREFIX_MATCH" }],
        },
      ]);
      assert.equal(
        ofType(resources, types.replication).length,
        0,
        "the account's configuration is left alone by default",
      );
    });

    it("is there, with its policy, before the first push", () => {
      const order = resources.map(({ type, name }) => `${type} ${name}`);
      const first = order.findIndex((one) => one.startsWith(types.image));
      for (const before of [
        `${types.repository} images-repository`,
        `${types.policy} images-policy`,
        `${types.lifecycle} images-lifecycle`,
      ]) {
        assert.ok(order.indexOf(before) >= 0 && order.indexOf(before) < first, before);
      }
    });

    it("and all else carries the tags of the settings", async () => {
      const made = await build({}, "images", { tags: { owner: "data", env: "else" } });
      for (const { inputs } of ofType(made.resources, types.repository)) {
        assert.deepEqual(inputs.tags, { owner: "data", project: "tributary", env: "images", stack: "images" });
      }
    });
  });
});

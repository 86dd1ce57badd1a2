import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parse, stringify } from "yaml";
import { libraryContext } from "../../../automation/library";
import type { LocalAws } from "../../../automation/local";
import { checkNames, imageNames, imageOfResource, urnsOf } from "../../../automation/release/build";
import { failedBuilds, failureOf, readFailure } from "../../../automation/stacks/buildLog";
import {
  environmentNames,
  findEnvironment,
  stateFolder,
  type Environment,
} from "../../../automation/stacks/environments";
import { findImagesStack } from "../../../automation/stacks/imagesStack";
import { lockFolder } from "../../../automation/stacks/folders";
import { awsLanguage } from "../../../automation/stacks/imageBuild";
import { buildSettingsOf } from "../../../automation/stacks/imageSettings";
import { ImageListener } from "../../../automation/stacks/imageProgress";
import { registryReachable } from "../../../automation/stacks/reachable";
import { mergeSettings, removeSaltFile } from "../../../automation/stacks/settingsFile";
import { code } from "../automation/fakes";

const urn = (name: string, type = "tributary:images:Images$tributary:images:FunctionImage$docker-build:index:Image") =>
  `urn:pulumi:images.local::tributary::${type}::images-${name}-image`;

describe("what becomes of images", () => {
  let now: number;
  let listener: ImageListener;
  beforeEach(() => {
    now = 0;
    listener = new ImageListener(imageOfResource, () => now);
  });

  const pre = (name: string, op: string, of = urn(name)) =>
    listener.onEvent({ resourcePreEvent: { metadata: { urn: of, op } } } as never);
  const done = (name: string, op: string, of = urn(name)) =>
    listener.onEvent({ resOutputsEvent: { metadata: { urn: of, op } } } as never);
  const fails = (name: string, op: string) =>
    listener.onEvent({ resOpFailedEvent: { metadata: { urn: urn(name), op } } } as never);
  const says = (name: string, severity: string, message: string) =>
    listener.onEvent({ diagnosticEvent: { urn: urn(name), severity, message, ephemeral: true } } as never);

  it("is told one by one: built, unchanged, failed, not ended", () => {
    pre("b", "create");
    pre("a", "update");
    pre("c", "same");
    done("c", "same");
    pre("d", "create");
    now = 1500;
    done("b", "create");
    fails("a", "update");
    assert.deepEqual(listener.images, [
      { name: "a", result: "failed", seconds: 1.5, lines: [] },
      { name: "b", result: "built", seconds: 1.5 },
      { name: "c", result: "unchanged" },
      { name: "d", result: "skipped" },
    ]);
  });

  it("does not take the steps of a replacement for more images, nor its deletion for a build", () => {
    for (const op of ["create-replacement", "replace"]) pre("a", op);
    for (const op of ["create-replacement", "replace", "delete-replaced"]) done("a", op);
    assert.deepEqual(
      listener.images.map(({ name, result }) => [name, result]),
      [["a", "built"]],
    );
  });

  it("does not look at other resources", () => {
    pre("a", "create", urn("a", "aws:ecr/repository:Repository"));
    done("a", "create", urn("a", "aws:ecr/repository:Repository"));
    assert.deepEqual(listener.images, []);
  });

  it("comes with the last 20 lines and the reason of a failure, and with none of a success", () => {
    pre("a", "create");
    pre("b", "create");
    says("b", "info", "#1 hello\n");
    for (let line = 0; line < 30; line++) says("a", "info", `#5 line ${line}\n\n`);
    says("a", "error", "failed to solve: exit code: 7\n");
    fails("a", "create");
    done("b", "create");
    const [a, b] = listener.images;
    assert.equal(a?.cause, "failed to solve: exit code: 7");
    assert.deepEqual([a?.lines?.length, a?.lines?.[0], a?.lines?.at(-1)], [20, "#5 line 10", "#5 line 29"]);
    assert.deepEqual(b, { name: "b", result: "built", seconds: 0 });
  });
});

describe("names of images", () => {
  it("are checked before anything is done, and all that there are are listed", () => {
    assert.throws(() => checkNames(["x", "layer"], ["layer", "a"]), code("UnknownImage", /"x"; there are: layer, a$/));
    checkNames([], ["layer"]);
  });

  it("are those of resources", () => {
    assert.equal(imageOfResource("images-stage-a-error-image"), "stage-a-error");
    assert.equal(imageOfResource("images-images-image-image"), "images-image");
    assert.deepEqual(urnsOf(["a"]), ["**::images-a-image", "**::images-a-revision"]);
  });
});

describe("the builder's history", () => {
  const failure = (name: string) =>
    JSON.stringify({
      Context: `/repo/.tributary/build/images/linux-amd64/${name}/context`,
      Error: {
        Message: "exit code: 7",
        Name: "[2/2] RUN false",
        Logs: Array.from({ length: 30 }, (_, index) => `line ${index}`),
        Sources: Buffer.from("Dockerfile:2\n>>> RUN false\n").toString("base64"),
      },
    });
  const list = [
    { ref: "b/n/old", status: "Error", created_at: "2026-01-01T00:00:00Z" },
    { ref: "b/n/one", status: "Error", created_at: "2026-01-02T00:00:00Z" },
    { ref: "b/n/fine", status: "Completed", created_at: "2026-01-02T00:00:00Z" },
    { ref: "b/n/gone", status: "Error", created_at: "2026-01-02T00:00:00Z" },
  ];
  const since = Date.parse("2026-01-01T12:00:00Z");

  it("gives the failed step of this run's builds, its last lines and the Dockerfile around it", async () => {
    const asked: string[] = [];
    const failures = await failedBuilds(async ([, verb, ...rest]) => {
      if (verb === "ls") return list.map((each) => JSON.stringify(each)).join("\n");
      asked.push(rest.at(-1)!);
      return rest.at(-1) === "one" ? failure("process") : undefined;
    }, since);
    assert.deepEqual(asked, ["one", "gone"]);
    const found = failureOf(failures, "/repo", "process");
    assert.deepEqual([found?.step, found?.message, found?.lines.length], ["[2/2] RUN false", "exit code: 7", 20]);
    assert.deepEqual([found?.lines.at(-1), found?.source], ["line 29", "Dockerfile:2\n>>> RUN false"]);
    assert.equal(failureOf(failures, "/repo", "context"), undefined);
    assert.equal(failureOf(failures, "/other", "process"), undefined);
  });

  it("may be missing or unreadable: nothing is lost but the lines", async () => {
    assert.deepEqual(await failedBuilds(async () => undefined, since), []);
    assert.deepEqual(await failedBuilds(async () => "no json\n{}\nnull", since), []);
    for (const text of ["", "{}", "null", '{"Context":"/a"}', '{"Context":1,"Error":{}}']) {
      assert.equal(readFailure(text), undefined, text);
    }
  });
});

describe("settings of a run", () => {
  it("are the stack's own, with what this machine decides laid over", () => {
    const own =
      "encryptionsalt: s\nconfig:\n  aws:region: us-east-1\n  tributary:imageBuild:\n    cache: false\n    registry: x:1\n";
    assert.deepEqual(parse(mergeSettings(own, undefined, { registry: "localhost:2" })), {
      encryptionsalt: "s",
      config: { "aws:region": "us-east-1", "tributary:imageBuild": { cache: false, registry: "localhost:2" } },
    });
  });

  it("of the local image stack are Pulumi.images.yaml's, on the local AWS", () => {
    const local = "encryptionsalt: s\nconfig:\n  aws:region: us-east-1\n  tributary:lanes: 1\n";
    const images =
      "config:\n  aws:region: eu-west-1\n  tributary:tags: { a: b }\n  tributary:imageBuild: { parallelism: 3 }\n";
    assert.deepEqual(parse(mergeSettings(local, images, { registry: "localhost:2" })), {
      encryptionsalt: "s",
      config: {
        "aws:region": "us-east-1",
        "tributary:tags": { a: "b" },
        "tributary:imageBuild": { parallelism: 3, registry: "localhost:2" },
      },
    });
    assert.deepEqual(parse(mergeSettings("", "", {})), { config: { "tributary:imageBuild": {} } });
  });
});

describe("stacks of images", () => {
  let root: string;
  beforeEach(async () => {
    root = await fs.mkdtemp(path.join(os.tmpdir(), "images-"));
    const write = (name: string, text: string) => fs.writeFile(path.join(root, `Pulumi${name}.yaml`), text);
    await write("", "name: tributary\n");
    await write(".local", "config:\n  aws:region: us-east-1\n");
    await write(
      ".images",
      "config:\n  aws:region: eu-west-1\n  tributary:imageBuild:\n    builder: mine\n    parallelism: 5\n",
    );
    await write(".dev", "config:\n  tributary:packaging: image\n  tributary:images: build\n");
    await write(".prod", "config:\n  tributary:packaging: image\n  tributary:images: { stack: images }\n");
  });
  afterEach(() => fs.rm(root, { recursive: true }));

  it("are no environments", () => {
    assert.deepEqual(environmentNames(root), ["local", "dev", "prod"]);
    assert.throws(() => findEnvironment(root, "images"), code("UnknownEnvironment"));
  });

  it("build, and of the environments only those that say so", () => {
    const of = (name: string) => findEnvironment(root, name);
    assert.deepEqual(
      ["local", "dev", "prod"].map((name) => [of(name).image, of(name).builds]),
      [
        [false, false],
        [true, true],
        [true, false],
      ],
    );
    assert.equal(findImagesStack(root, true).builds, true);
    assert.equal(findImagesStack(root, false).builds, true);
    const branches = findImagesStack(root, true, true);
    assert.deepEqual([branches.name, branches.builds, branches.derived], ["images.branches", true, true]);
    assert.equal(findImagesStack(root, false, true).name, "images.local", "on this machine there is one registry");
  });

  it("are the registry's of Pulumi.images.yaml, or the local AWS's with the same settings", () => {
    const cloud = findImagesStack(root, true);
    assert.deepEqual([cloud.name, cloud.local, cloud.region, cloud.builder], ["images", false, "eu-west-1", "mine"]);
    const local = findImagesStack(root, false);
    assert.deepEqual([local.name, local.local, local.region], ["images.local", true, "us-east-1"]);
    assert.deepEqual([local.builder, local.parallelism, local.backend], ["mine", 5, `file://${stateFolder(root)}`]);
  });

  it("take a layer that is there already from the settings, and one that a run is given before that", async () => {
    const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
    const layer = (digit: string) => `000000000000.dkr.ecr.eu-west-1.amazonaws.com/platform-images@${digest(digit)}`;
    const build = { layer: layer("1"), baseImages: { BASE_IMAGE: `base@${digest("0")}` } };
    await fs.mkdir(path.join(root, "functions"));
    const config = { "aws:region": "eu-west-1", "tributary:imageBuild": build };
    await fs.writeFile(path.join(root, "Pulumi.images.yaml"), stringify({ config }));
    await fs.writeFile(path.join(root, "package.json"), '{ "version": "1.0.0" }');
    const [cloud, local] = [true, false].map((push) => findImagesStack(root, push)) as [Environment, Environment];
    assert.deepEqual([cloud.layer, local.layer], [layer("1"), layer("1")]);
    const given = { ...local, layer: layer("2") };
    const context = { ...libraryContext(root) };
    const { text, prepare } = await buildSettingsOf(context, given, { port: 4566 } as LocalAws);
    const settings = (parse(text) as { config: typeof config }).config["tributary:imageBuild"];
    assert.equal(settings.layer, layer("2"));
    // The registry of the local AWS is at one address, whatever region and account the image names.
    assert.equal(prepare?.layer, `localhost:4566/platform-images@${digest("2")}`);
    assert.deepEqual(imageNames(root, given).includes("layer"), false);
  });

  it("need Pulumi.images.yaml", async () => {
    await fs.rm(path.join(root, "Pulumi.images.yaml"));
    assert.throws(() => findImagesStack(root, false), code("UnknownEnvironment", /Pulumi\.images\.yaml/));
  });

  it("of the local AWS are worked on by one command at a time, all together", () => {
    assert.equal(lockFolder(root, findImagesStack(root, false)), lockFolder(root, findEnvironment(root, "local")));
    assert.notEqual(lockFolder(root, findImagesStack(root, true)), lockFolder(root, findEnvironment(root, "dev")));
  });

  it("leave no settings file of the engine in the checkout, but a person's own", async () => {
    const file = path.join(root, "Pulumi.images.local.yaml");
    await fs.writeFile(file, "encryptionsalt: s\n");
    await removeSaltFile(root, "images.local");
    await assert.rejects(fs.access(file));
    await fs.writeFile(file, "encryptionsalt: s\nconfig: {}\n");
    await removeSaltFile(root, "images.local");
    await fs.access(file);
    await removeSaltFile(root, "other");
  });
});

describe("base images of AWS", () => {
  it("have a stand-in for Node.js and Python, and others have none", () => {
    const digest = `sha256:${"1".repeat(64)}`;
    const of = (name: string) => awsLanguage(`public.ecr.aws/lambda/${name}`);
    assert.deepEqual(["nodejs:22", `nodejs@${digest}`, `nodejs:22@${digest}`].map(of), ["node", "node", "node"]);
    assert.deepEqual(["python:3.13", `python@${digest}`].map(of), ["python", "python"]);
    assert.deepEqual(["java:21", "provided:al2023", "pythonic:1", "nodejs"].map(of), Array(4).fill(undefined));
    for (const own of [`localhost:1/lambda/nodejs@${digest}`, undefined, 7]) assert.equal(awsLanguage(own), undefined);
  });
});

describe("a public registry", () => {
  it("that does not answer is not asked again for 15 minutes", async () => {
    const cache = await fs.mkdtemp(path.join(os.tmpdir(), "reachable-"));
    try {
      let asked = 0;
      const no = async () => (asked++, Promise.reject(new Error("no route")));
      assert.equal(await registryReachable("r.example", cache, no), false);
      assert.equal(await registryReachable("r.example", cache, no), false);
      assert.equal(asked, 1);
      assert.equal(await registryReachable("other.example", cache, async () => undefined), true);
      for (const text of ["", "{", '{"until":1}', `{"until":${Date.now() + 1e9}}`, "null"]) {
        await fs.writeFile(path.join(cache, "unreachable-r.example.json"), text);
        assert.equal(await registryReachable("r.example", cache, async () => undefined), true, text);
      }
    } finally {
      await fs.rm(cache, { recursive: true });
    }
  });
});

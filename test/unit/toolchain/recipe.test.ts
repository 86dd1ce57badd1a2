import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import fc from "fast-check";
import { minimumGo, minimumGoForImages } from "../../../automation/toolchain/go";
import {
  builtPrograms,
  contentKey,
  pluginProgram,
  programsRoot,
  readProgram,
  tools,
} from "../../../automation/toolchain/recipe";
import { removeTemporaryFolders, temporaryFolder, writeProgram } from "./support";

const read = (...parts: string[]): Promise<string> => readFile(path.join(programsRoot, ...parts), "utf8");

describe("toolchain: recipes", () => {
  afterEach(removeTemporaryFolders);

  it("build the versions that the npm packages ask for", async () => {
    const names = [...builtPrograms, pluginProgram("docker-build")];
    const [engine, plugin, images] = await Promise.all(names.map((name) => readProgram(name)));
    const wanted = async (name: string) =>
      (JSON.parse(await readFile(require.resolve(`${name}/package.json`), "utf8")) as { version: string }).version;
    assert.equal(engine?.recipe.version, await wanted("@pulumi/pulumi"));
    assert.equal(plugin?.recipe.version, await wanted("@pulumi/aws"));
    assert.equal(images?.recipe.version, await wanted("@pulumi/docker-build"));
    assert.match(
      await read("pulumi", "go.mod"),
      new RegExp(`pulumi/pkg/v3 v${engine?.recipe.version.replaceAll(".", "\\.")}\\b`),
    );
  });

  it("ask for the Go version that the error messages name", async () => {
    for (const name of builtPrograms) {
      assert.equal(/^go (.+)$/m.exec(await read(name, "go.mod"))?.[1], minimumGo, name);
    }
    for (const name of [...Object.keys(tools), pluginProgram("docker-build")]) {
      assert.equal(/^go (.+)$/m.exec(await read(name, "go.mod"))?.[1], minimumGoForImages, name);
    }
  });

  it("of image tools build the versions that go.mod pins", async () => {
    const modules = { buildkit: "github.com/moby/buildkit", buildx: "github.com/docker/buildx" };
    for (const name of Object.keys(tools) as (keyof typeof tools)[]) {
      const { version } = (await readProgram(name)).recipe;
      assert.ok((await read(name, "go.mod")).includes(`\t${modules[name]} v${version}`), name);
    }
    const { version } = (await readProgram(pluginProgram("docker-build"))).recipe;
    const pinned = `github.com/pulumi/pulumi-docker-build v${version}`;
    assert.ok((await read(pluginProgram("docker-build"), "go.mod")).includes(pinned));
  });

  it("pin what the checksum database does not list", async () => {
    const sums = await read("pulumi-resource-aws", "go.sum");
    assert.match(
      sums,
      /^github\.com\/upbound\/terraform-provider-aws \S+ h1:dJlp2eNgY\/iVKTPINdguYlHbHc9CtXBZKmQmqYq0REs=$/m,
    );
    assert.match(
      sums,
      /^github\.com\/pulumi\/terraform-plugin-sdk\/v2 \S+ h1:efoz3DmFhw7EPJ3JxVfWYwpg5Dl6QTLvzMV0a7Y7mlo=$/m,
    );
    assert.match(await read("pulumi-resource-aws", "go.mod"), /terraform-provider-aws => github\.com\/upbound\//);
  });

  it("that are damaged are told with their file and what to do", async () => {
    const root = await temporaryFolder();
    await writeProgram(root);
    await writeFile(path.join(root, "tool", "recipe.json"), '{"version": 1}');
    await assert.rejects(readProgram("tool", root), {
      code: "ToolchainRecipeInvalid",
      message: /tool\/recipe\.json/,
      next: /git checkout/,
    });
  });
});

describe("toolchain: cache keys", () => {
  afterEach(removeTemporaryFolders);

  async function keyOf(files: Map<string, string>, platform?: string): Promise<string> {
    const root = await temporaryFolder();
    for (const [name, content] of files) {
      await mkdir(path.dirname(path.join(root, name)), { recursive: true });
      await writeFile(path.join(root, name), content);
    }
    return contentKey(root, platform);
  }

  it("depend on the platform", async () => {
    const files = new Map([["main.go", "package main"]]);
    assert.equal(await keyOf(files, "linux/amd64"), await keyOf(files, "linux/amd64"));
    assert.notEqual(await keyOf(files, "linux/amd64"), await keyOf(files, "linux/arm64"));
  });

  it("are equal for equal folders and differ for any others", async () => {
    const name = fc.stringMatching(/^[a-c]{1,2}(\/[d-f])?$/);
    const folder = fc.uniqueArray(fc.tuple(name, fc.string()), {
      maxLength: 4,
      // A name cannot be a file and a folder at once.
      selector: ([file]) => file.split("/")[0],
    });
    await fc.assert(
      fc.asyncProperty(folder, folder, async (a, b) => {
        const sorted = (files: [string, string][]) => JSON.stringify([...files].sort(([x], [y]) => (x < y ? -1 : 1)));
        const equal = sorted(a) === sorted(b);
        assert.equal((await keyOf(new Map(a))) === (await keyOf(new Map(b))), equal);
        assert.equal(await keyOf(new Map(a)), await keyOf(new Map([...a].reverse())));
      }),
      { numRuns: 60 },
    );
  });
});

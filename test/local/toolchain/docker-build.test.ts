import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { cacheRoot, findBuilt } from "../../../automation/toolchain/cache";
import { readProgram } from "../../../automation/toolchain/recipe";
import { removeTemporaryFolders, temporaryFolder } from "../../unit/toolchain/support";
import { schemaDifferences } from "./schema/differences";
import type { PackageSpec } from "./schema/plugin-schema";
import { builtToolchain } from "./support";

/** The tokens that programs use, as the comparison finds their declarations: `<package>:index/<file>:<class>`. */
const types = {
  resources: { image: "docker-build:index/image:Image", index: "docker-build:index/index_:Index" },
  dataSources: {},
};

describe("the built docker-build plugin", () => {
  const root = path.dirname(require.resolve("@pulumi/docker-build/package.json"));
  let schema: PackageSpec & { version?: string };

  before(async function () {
    const home = await temporaryFolder();
    const toolchain = await builtToolchain(this, { plugins: ["docker-build"], home });
    const built = await findBuilt(await readProgram("pulumi-resource-docker-build"), cacheRoot());
    assert.ok(built);
    const plugin = path.join(built.bin, "pulumi-resource-docker-build");
    const { stdout } = await execa(toolchain.command.command, ["package", "get-schema", plugin], {
      env: toolchain.env,
    });
    schema = JSON.parse(stdout) as typeof schema;
    schema.resources = Object.fromEntries(
      Object.values(types.resources).map((token) => {
        const spec = schema.resources[token.replace(/index\/\w+/, "index")];
        assert.ok(spec, token);
        return [token, spec];
      }),
    );
  });
  after(removeTemporaryFolders);

  it("tells the version of @pulumi/docker-build", async () => {
    const text = await readFile(path.join(root, "package.json"), "utf8");
    const { version } = JSON.parse(text) as { version: string };
    assert.equal(schema.version, version);
  });

  it("has the properties of @pulumi/docker-build", () => {
    assert.deepEqual(schemaDifferences(schema, types, root), []);
  });

  it("is told when it differs", () => {
    const changed = structuredClone(schema);
    delete changed.resources[types.resources.image]?.inputProperties?.buildArgs;
    assert.equal(schemaDifferences(changed, types, root).length, 1);
  });
});

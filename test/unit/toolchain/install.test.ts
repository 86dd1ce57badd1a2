import assert from "node:assert/strict";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { PulumiCommand } from "@pulumi/pulumi/automation";
import type { DriverEvent } from "../../../automation/events";
import { installOfficial, officialRoot } from "../../../automation/toolchain/official";
import { removeTemporaryFolders, temporaryFolder } from "./support";

describe("toolchain: the official installation", () => {
  const install = PulumiCommand.install;
  afterEach(async () => {
    PulumiCommand.install = install;
    await removeTemporaryFolders();
  });

  /** Stands for Pulumi's installer: writes an engine that tells its version. */
  function installer(): string[] {
    const roots: string[] = [];
    PulumiCommand.install = async (options) => {
      const root = options?.root ?? "";
      roots.push(root);
      await mkdir(path.join(root, "bin"), { recursive: true });
      await writeFile(path.join(root, "bin", "pulumi"), `#!/bin/sh\necho v${String(options?.version)}\n`);
      await chmod(path.join(root, "bin", "pulumi"), 0o755);
      return PulumiCommand.get({ root });
    };
    return roots;
  }

  it("appears at its place only when it is complete, and is made once", async () => {
    const cache = await temporaryFolder();
    const roots = installer();
    const first = await installOfficial("3.256.0", cache, () => undefined);
    const second = await installOfficial("3.256.0", cache, () => undefined);
    assert.equal(String(first?.version), "3.256.0");
    assert.equal(second?.command, path.join(officialRoot("3.256.0", cache), "bin", "pulumi"));
    assert.equal(roots.length, 1);
    assert.notEqual(roots[0], officialRoot("3.256.0", cache));
    assert.deepEqual(await readdir(path.dirname(officialRoot("3.256.0", cache))), ["3.256.0"]);
  });

  it("that fails is told, and leaves the way to the next source open", async () => {
    PulumiCommand.install = () => Promise.reject(new TypeError("connection reset"));
    const events: DriverEvent[] = [];
    const command = await installOfficial("3.256.0", await temporaryFolder(), (event) => events.push(event));
    assert.equal(command, undefined);
    const warning = events.find((event) => event.type === "message");
    assert.match(
      warning?.type === "message" ? warning.text : "",
      /failed, so it is built here instead: connection reset/,
    );
  });

  it("that was interrupted is made anew", async () => {
    const cache = await temporaryFolder();
    await mkdir(path.join(officialRoot("3.256.0", cache), "bin"), { recursive: true });
    installer();
    const command = await installOfficial("3.256.0", cache, () => undefined);
    assert.equal(String(command?.version), "3.256.0");
  });
});

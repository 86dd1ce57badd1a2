import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parse, stringify } from "yaml";
import { TributaryError } from "../../../automation/errors";
import { environmentStacks, findEnvironment, stacksOf } from "../../../automation/stacks/environments";
import { runSettings, stackSettings } from "../../../automation/stacks/settingsFile";
import { targetOf } from "../../../automation/stacks/target";
import { isPrimary, onlyInPrimary } from "../../../components/scope";

const code =
  (expected: string, ...texts: RegExp[]) =>
  (error: unknown) => {
    assert.ok(error instanceof TributaryError, String(error));
    assert.equal(error.code, expected);
    for (const text of texts) assert.match(error.message, text);
    return true;
  };

describe("an environment's stacks", () => {
  let root: string;
  const write = (name: string, config: Record<string, unknown>, more: Record<string, unknown> = {}) =>
    fs.writeFile(path.join(root, `Pulumi.${name}.yaml`), stringify({ ...more, config }));

  beforeEach(async () => {
    root = await fs.mkdtemp(path.join(os.tmpdir(), "waves-"));
    await fs.writeFile(path.join(root, "Pulumi.yaml"), "name: tributary\n");
    const waves = [["eu-west-1"], ["us-east-1", "us-west-2"]];
    await write(
      "dev",
      { "tributary:waves": waves, "tributary:lanes": 3, "aws:region": "eu-west-1" },
      { encryptionsalt: "s" },
    );
  });
  afterEach(() => fs.rm(root, { recursive: true }));

  it("are one a region, by waves; the first has the environment's name", () => {
    const { stacks, waves } = environmentStacks(root, "dev");
    assert.deepEqual(stacks.map(targetOf), [
      { env: "dev", region: "eu-west-1", stack: "dev", wave: 0 },
      { env: "dev", region: "us-east-1", stack: "dev.us-east-1", wave: 1 },
      { env: "dev", region: "us-west-2", stack: "dev.us-west-2", wave: 1 },
    ]);
    assert.deepEqual(
      waves.map((wave) => wave.length),
      [1, 2],
    );
    assert.deepEqual(
      stacks.map(({ derived }) => derived),
      [false, true, true],
    );
    assert.equal(findEnvironment(root, "dev").name, "dev");
    assert.equal(findEnvironment(root, "dev.us-east-1").name, "dev.us-east-1");
    assert.equal(findEnvironment(root, "dev.eu-west-1").name, "dev", "the first region by its own name");
  });

  it("that are not there are refused with those that are", () => {
    for (const name of ["dev.eu-west-9", "dev.", "dev.us-east-1.x", "dev.__proto__", "dev.../x"])
      assert.throws(() => findEnvironment(root, name), code("UnknownEnvironment", /eu-west-1, us-east-1, us-west-2/));
    assert.throws(() => findEnvironment(root, "../dev.eu-west-1"), code("UnknownEnvironment"));
  });

  it("have the environment's settings in their region, and keys of their own before them", async () => {
    await write("dev.us-east-1", { "tributary:lanes": 5, "tributary:role": "arn:aws:iam::123456789012:role/x" });
    const [, east, west] = environmentStacks(root, "dev").stacks;
    assert.equal(east!.role, "arn:aws:iam::123456789012:role/x");
    assert.equal(west!.role, undefined);
    assert.deepEqual(
      [(await stackSettings(east!))["tributary:lanes"], (await stackSettings(west!))["tributary:lanes"]],
      [5, 3],
    );
    const settings = parse(await runSettings(east!)) as { encryptionsalt: string; config: Record<string, unknown> };
    assert.deepEqual([settings.encryptionsalt, settings.config["aws:region"]], ["s", "us-east-1"]);
    const laid = parse(await runSettings(east!, undefined, { "tributary:lanes": 1 })) as typeof settings;
    assert.equal(laid.config["tributary:lanes"], 1, "a run's own settings go before all others");
    assert.equal(laid.config["aws:region"], "us-east-1");
  });

  it("are on the local AWS where the settings say so, with what its provider needs", async () => {
    await write("test", { "tributary:target": "local", "aws:region": "eu-west-1", "tributary:backend": "s3://x" });
    const [stack] = environmentStacks(root, "test").stacks;
    assert.deepEqual([stack!.local, stack!.derived], [true, true]);
    assert.match(stack!.backend!, /^file:.*\.tributary\/state$/);
    assert.equal((await stackSettings(stack!))["aws:s3UsePathStyle"], "true");
    await write("local", { "tributary:target": "aws", "aws:region": "eu-west-1" });
    assert.equal(findEnvironment(root, "local").local, false);
  });

  it("may have settings that are not in the checkout", async () => {
    const file = path.join(root, "elsewhere", "Pulumi.b-x.yaml");
    await fs.mkdir(path.dirname(file));
    await fs.writeFile(file, stringify({ config: { "aws:region": "eu-west-1" } }));
    const [stack] = stacksOf(root, "b-x", file).stacks;
    assert.deepEqual([stack!.name, stack!.derived, stack!.file], ["b-x", true, file]);
  });

  it("are refused with all that is wrong with their settings, before anything is touched", async () => {
    await write("dev", {
      "tributary:waves": [["eu-west-1"], ["eu-west-1"]],
      "tributary:account": 12,
      "tributary:role": "role",
      "tributary:target": "moon",
      "tributary:checks": [{ query: "select 1" }],
      "tributary:onFailure": "panic",
      "tributary:protected": "perhaps",
    });
    const keys = ["waves", "account", "role", "target", "checks", "onFailure", "protected"];
    const all = keys.map((key) => new RegExp(`tributary:${key} in Pulumi\\.dev\\.yaml: found .*; allowed: `));
    assert.throws(() => environmentStacks(root, "dev"), code("InvalidSettings", /7 problem/, ...all));
    await write("dev", { "tributary:waves": [["us-east-1"]], "aws:region": "eu-west-1" });
    assert.throws(
      () => environmentStacks(root, "dev"),
      code("InvalidSettings", /aws:region.*us-east-1, the first region/),
    );
    const role = "arn:aws:iam::123456789012:role/x";
    await write("dev", { "tributary:account": "210987654321", "tributary:role": role, "aws:region": "eu-west-1" });
    assert.throws(() => environmentStacks(root, "dev"), code("InvalidSettings", /a role of the account 210987654321/));
  });

  it("declare what exists once for all regions in the first one only", () => {
    assert.deepEqual([isPrimary({ stack: "dev" }), isPrimary({ stack: "dev.us-east-1" })], [true, false]);
    assert.equal(
      onlyInPrimary({ stack: "dev" }, () => "made"),
      "made",
    );
    assert.equal(
      onlyInPrimary({ stack: "dev.us-east-1" }, () => assert.fail("made twice")),
      undefined,
    );
  });
});

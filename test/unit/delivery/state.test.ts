import assert from "node:assert/strict";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parse, stringify } from "yaml";
import type { TributaryError } from "../../../automation/errors";
import { requireStates, stateProblems } from "../../../automation/pipeline/ready";
import { lint } from "../../../automation/pipeline/steps/lint";
import { readDriverSettings } from "../../../automation/settings/driver";
import { providerKey } from "../../../automation/settings/values";
import { environmentStacks } from "../../../automation/stacks/environments";
import { findImagesStack } from "../../../automation/stacks/imagesStack";
import { withSecretsProvider } from "../../../automation/stacks/secretsProvider";
import { writeRunSettings } from "../../../automation/stacks/settingsFile";
import { secretsStatements } from "../../../components/delivery/permissions";

const backend = "s3://states/tributary?region=eu-west-1";
const provider = "awskms://alias/states?region=eu-west-1";
const id = "00000000-0000-4000-8000-000000000001";

const scope = {
  project: "tributary",
  env: "delivery",
  stack: "delivery",
  region: "eu-west-1",
  account: "123456789012",
  partition: "aws",
  dnsSuffix: "amazonaws.com",
};

describe("the key of a state's secrets", () => {
  let root: string;
  const write = (name: string, config: Record<string, unknown>, more: Record<string, unknown> = {}) =>
    fs.writeFile(
      path.join(root, `Pulumi.${name}.yaml`),
      stringify({ ...more, config: { "aws:region": "eu-west-1", ...config } }),
    );
  const verify = [{ alarms: "none" }];
  const reachable = { "tributary:backend": backend, "tributary:secretsProvider": provider };
  const delivery = {
    ...reachable,
    "tributary:repositories": { app: { provider: "codecommit", repository: "app" } },
    "tributary:environments": { dev: { verify }, prod: { verify }, branch: { resources: "b", template: "dev" } },
    "tributary:pipelines": { lake: { repository: "app", layer: false, waves: [["dev"], ["prod"]] } },
  };

  beforeEach(async () => {
    root = await fs.mkdtemp(path.join(os.tmpdir(), "states-"));
    await fs.writeFile(path.join(root, "Pulumi.yaml"), "name: tributary\n");
    for (const folder of ["functions", "datasets"]) await fs.mkdir(path.join(root, folder));
    for (const env of ["dev", "prod", "images"]) await write(env, reachable);
    await write("delivery", delivery);
  });
  afterEach(() => fs.rm(root, { recursive: true }));

  it("is named as Pulumi names it: alias, id or ARN, always with its region", () => {
    const key = `arn:aws:kms:eu-west-1:123456789012:key/${id}`;
    assert.deepEqual(providerKey(provider), {
      region: "eu-west-1",
      account: undefined,
      partition: undefined,
      resource: "alias/states",
    });
    assert.equal(providerKey("awskms:///alias/states?region=eu-west-1")?.resource, "alias/states");
    assert.equal(providerKey(`awskms://${id}?region=eu-west-1`)?.resource, `key/${id}`);
    assert.equal(providerKey(`awskms:///${key}?region=eu-west-1`)?.account, "123456789012");
    const wrong = [
      ...["awskms://alias/states", `awskms://${key}?region=eu-west-1`, `awskms:///${key}?region=us-east-1`],
      ...["awskms://alias/aws/s3?region=eu-west-1", "awskms://alias/x?region=eu-west-1&context_a=b", "passphrase"],
      ...["hashivault://x", "awskms://alias/x y?region=eu-west-1", "awskms://?region=eu-west-1"],
    ];
    for (const each of wrong) {
      assert.equal(providerKey(each), undefined, each);
      assert.throws(
        () => readDriverSettings({ "tributary:secretsProvider": each }, "Pulumi.dev.yaml"),
        (error: TributaryError) =>
          error.code === "InvalidSettings" && /secretsProvider in Pulumi\.dev\.yaml/.test(error.message),
      );
    }
  });

  it("reaches the engine: when a stack is made, and in the settings of each run", async () => {
    const [stack] = environmentStacks(root, "dev").stacks;
    assert.deepEqual([stack!.secretsProvider, stack!.derived], [provider, true]);
    assert.equal(findImagesStack(root, true).secretsProvider, provider);
    const [pipelines] = environmentStacks(root, "delivery").stacks;
    assert.deepEqual([pipelines!.secretsProvider, pipelines!.derived], [provider, true]);
    const file = await writeRunSettings(root, stack!);
    const text = await fs.readFile(file, "utf8");
    assert.equal((parse(text) as { secretsprovider: string }).secretsprovider, provider);
    // The engine makes a data key and writes it there; the next run of the same command has to read what it encrypted.
    await fs.writeFile(file, `encryptedkey: QUJD\n${text}`);
    await writeRunSettings(root, stack!);
    assert.equal((parse(await fs.readFile(file, "utf8")) as { encryptedkey: string }).encryptedkey, "QUJD");
  });

  it("of another provider, or of settings that have their own, is not taken over", () => {
    const former = "secretsprovider: awskms://alias/old?region=eu-west-1\nencryptedkey: QUJD\n";
    const made = parse(withSecretsProvider("encryptionsalt: s\nconfig: {}\n", provider, former)) as object;
    assert.deepEqual(made, { secretsprovider: provider, config: {} });
    const own = `secretsprovider: ${provider}\nencryptedkey: eHl6\nconfig: {}\n`;
    assert.equal(withSecretsProvider(own, provider, former), own);
    assert.match(withSecretsProvider("config: {}\n", provider, "cut: [off"), /^secretsprovider/);
  });

  it("is the settings file's where that has it, and may not differ from it", async () => {
    await write("dev", reachable, { secretsprovider: provider, encryptedkey: "eHl6" });
    assert.equal(environmentStacks(root, "dev").stacks[0]!.derived, false);
    await write("dev", reachable, { secretsprovider: "awskms://alias/other?region=eu-west-1" });
    assert.throws(() => environmentStacks(root, "dev"), /secretsprovider in Pulumi\.dev\.yaml: found .*other/);
  });

  it("is not asked of the local AWS", async () => {
    await write("dev", { ...reachable, "tributary:target": "local" });
    assert.equal(environmentStacks(root, "dev").stacks[0]!.secretsProvider, undefined);
    assert.equal(environmentStacks(root, "delivery.local").stacks[0]!.secretsProvider, undefined);
  });

  it("and the bucket are named by all that pipelines deploy, or no pipeline is made", async () => {
    assert.deepEqual(stateProblems(root), []);
    requireStates(root);
    await write("dev", {});
    await write("prod", { ...reachable, "tributary:backend": "s3://elsewhere" });
    await write("delivery", { ...delivery, "tributary:secretsProvider": undefined });
    await write("images", { "tributary:backend": "file:///states" });
    assert.throws(
      () => requireStates(root),
      ({ code, exitCode, message }: TributaryError) => {
        assert.deepEqual([code, exitCode], ["StateOutOfReach", 2]);
        for (const part of [
          /backend in Pulumi\.dev\.yaml: found nothing/,
          /secretsProvider in Pulumi\.dev\.yaml: found nothing/,
          /backend in Pulumi\.prod\.yaml: found "s3:\/\/elsewhere"; allowed: "s3:\/\/states/,
          /secretsProvider in Pulumi\.delivery\.yaml/,
          /backend in Pulumi\.images\.yaml: found "file:/,
        ])
          assert.match(message, part);
        return true;
      },
    );
    const told = (await lint(root)).find(({ file }) => file === "Pulumi.delivery.yaml")!;
    assert.deepEqual([told.problems, told.warnings!.length > 4], [[], true]);
  });

  it("and the bucket are not asked for where all is on the local AWS", async () => {
    for (const env of ["dev", "prod"]) await write(env, { "tributary:target": "local" });
    await write("images", {});
    await write("delivery", { ...delivery, "tributary:backend": undefined });
    assert.deepEqual(stateProblems(root), []);
  });

  it("is what a deploy role may use, and no other key", () => {
    const actions = ["kms:Decrypt", "kms:Encrypt"];
    assert.deepEqual(secretsStatements(scope, undefined), []);
    assert.deepEqual(secretsStatements(scope, `awskms://${id}?region=us-east-1`), [
      { actions, resources: [`arn:aws:kms:us-east-1:123456789012:key/${id}`] },
    ]);
    assert.deepEqual(secretsStatements(scope, provider), [
      {
        actions,
        resources: ["arn:aws:kms:eu-west-1:123456789012:key/*"],
        conditions: { "ForAnyValue:StringEquals": { "kms:ResourceAliases": "alias/states" } },
      },
    ]);
  });
});

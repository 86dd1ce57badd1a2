import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import * as path from "node:path";
import * as dockerbuild from "@pulumi/docker-build";
import { LocalWorkspace, type Stack } from "@pulumi/pulumi/automation";
import { execa } from "execa";
import { RegistryLogins } from "../../../automation/builder";
import { silent } from "../../../automation/events";
import { resolveToolchain } from "../../../automation/toolchain";
import { Checkout, skipWithoutBuilder } from "./support/checkout";
import { TestRegistry } from "./support/registry";

describe("builder: a refresh whose login has expired", () => {
  let checkout: Checkout;
  let registry: TestRegistry;
  let caFile: string;
  before(async function () {
    await skipWithoutBuilder(this);
    checkout = await Checkout.create();
    caFile = path.join(checkout.root, "cert.pem");
    const key = path.join(checkout.root, "key.pem");
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    await execa("openssl", ["req", "-x509", ...curve, "-keyout", key, "-out", caFile, ...subject]);
    const tls = { key: await readFile(key, "utf8"), cert: await readFile(caFile, "utf8") };
    registry = await TestRegistry.start({ username: "AWS", password: "secret" }, "basic", tls);
  });
  after(async () => {
    registry?.stop();
    await checkout?.remove();
  });

  const resourcesOf = async (stack: Stack) => {
    const { deployment } = await stack.exportStack();
    const { resources } = deployment as { resources: Record<string, unknown>[] };
    return resources.map(({ type, id, inputs, outputs }) => ({ type, id, inputs, outputs }));
  };

  it("changes nothing in the state, and the next deployment changes nothing either", async () => {
    const context = await checkout.context("refreshed", "FROM scratch\nCOPY text /\n", { text: "refreshed" });
    const builder = await checkout.builder({ registries: [{ address: registry.address, caFile }] });
    const source = {
      address: registry.address,
      fetch: async () => ({ username: "AWS", password: "secret", expiresAt: new Date(Date.now() + 3_600_000) }),
    };
    const logins = await RegistryLogins.open(path.join(checkout.root, "docker"), [source], silent);
    const program = async () => {
      new dockerbuild.Image("image", {
        builder: { name: builder.name },
        context: { location: context },
        tags: [`${registry.address}/images:one`],
        exports: [{ raw: "type=image,push=true,oci-mediatypes=true" }],
        push: false,
        buildOnPreview: false,
      });
    };
    const toolchain = await resolveToolchain(silent, { plugins: ["docker-build"] });
    const state = path.join(checkout.root, "state");
    await mkdir(state);
    const stack = await LocalWorkspace.createOrSelectStack(
      { stackName: "test", projectName: "refreshed", program },
      {
        workDir: checkout.root,
        pulumiCommand: toolchain.command,
        envVars: {
          ...toolchain.env,
          ...(await builder.environment(logins.folder)),
          PATH: [...toolchain.directories, process.env.PATH ?? ""].join(path.delimiter),
          SSL_CERT_FILE: caFile,
          PULUMI_BACKEND_URL: `file://${state}`,
          PULUMI_CONFIG_PASSPHRASE: "test",
        },
      },
    );
    await stack.up();
    const before = await resourcesOf(stack);
    assert.equal(registry.manifests.has("one"), true);

    registry.login = { username: "AWS", password: "another" };
    const refused = registry.refused;
    await stack.refresh();
    assert.ok(registry.refused > refused, "the refresh asked with the expired login");
    assert.deepEqual(await resourcesOf(stack), before);
    const { summary } = await stack.up();
    assert.deepEqual(Object.keys(summary.resourceChanges ?? {}), ["same"]);
    await logins.close();
  });
});

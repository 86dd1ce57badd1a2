import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { RegistryLogins, type LoginSource } from "../../../automation/builder";
import { silent } from "../../../automation/events";
import { build, Checkout, skipWithoutBuilder, startBuild } from "./support/checkout";
import { TestRegistry, type Scheme } from "./support/registry";

describe("builder: registry logins", () => {
  let checkout: Checkout;
  let registries: TestRegistry[] = [];
  before(async function () {
    await skipWithoutBuilder(this);
    checkout = await Checkout.create();
    const schemes: Scheme[] = ["token", "basic", "token"];
    registries = await Promise.all(
      schemes.map((scheme, index) => TestRegistry.start({ username: "AWS", password: `secret-${index}` }, scheme)),
    );
  });
  after(async () => {
    registries.forEach((registry) => registry.stop());
    await checkout?.remove();
  });

  const own = () => registries.map(({ address }) => ({ address, http: true }));
  const source = (registry: TestRegistry, password = registry.login.password): LoginSource => ({
    address: registry.address,
    fetch: async () => ({ username: "AWS", password, expiresAt: new Date(Date.now() + 12 * 3_600_000) }),
  });

  it("let three registries be pushed to at once, 20 times, each with its own", async () => {
    const builder = await checkout.builder({ registries: own() });
    const refusedBefore = registries.map(({ refused }) => refused);
    for (let round = 0; round < 20; round++) {
      const folder = path.join(checkout.root, `docker-${round}`);
      const logins = await RegistryLogins.open(
        folder,
        registries.map((registry) => source(registry)),
        silent,
      );
      const env = await builder.environment(logins.folder);
      const context = await checkout.context(`round-${round}`, "FROM scratch\nCOPY text /\n", { text: String(round) });
      const digests = await Promise.all(
        registries.map(({ address }) => build(builder, env, { image: `${address}/images:${round}`, context })),
      );
      await logins.close();
      assert.equal(new Set(digests).size, 1);
      registries.forEach(({ manifests }) => assert.ok(manifests.has(String(round))));
      await assert.rejects(stat(folder), { code: "ENOENT" });
    }
    assert.deepEqual(
      registries.map(({ refused }) => refused),
      refusedBefore,
    );
  });

  it("of two runs at the same address are not mixed up", async () => {
    const builder = await checkout.builder({ registries: own() });
    const registry = registries[0]!;
    const context = await checkout.context("mixed", "FROM scratch\nCOPY text /\n", { text: "mixed" });
    const open = async (name: string, password: string) => {
      const logins = await RegistryLogins.open(path.join(checkout.root, name), [source(registry, password)], silent);
      return { logins, env: await builder.environment(logins.folder) };
    };
    for (let round = 0; round < 5; round++) {
      const [right, wrong] = await Promise.all([open("right", registry.login.password), open("wrong", "old")]);
      const image = (tag: string) => `${registry.address}/images:${tag}-${round}`;
      const [accepted, denied] = await Promise.all([
        startBuild(builder, right.env, { image: image("right"), context }),
        startBuild(builder, wrong.env, { image: image("wrong"), context }),
      ]);
      await Promise.all([right.logins.close(), wrong.logins.close()]);
      assert.equal(accepted.exitCode, 0, accepted.all);
      assert.notEqual(denied.exitCode, 0, denied.all);
      assert.ok(registry.manifests.has(`right-${round}`) && !registry.manifests.has(`wrong-${round}`));
    }
  });

  it("that were renewed serve the builds that start afterwards, in the same run", async () => {
    const registry = registries[1]!;
    const builder = await checkout.builder({ registries: own() });
    let told = 0;
    const fetch = async () => ({
      ...registry.login,
      expiresAt: new Date(Date.now() + (told++ === 0 ? 2_000 : 3_600_000)),
    });
    const logins = await RegistryLogins.open(
      path.join(checkout.root, "renewed"),
      [{ address: registry.address, fetch }],
      silent,
    );
    const env = await builder.environment(logins.folder);
    const image = (tag: string) => `${registry.address}/images:${tag}`;
    const context = await checkout.context("renewed", "FROM scratch\nCOPY text /\n", { text: "renewed" });
    await build(builder, env, { image: image("before"), context });
    registry.login = { username: "AWS", password: "secret-new" };
    const denied = await startBuild(builder, env, { image: image("between"), context });
    assert.notEqual(denied.exitCode, 0);
    while (told < 2) await sleep(100);
    await sleep(300);
    await build(builder, env, { image: image("after"), context });
    await logins.close();
    assert.deepEqual(
      ["before", "between", "after"].map((tag) => registry.manifests.has(tag)),
      [true, false, true],
    );
  });
});

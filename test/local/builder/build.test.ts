import assert from "node:assert/strict";
import { utimes } from "node:fs/promises";
import * as path from "node:path";
import { gunzipSync } from "node:zlib";
import { eraseBuilder, type Builder } from "../../../automation/builder";
import { eraseLocalAws } from "../../../automation/local";
import { build, Checkout, skipWithoutBuilder } from "./support/checkout";
import { LocalRegistry } from "./support/local-registry";

const base = 'FROM scratch\nCOPY tool /tool\nRUN ["/tool","write","/base","the base"]\n';

describe("builder: images in the local AWS's registry", () => {
  let checkout: Checkout;
  let registry: LocalRegistry;
  let builder: Builder;
  let env: Record<string, string>;
  let logins = 0;

  async function open(): Promise<void> {
    builder = await checkout.builder({ registries: [registry.own] });
    env = await builder.environment((await registry.logins(path.join(checkout.root, `docker-${logins++}`))).folder);
  }
  const push = (tag: string, context: string, args: string[] = []) =>
    build(builder, env, { image: registry.image(tag), context, args });

  before(async function () {
    await skipWithoutBuilder(this);
    checkout = await Checkout.create();
    registry = await LocalRegistry.start(checkout.root);
    await open();
  });
  after(async () => {
    if (!checkout) return;
    await eraseLocalAws(checkout.root);
    await checkout.remove();
  });

  it("are single manifests, pushed over TLS, with what their build steps made", async () => {
    const digest = await push("single", await checkout.context("single", base));
    const manifest = await registry.manifest("single");
    assert.equal(manifest.mediaType, "application/vnd.oci.image.manifest.v1+json");
    assert.deepEqual(await registry.manifest(digest), manifest);
    assert.equal(manifest.layers.length, 2);
    const made = gunzipSync(await registry.blob(manifest.layers[1]!.digest)).toString("latin1");
    assert.ok(made.includes("the base"));
  });

  it("have the same digest from two folders with other times, on an empty builder too", async () => {
    const first = await checkout.context("first", base);
    const second = await checkout.context("second", base);
    await utimes(path.join(second, "tool"), 1_000_000_000, 1_000_000_000);
    const digests = [await push("first", first), await push("second", second, ["--no-cache"])];
    await eraseBuilder(checkout.root);
    await open();
    digests.push(await push("third", second));
    assert.deepEqual(new Set(digests).size, 1, digests.join());
  });

  it("keep the layers of their base as they are", async () => {
    // Not rewritten when it was made, so that a rewriting of the base would show.
    const digest = await push("base", await checkout.context("base", base), ["--build-arg", "SOURCE_DATE_EPOCH=86400"]);
    const from = `FROM ${registry.address}/images@${digest}\nCOPY text /text\n`;
    const context = await checkout.context("derived", from, { text: "derived" });
    const here = await push("derived", context);
    const [below, above] = await Promise.all([registry.manifest("base"), registry.manifest("derived")]);
    const digests = (layers: { digest: string }[]) => layers.map((layer) => layer.digest);
    assert.equal(above.layers.length, below.layers.length + 1);
    assert.deepEqual(digests(above.layers).slice(0, -1), digests(below.layers));
    // A builder that did not make the base itself comes to the same image.
    await eraseBuilder(checkout.root);
    await open();
    assert.equal(await push("elsewhere", context), here);
  });

  for (const copy of ["COPY", "COPY --link"]) {
    it(`keep their digest with ${copy}, whether the images below were made here or elsewhere`, async () => {
      const name = copy.replace(/\W+/g, "").toLowerCase();
      const from = (digest: string) => `FROM ${registry.address}/images@${digest}`;
      const below = await push(`${name}-below`, await checkout.context(`${name}-below`, base));
      const opt = "FROM scratch\nCOPY text /opt/\n";
      const layer = await push(`${name}-layer`, await checkout.context(`${name}-layer`, opt, { text: name }));
      const runtimeLines = [`${from(layer)} AS layer`, from(below), `${copy} --from=layer /opt /opt`, ""].join("\n");
      const runtime = await push(`${name}-runtime`, await checkout.context(`${name}-runtime`, runtimeLines));
      const lines = `${from(runtime)}\n${copy} text /task/\n`;
      const context = await checkout.context(`${name}-function`, lines, { text: "function" });
      const here = await push(`${name}-function`, context);
      const layers = async (reference: string) =>
        (await registry.manifest(reference)).layers.map(({ digest }) => digest);
      assert.deepEqual((await layers(here)).slice(0, -1), await layers(runtime));
      await eraseBuilder(checkout.root);
      await open();
      assert.equal(await push(`${name}-elsewhere`, context), here);
    });
  }

  it("that sleep for 10 seconds each take little longer when there are five", async () => {
    const names = ["a", "b", "c", "d", "e"];
    const contexts = await Promise.all(
      names.map((name) =>
        checkout.context(`sleep-${name}`, `FROM scratch\nCOPY tool /tool\nRUN ["/tool","sleep","10","${name}"]\n`),
      ),
    );
    const started = performance.now();
    await Promise.all(contexts.map((context, index) => push(`sleep-${names[index]}`, context)));
    const seconds = (performance.now() - started) / 1000;
    console.log(`      five images that sleep 10 s: ${seconds.toFixed(1)} s`);
    assert.ok(seconds < 16, `${seconds} s`);
  });

  it("come from the registry's cache on a wiped builder, in at most a third of the time", async () => {
    const cache = `type=registry,ref=${registry.image("cache")},mode=max,image-manifest=true,oci-mediatypes=true`;
    const text = 'FROM scratch\nCOPY tool /tool\nRUN ["/tool","sleep","9"]\nRUN ["/tool","write","/x","slow"]\n';
    const context = await checkout.context("cached", text);
    const time = async (tag: string, args: string[]) => {
      const started = performance.now();
      const digest = await push(tag, context, args);
      return { digest, seconds: (performance.now() - started) / 1000 };
    };
    const cold = await time("cold", ["--cache-to", cache]);
    await eraseBuilder(checkout.root);
    await open();
    const warm = await time("warm", ["--cache-from", `type=registry,ref=${registry.image("cache")}`]);
    console.log(`      cold ${cold.seconds.toFixed(1)} s, wiped with cache ${warm.seconds.toFixed(1)} s`);
    assert.equal(warm.digest, cold.digest);
    assert.ok(warm.seconds <= cold.seconds / 3);
  });
});

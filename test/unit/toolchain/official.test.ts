import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, mkdir, readlink, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import fc from "fast-check";
import { parse } from "semver";
import { silent } from "../../../automation/events";
import { resolveToolchain, toolchainStatus } from "../../../automation/toolchain";
import { ensureBuilt } from "../../../automation/toolchain/build";
import { cacheRoot } from "../../../automation/toolchain/cache";
import { downloadsReachable, engineAt, fits, pluginInstalled, which } from "../../../automation/toolchain/official";
import { linkPlugin } from "../../../automation/toolchain/plugins";
import { readProgram } from "../../../automation/toolchain/recipe";
import { removeTemporaryFolders, temporaryFolder } from "./support";

describe("toolchain: versions of the engine", () => {
  it("fit from the SDK's own version on, within the same major version", () => {
    for (const version of ["3.256.0", "3.256.1", "3.300.0", "3.256.0-alpha.1"])
      assert.equal(fits(parse(version), "3.256.0"), true, version);
    for (const version of ["3.255.9", "3.9.0", "2.999.0", "4.0.0"])
      assert.equal(fits(parse(version), "3.256.0"), false, version);
    assert.equal(fits(undefined, "3.256.0"), false);
    assert.equal(fits(null, "3.256.0"), false);
  });

  it("never fit when they are older", () => {
    const version = fc.tuple(fc.nat(9), fc.nat(400), fc.nat(20));
    fc.assert(
      fc.property(version, version, (a, b) => {
        const order = a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
        return fits(parse(a.join(".")), b.join(".")) === (a[0] === b[0] && order >= 0);
      }),
    );
  });
});

describe("toolchain: the download site", () => {
  let server: http.Server;
  let requests: http.IncomingMessage[];
  let answer: ((response: http.ServerResponse) => void) | undefined;

  beforeEach(async () => {
    requests = [];
    answer = undefined;
    server = http.createServer((request, response) => {
      requests.push(request);
      answer?.(response);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await removeTemporaryFolders();
  });

  const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/archive`;

  it("that answers is used", async () => {
    answer = (response) => response.writeHead(200).end();
    assert.equal(await downloadsReachable("3.256.0", await temporaryFolder(), { url: url() }), true);
    assert.equal(requests[0]?.method, "HEAD");
  });

  it("that never answers is given up in time, and not asked again for a while", async () => {
    const cache = await temporaryFolder();
    const started = performance.now();
    assert.equal(await downloadsReachable("3.256.0", cache, { url: url(), timeoutMs: 200 }), false);
    assert.ok(performance.now() - started < 2000);
    answer = (response) => response.writeHead(200).end();
    assert.equal(await downloadsReachable("3.256.0", cache, { url: url() }), false);
    assert.equal(requests.length, 1);
  });

  it("is asked again when the refusal is old, is about another address, or cannot be read", async () => {
    answer = (response) => response.writeHead(200).end();
    const cache = await temporaryFolder();
    const hour = 3600 * 1000;
    for (const memory of [
      JSON.stringify({ url: url(), until: Date.now() - 1 }),
      // A clock that was set back must not make a refusal last.
      JSON.stringify({ url: url(), until: Date.now() + hour }),
      JSON.stringify({ url: "http://127.0.0.1:1/", until: Date.now() + 1000 }),
      "{",
      "null",
    ]) {
      await writeFile(path.join(cache, "unreachable.json"), memory);
      assert.equal(await downloadsReachable("3.256.0", cache, { url: url() }), true, memory);
    }
  });

  it("that refuses, or does not have the version, is not used", async () => {
    answer = (response) => response.writeHead(404).end();
    assert.equal(await downloadsReachable("3.256.0", await temporaryFolder(), { url: url() }), false);
    assert.equal(await downloadsReachable("3.256.0", await temporaryFolder(), { url: "http://127.0.0.1:1/" }), false);
  });
});

describe("toolchain: the engine on PATH", () => {
  const before = { ...process.env };
  afterEach(async () => {
    process.env.PATH = before.PATH;
    process.env.PULUMI_HOME = before.PULUMI_HOME;
    if (before.PULUMI_HOME === undefined) delete process.env.PULUMI_HOME;
    await removeTemporaryFolders();
  });

  /** A folder with programs that print a text, put alone on PATH. */
  async function onPath(programs: Record<string, string>): Promise<string> {
    const folder = await temporaryFolder();
    for (const [name, script] of Object.entries(programs)) {
      await writeFile(path.join(folder, name), `#!/bin/sh\n${script}\n`);
      await chmod(path.join(folder, name), 0o755);
    }
    process.env.PATH = `${folder}${path.delimiter}/bin${path.delimiter}/usr/bin`;
    process.env.PULUMI_HOME = await temporaryFolder();
    return folder;
  }

  it("is taken as it is when version and plugin fit", async () => {
    await onPath({ pulumi: "echo v3.256.2", "pulumi-resource-aws": "", "pulumi-language-nodejs": "" });
    const toolchain = await resolveToolchain(silent, { cache: await temporaryFolder() });
    assert.equal(toolchain.source, "path");
    assert.equal(toolchain.version, "3.256.2");
    assert.deepEqual(toolchain.directories, []);
    assert.equal(toolchain.env.PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION, undefined);
  });

  it("is taken for a program with more plugins only when these fit too", async () => {
    const programs = { pulumi: "echo v3.256.0", "pulumi-resource-aws": "", "pulumi-language-nodejs": "" };
    const cache = await temporaryFolder();
    // So that no download site is asked.
    const url = `https://get.pulumi.com/releases/sdk/pulumi-v3.256.0-${process.platform}-${process.arch}.tar.gz`;
    await writeFile(path.join(cache, "unreachable.json"), JSON.stringify({ url, until: Date.now() + 60_000 }));
    const resolve = () => resolveToolchain(silent, { cache, sources: ["path"], plugins: ["docker-build"] });
    await onPath(programs);
    await assert.rejects(resolve(), { code: "ToolchainUnavailable" });
    await onPath({ ...programs, "pulumi-resource-docker-build": "" });
    assert.equal((await resolve()).source, "path");
    await onPath(programs);
    await mkdir(path.join(process.env.PULUMI_HOME ?? "", "plugins", "resource-docker-build-v0.0.22"), {
      recursive: true,
    });
    assert.equal((await resolve()).source, "path");
  });

  it("is given a small plugin that was built here, where the download site cannot be reached", async () => {
    const cache = await temporaryFolder();
    const url = `https://get.pulumi.com/releases/sdk/pulumi-v3.256.0-${process.platform}-${process.arch}.tar.gz`;
    await writeFile(path.join(cache, "unreachable.json"), JSON.stringify({ url, until: Date.now() + 60_000 }));
    const program = await readProgram("pulumi-resource-docker-build");
    const run = async (_: string[], { cwd }: { cwd: string }) =>
      writeFile(path.join(cwd, "bin", program.name), "#!/bin/sh\n", { mode: 0o755 });
    const { bin } = await ensureBuilt(program, silent, { cache, run, go: () => Promise.resolve("go1.99.0") });
    await onPath({ pulumi: "echo v3.256.0", "pulumi-resource-aws": "", "pulumi-language-nodejs": "" });
    const { source, directories } = await resolveToolchain(silent, { cache, plugins: ["docker-build"] });
    assert.deepEqual({ source, directories }, { source: "path", directories: [bin] });
    assert.deepEqual((await resolveToolchain(silent, { cache })).directories, []);
  });

  it("gets our language host where it has none", async () => {
    await onPath({ pulumi: "echo v3.256.0", "pulumi-resource-aws": "" });
    const { directories } = await resolveToolchain(silent, { cache: await temporaryFolder() });
    assert.ok(await which("pulumi-language-nodejs", directories.join(path.delimiter)));
  });

  for (const [reason, programs] of [
    ["too old", { pulumi: "echo v3.100.0", "pulumi-resource-aws": "" }],
    ["no engine at all", { pulumi: "echo hello", "pulumi-resource-aws": "" }],
    ["failing", { pulumi: "exit 1", "pulumi-resource-aws": "" }],
    ["not there", {}],
  ] as [string, Record<string, string>][]) {
    it(`is not used when it is ${reason}`, async () => {
      await onPath(programs);
      const resolving = resolveToolchain(silent, { cache: await temporaryFolder(), sources: ["path"] });
      await assert.rejects(resolving, { code: "ToolchainUnavailable", next: /doctor/ });
    });
  }

  it("is not waited for when it hangs", async () => {
    await onPath({ pulumi: "exec sleep 5" });
    const started = performance.now();
    assert.equal(await engineAt(undefined, 200), undefined);
    assert.ok(performance.now() - started < 2000);
  });

  it("is not searched in relative folders of PATH", async () => {
    const folder = await onPath({ pulumi: "echo v3.256.0" });
    assert.equal(await which("pulumi", folder), path.join(folder, "pulumi"));
    assert.equal(await which("pulumi", path.relative(process.cwd(), folder)), undefined);
    assert.equal(await which("pulumi", ""), undefined);
  });

  it("is told by doctor, with what else lacks and what mends it", async () => {
    await onPath({ pulumi: "echo v3.100.0" });
    process.env.PATH = process.env.PATH?.split(path.delimiter)[0];
    const status = await toolchainStatus(await temporaryFolder());
    const byName = new Map(status.map((item) => [item.name, item]));
    assert.match(byName.get("pulumi on PATH")?.detail ?? "", /3\.100\.0.*3\.256\.0 or later is needed/);
    assert.match(byName.get("go")?.cure ?? "", /install Go/);
    assert.match(byName.get("git")?.cure ?? "", /install git/);
    assert.match(byName.get("pulumi 3.256.0, built")?.cure ?? "", /^npx tributary /);
    for (const item of status)
      assert.equal(item.found || item.cure !== undefined || item.name === "pulumi on PATH", true, item.name);
  });
});

describe("toolchain: folders", () => {
  afterEach(removeTemporaryFolders);

  it("of the cache follow TRIBUTARY_CACHE, then XDG_CACHE_HOME, then the home", () => {
    assert.equal(cacheRoot({ TRIBUTARY_CACHE: "/a", XDG_CACHE_HOME: "/b" }), "/a");
    assert.equal(cacheRoot({ XDG_CACHE_HOME: "/b" }), "/b/tributary");
    assert.match(cacheRoot({ XDG_CACHE_HOME: "relative" }), /\/\.cache\/tributary$/);
    assert.match(cacheRoot({}), /\/\.cache\/tributary$/);
  });

  it("of plugins that the engine is still installing do not count", async () => {
    const home = await temporaryFolder();
    assert.equal(await pluginInstalled("7.21.0", home), false);
    await mkdir(path.join(home, "plugins", "resource-aws-v7.21.0"), { recursive: true });
    assert.equal(await pluginInstalled("7.21.0", home), true);
    await writeFile(path.join(home, "plugins", "resource-aws-v7.21.0.partial"), "");
    assert.equal(await pluginInstalled("7.21.0", home), false);
  });

  it("of the engine's plugins get a link to the built one, and a new one when it was built anew", async () => {
    const home = await temporaryFolder();
    for (const bin of ["/builds/1/bin", "/builds/2/bin", "/builds/2/bin"]) {
      const record = { program: "pulumi-resource-aws", version: "7.21.0" };
      await linkPlugin({ bin, record } as Parameters<typeof linkPlugin>[0], home);
      const link = path.join(home, "plugins", "resource-aws-v7.21.0", "pulumi-resource-aws");
      assert.equal(await readlink(link), `${bin}/pulumi-resource-aws`);
    }
  });
});

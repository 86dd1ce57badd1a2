import assert from "node:assert/strict";
import { mkdir, readFile, readlink, writeFile } from "node:fs/promises";
import path from "node:path";
import fc from "fast-check";
import { builderStatus, ensureBuilder } from "../../../automation/builder";
import {
  configurationText,
  containerConfiguration,
  daemonEnvironment,
  parallelSteps,
} from "../../../automation/builder/configuration";
import { containerBuilder } from "../../../automation/builder/container";
import { builderFiles } from "../../../automation/builder/files";
import { currentContext, engineVariables } from "../../../automation/builder/instances";
import { namedBuilder, parseList } from "../../../automation/builder/named";
import { findBuildx } from "../../../automation/builder/program";
import { checkAddress, rememberRegistries } from "../../../automation/builder/registries";
import { silent, type DriverEvent } from "../../../automation/events";
import { fakeBuildx, removeTemporaryFolders, temporaryFolder } from "./support";

const listing = [
  { Name: "ci", Driver: "docker-container", Nodes: [{ Status: "running" }] },
  { Name: "ci", Driver: "docker-container", Nodes: [{ Status: "running" }] },
  { Name: "far", Driver: "remote", Nodes: [{ Err: "connection refused" }] },
  { Name: "default", Driver: "", Err: "failed to connect", Nodes: [{ Name: "" }] },
];
const list = `cat <<'END'\n${listing.map((entry) => JSON.stringify(entry)).join("\n")}\nEND`;

describe("builder: one that the settings name", () => {
  afterEach(removeTemporaryFolders);

  it("is found among the person's own", async () => {
    const builder = await namedBuilder("ci", await fakeBuildx(list));
    assert.equal(builder.source, "named");
    assert.equal(builder.name, "ci");
    const env = await builder.environment(path.join(await temporaryFolder(), "docker"));
    assert.equal(env.BUILDX_BUILDER, "ci");
  });

  it("that is not there is told with those that are", async () => {
    await assert.rejects(namedBuilder("other", await fakeBuildx(list)), {
      code: "BuilderNotFound",
      source: "user",
      message: /"other".*: ci \(docker-container, running\), far \(remote, unknown\), default \(cannot be used\)$/,
    });
  });

  it("that does not answer is told with its reason", async () => {
    const buildx = await fakeBuildx(list);
    await assert.rejects(namedBuilder("far", buildx), { code: "BuilderUnusable", message: /connection refused/ });
    await assert.rejects(namedBuilder("default", buildx), { code: "BuilderUnusable", message: /failed to connect/ });
  });

  it("never becomes an option of a command", async () => {
    for (const name of ["--config=/etc/passwd", "", "a b", "../x", "$(id)"]) {
      await assert.rejects(namedBuilder(name, "/nowhere/buildx"), { code: "BuilderNotFound" });
    }
  });

  it("is one of several lines, which may be mixed with warnings", () => {
    const output = ["WARN: old", ...listing.map((entry) => JSON.stringify(entry)), ""].join("\n");
    assert.deepEqual(
      parseList(output).map(({ Name }) => Name),
      ["ci", "far", "default"],
    );
  });

  it("keeps the person's engines, with other logins", async () => {
    const root = await temporaryFolder();
    const own = path.join(root, "own");
    await mkdir(path.join(own, "contexts"), { recursive: true });
    await writeFile(path.join(own, "config.json"), JSON.stringify({ currentContext: "colima", auths: { x: {} } }));
    const folder = path.join(root, "run");
    const env = await engineVariables("ci", folder, path.join(own, "buildx"), { DOCKER_CONFIG: own });
    assert.deepEqual(env, {
      DOCKER_CONFIG: folder,
      BUILDX_CONFIG: path.join(own, "buildx"),
      BUILDX_BUILDER: "ci",
      DOCKER_CONTEXT: "colima",
    });
    assert.equal(await readlink(path.join(folder, "contexts")), path.join(own, "contexts"));
    const explicit = await engineVariables("ci", folder, own, { DOCKER_CONFIG: own, DOCKER_HOST: "tcp://x" });
    assert.equal(explicit.DOCKER_CONTEXT, undefined);
    await writeFile(path.join(own, "config.json"), "not json");
    assert.equal(await currentContext(own), undefined);
  });
});

describe("builder: a container in Docker", () => {
  afterEach(removeTemporaryFolders);

  it("is made with the registries, and made again only when they change", async () => {
    const root = await temporaryFolder();
    const files = builderFiles(root);
    const log = path.join(root, "log");
    const buildx = await fakeBuildx(`echo "$@" >> ${log}`);
    const caFile = path.join(root, "ca.pem");
    await writeFile(caFile, "first");
    const wanted = [{ address: "localhost:5000", caFile }];
    const builder = await containerBuilder(files, buildx, wanted, silent);
    await containerBuilder(files, buildx, wanted, silent);
    await writeFile(caFile, "second");
    await containerBuilder(files, buildx, wanted, silent);
    assert.equal(builder?.source, "docker");
    assert.equal(builder?.name, "tributary");
    const commands = (await readFile(log, "utf8")).split("\n").map((line) => line.split(" ")[0]);
    assert.deepEqual(commands, ["rm", "create", "inspect", "inspect", "rm", "create", "inspect", ""]);
    const [, create] = (await readFile(log, "utf8")).split("\n");
    assert.match(create ?? "", /--node tributary-[0-9a-f]{8} --driver docker-container --driver-opt network=host/);
  });

  it("that cannot be had is told once, and not tried again for a while", async () => {
    const files = builderFiles(await temporaryFolder());
    const buildx = await fakeBuildx('echo "pull access denied" >&2; exit 1');
    const events: DriverEvent[] = [];
    const sink = (event: DriverEvent) => events.push(event);
    assert.equal(await containerBuilder(files, buildx, [], sink), undefined);
    assert.equal(await containerBuilder(files, buildx, [], sink), undefined);
    const told = events.filter((event) => event.type === "message");
    assert.equal(told.length, 1);
    assert.match(told[0]!.text, /the Docker engine cannot run a builder: .*pull access denied/);
  });

  it("names only authorities that are there", async () => {
    const root = await temporaryFolder();
    const files = builderFiles(root);
    await writeFile(path.join(root, "ca.pem"), "authority");
    const known = await rememberRegistries(files, [
      { address: "localhost:5000", caFile: path.join(root, "ca.pem") },
      { address: "localhost:5001", http: true },
    ]);
    const text = await containerConfiguration(files, known);
    assert.equal(text.match(/ca = /g)?.length, 1);
    assert.match(text, /\[registry\."localhost:5001"\]\n {2}http = true/);
  });
});

describe("builder: what a buildkitd of our own is told", () => {
  afterEach(removeTemporaryFolders);

  it("lets more steps run at once than there are cores, as memory allows", () => {
    assert.equal(parallelSteps(2, 24 * 2 ** 30), 8);
    assert.equal(parallelSteps(16, 64 * 2 ** 30), 64);
    assert.equal(parallelSteps(64, 2 * 2 ** 30), 4);
    assert.equal(parallelSteps(1, 2 ** 28), 2);
  });

  it("keeps what other commands asked for, in a fixed order, and forgets the oldest", async () => {
    const files = builderFiles(await temporaryFolder());
    const addresses = async (...wanted: string[]) =>
      (
        await rememberRegistries(
          files,
          wanted.map((address) => ({ address })),
        )
      ).map(({ address }) => address);
    assert.deepEqual(await addresses("b:1"), ["b:1"]);
    assert.deepEqual(await addresses("a:1"), ["a:1", "b:1"]);
    assert.deepEqual(await addresses(), ["a:1", "b:1"]);
    for (let port = 1; port <= 40; port++) await addresses(`c:${port}`);
    const known = await addresses();
    assert.equal(known.length, 24);
    assert.ok(known.includes("c:40") && !known.includes("a:1"));
    await writeFile(files.registries, "damaged");
    assert.deepEqual(await addresses("d:1"), ["d:1"]);
  });

  it("is text that no address can break out of", async () => {
    const files = builderFiles(await temporaryFolder());
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.webAuthority(), fc.domain()), async (address) => {
        const accepted = (() => {
          try {
            checkAddress(address);
            return true;
          } catch (error) {
            assert.equal((error as { code: string }).code, "RegistryAddressInvalid");
            return false;
          }
        })();
        if (!accepted) return;
        assert.match(address, /^[\w.-]+(:\d+)?$/);
        const text = configurationText(files, "/usr/sbin/runc", [{ address, http: false }]);
        assert.equal(text.match(/^\[registry/gm)?.length, 1);
      }),
      { numRuns: 300 },
    );
    for (const address of ["https://x", "x/y", "..", "a..b", 'x"]', "x\n", "-x"]) {
      assert.throws(() => checkAddress(address), { code: "RegistryAddressInvalid", source: "user" });
    }
  });

  it("holds nothing of the person's environment but the way to the network", async () => {
    const files = builderFiles(await temporaryFolder());
    const env: Record<string, string> = daemonEnvironment(files, {
      AWS_SECRET_ACCESS_KEY: "secret",
      HTTPS_PROXY: "http://proxy:3128",
      NO_PROXY: "corp.example",
      PATH: "/evil",
      SSL_CERT_FILE: "/etc/corp.pem",
    });
    assert.equal(env.AWS_SECRET_ACCESS_KEY, undefined);
    assert.equal(env.HTTPS_PROXY, "http://proxy:3128");
    assert.equal(env.NO_PROXY, "corp.example,localhost,127.0.0.1,::1");
    assert.equal(env.SSL_CERT_FILE, "/etc/corp.pem");
    assert.ok(!env.PATH?.includes("evil"));
  });

  it("has sockets short enough for the system, wherever the checkout lies", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-zä]{1,200}$/), (name) => {
        const { socket, traces } = builderFiles(path.join("/", name), "/c");
        return Buffer.byteLength(socket) <= 107 && Buffer.byteLength(traces) <= 107;
      }),
    );
    const long = `/${"x".repeat(120)}`;
    assert.throws(() => builderFiles(long, long), { code: "BuilderPathTooLong", source: "user" });
  });
});

describe("builder: who builds", () => {
  const before = { ...process.env };
  afterEach(async () => {
    process.env = { ...before };
    await removeTemporaryFolders();
  });

  it("is nobody where nothing is allowed, and that is told with what to do", async () => {
    const building = ensureBuilder(await temporaryFolder(), { sources: [] }, silent);
    await assert.rejects(building, {
      code: "BuilderMissing",
      source: "user",
      message: /nobody is there to build images/,
    });
  });

  it("is told by doctor, with a cure only where no image can be built without it", async () => {
    process.env.PATH = await temporaryFolder();
    process.env.DOCKER_HOST = "tcp://127.0.0.1:1";
    const lines = await builderStatus(await temporaryFolder(), await temporaryFolder());
    assert.deepEqual(
      lines.map(({ name }) => name.replace(/ \d.*/, "")),
      [
        "image builder",
        "Docker engine",
        ...["Linux", "root", "runc", "unshare"].map((name) => `own builder: ${name}`),
      ].concat(["buildkit", "buildx", "pulumi-resource-docker-build"]),
    );
    assert.ok(
      lines.every(({ cure }) => cure === undefined),
      "there is a sign of a Docker engine",
    );
    assert.match(lines.at(-1)?.detail ?? "", /is built when it is needed \(about \d min, once\)/);
  });

  it("uses the machine's own buildx only when it is new enough", async () => {
    const old = await fakeBuildx("echo github.com/docker/buildx v0.8.2 abc");
    assert.equal(await findBuildx({ PATH: path.dirname(old), DOCKER_CONFIG: "/nowhere" }), undefined);
    const fine = await fakeBuildx("echo github.com/docker/buildx v0.17.1 abc");
    const found = await findBuildx({
      PATH: [path.dirname(old), path.dirname(fine)].join(":"),
      DOCKER_CONFIG: "/nowhere",
    });
    assert.equal(found, undefined, "the first on PATH is the one that a person's shell would run");
    assert.deepEqual(await findBuildx({ PATH: path.dirname(fine), DOCKER_CONFIG: "/nowhere" }), {
      file: fine,
      version: "0.17.1",
    });
  });
});

import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { builderStatus, eraseBuilder, findBuilder, stopBuilder } from "../../../automation/builder";
import { findDaemon } from "../../../automation/builder/processes";
import { processStart } from "../../../automation/local/processes";
import { cacheRoot } from "../../../automation/toolchain";
import { Checkout, processesWith, skipWithoutBuilder } from "./support/checkout";

const sources = path.resolve(__dirname, "../../../automation");

describe("builder: a buildkitd of the checkout's own", () => {
  const checkouts: Checkout[] = [];
  async function fresh(below?: string): Promise<Checkout> {
    const checkout = await Checkout.create(below);
    checkouts.push(checkout);
    return checkout;
  }
  before(async function () {
    await skipWithoutBuilder(this);
  });
  afterEach(async () => {
    for (const checkout of checkouts.splice(0).reverse()) await checkout.remove();
  });

  /** Starts a build step that runs for a minute, and waits until it does. */
  async function longBuild(checkout: Checkout) {
    const builder = await checkout.builder();
    const env = await builder.environment(path.join(checkout.root, "docker"));
    const mark = `mark-${randomUUID()}`;
    const context = await checkout.context(
      mark,
      `FROM scratch\nCOPY tool /tool\nRUN ["/tool","sleep","60","${mark}"]\n`,
    );
    const running = execa(builder.buildx, ["build", "--progress", "plain", "--output", "type=cacheonly", context], {
      env,
      reject: false,
      all: true,
      stdin: "ignore",
    });
    while ((await stepsOf(mark)).length === 0) await sleep(50);
    return { running, mark };
  }
  const stepsOf = async (mark: string) => (await processesWith(mark)).filter((line) => line.startsWith("/tool sleep"));

  it("is started once by many callers in many processes, and found again", async () => {
    const checkout = await fresh();
    const script =
      `require(${JSON.stringify(path.join(sources, "builder"))})` +
      `.ensureBuilder(${JSON.stringify(checkout.root)}, { sources: ["buildkitd"] }, () => undefined)`;
    const processes = Array.from({ length: 3 }, () =>
      execa(process.execPath, ["--require", "ts-node/register/transpile-only", "-e", script]),
    );
    const inHere = Array.from({ length: 5 }, () => checkout.builder());
    const builders = await Promise.all(inHere);
    await Promise.all(processes);
    assert.equal(new Set(builders.map(({ description }) => description)).size, 1);
    const daemons = (await processesWith(checkout.configuration)).filter((line) => !line.startsWith("unshare"));
    assert.equal(daemons.length, 1, daemons.join("\n"));
    assert.ok(checkout.starts <= 1);
    const found = await findBuilder(checkout.root);
    assert.ok(found && found.pid > 1);
    assert.match((await builderStatus(checkout.root))[0]!.detail, new RegExp(`process ${found.pid}`));
  });

  it("that never was is not made by its end", async () => {
    const checkout = await fresh();
    assert.deepEqual([await stopBuilder(checkout.root), await eraseBuilder(checkout.root)], [false, false]);
    assert.deepEqual(await readdir(checkout.root), []);
  });

  it("listens on a socket that only its user may open, and on no port", async () => {
    const checkout = await fresh();
    await checkout.builder();
    const { pid, socket } = (await findBuilder(checkout.root))!;
    assert.equal((await stat(path.dirname(socket))).mode & 0o777, 0o700);
    const { stdout } = await execa("ss", ["-ltnp"], { reject: false });
    assert.ok(!stdout.includes(`pid=${pid},`), stdout);
    const environment = (await readFile(`/proc/${pid}/environ`, "utf8"))
      .split("\0")
      .map((entry) => entry.split("=")[0]);
    const allowed = /^(|HOME|PATH|TMPDIR|LANG|no_proxy|NO_PROXY|https?_proxy|HTTPS?_PROXY|SSL_CERT_(FILE|DIR))$/;
    assert.deepEqual(
      environment.filter((name) => !allowed.test(name ?? "")),
      [],
    );
  });

  it("that was killed leaves no process and no mount, and the next command recovers", async () => {
    const checkout = await fresh();
    const { running, mark } = await longBuild(checkout);
    process.kill((await findDaemon(checkout.configuration))!.daemon!, "SIGKILL");
    assert.notEqual((await running).exitCode, 0);
    await sleep(500);
    assert.deepEqual(await stepsOf(mark), []);
    assert.ok(!(await readFile("/proc/self/mountinfo", "utf8")).includes(checkout.home));
    assert.equal(await findBuilder(checkout.root), undefined);
    const again = await checkout.builder();
    assert.equal(checkout.starts, 2);
    const env = await again.environment(path.join(checkout.root, "docker"));
    const context = await checkout.context("after", 'FROM scratch\nCOPY tool /tool\nRUN ["/tool","sleep","0"]\n');
    const built = await execa(again.buildx, ["build", "--output", "type=cacheonly", context], { env });
    assert.equal(built.exitCode, 0);
  });

  it("whose launcher was killed ends as well", async () => {
    const checkout = await fresh();
    const { running, mark } = await longBuild(checkout);
    const { launcher, daemon } = (await findDaemon(checkout.configuration))!;
    process.kill(launcher, "SIGKILL");
    await running;
    await sleep(500);
    assert.deepEqual(await stepsOf(mark), []);
    // Where nobody waits for it, a dead process stays in the list; `processStart` takes it for none.
    assert.equal(await processStart(daemon!), undefined);
  });

  it("is stopped with all its build steps, and erased without a trace", async () => {
    const checkout = await fresh();
    const { running, mark } = await longBuild(checkout);
    const started = performance.now();
    assert.equal(await stopBuilder(checkout.root), true);
    assert.ok(performance.now() - started < 6000);
    assert.notEqual((await running).exitCode, 0);
    assert.deepEqual(await processesWith(checkout.configuration), []);
    assert.deepEqual(await stepsOf(mark), []);
    assert.equal(await stopBuilder(checkout.root), false);
    assert.ok((await readdir(path.join(checkout.home, "state"))).length > 0);
    await checkout.builder();
    assert.equal(await eraseBuilder(checkout.root), true);
    assert.deepEqual(await readdir(path.join(checkout.root, ".tributary")), []);
  });

  it("survives the removal of its folder: it is found, and replaced", async () => {
    const checkout = await fresh();
    await checkout.builder();
    await rm(checkout.home, { recursive: true, force: true });
    await checkout.builder();
    const daemons = (await processesWith(checkout.configuration)).filter((line) => !line.startsWith("unshare"));
    assert.equal(daemons.length, 1);
  });

  it("runs a build whose client was interrupted no further", async () => {
    const checkout = await fresh();
    const { running, mark } = await longBuild(checkout);
    running.kill("SIGINT");
    await running;
    for (let count = 0; count < 100 && (await stepsOf(mark)).length > 0; count++) await sleep(50);
    assert.deepEqual(await stepsOf(mark), []);
    assert.ok(await findBuilder(checkout.root));
  });

  it("is restarted for a new registry, but only when other commands' builds are over", async () => {
    const checkout = await fresh();
    const { running } = await longBuild(checkout);
    const { pid } = (await findBuilder(checkout.root))!;
    const registries = [{ address: "localhost:5999", http: true }];
    let ready = false;
    const waiting = checkout.builder({ registries }).then(() => (ready = true));
    await sleep(1500);
    assert.equal(ready, false);
    assert.ok(checkout.events.some((event) => event.type === "message" && /another command's builds/.test(event.text)));
    running.kill("SIGINT");
    await waiting;
    const second = (await findBuilder(checkout.root))!.pid;
    assert.notEqual(second, pid);
    // What one command asked for stays known, so that two commands do not restart it for each other for ever.
    await checkout.builder({ registries: [] });
    await checkout.builder({ registries });
    assert.equal((await findBuilder(checkout.root))!.pid, second);
  });

  it("takes a changed authority of a registry without a restart", async () => {
    const checkout = await fresh();
    const caFile = path.join(checkout.root, "ca.pem");
    await writeFile(caFile, "first");
    const registries = [{ address: "localhost:5998", caFile }];
    await checkout.builder({ registries });
    const { pid } = (await findBuilder(checkout.root))!;
    await writeFile(caFile, "second");
    await checkout.builder({ registries });
    assert.equal((await findBuilder(checkout.root))!.pid, pid);
    const known = path.join(checkout.home, "certificates", "localhost_5998", "ca.crt");
    assert.equal(await readFile(known, "utf8"), "second");
  });

  it("can be named by another checkout's settings, and then is used as it is", async () => {
    const checkout = await fresh();
    const own = await checkout.builder();
    const { socket } = (await findBuilder(checkout.root))!;
    const person = path.join(checkout.root, "person");
    const environment = { DOCKER_CONFIG: person, BUILDX_CONFIG: path.join(person, "buildx") };
    await execa(own.buildx, ["create", "--name", "shared", "--driver", "remote", `unix://${socket}`], {
      env: environment,
    });
    const before = { ...process.env };
    Object.assign(process.env, environment);
    try {
      const other = await fresh();
      const builder = await other.builder({ builder: "shared" });
      assert.deepEqual([builder.source, builder.name, other.starts], ["named", "shared", 0]);
      const env = await builder.environment(path.join(other.root, "docker"));
      const context = await other.context("named", 'FROM scratch\nCOPY tool /tool\nRUN ["/tool","sleep","0"]\n');
      await execa(builder.buildx, ["build", "--output", "type=cacheonly", context], { env });
      await assert.rejects(other.builder({ builder: "nobody" }), {
        code: "BuilderNotFound",
        source: "user",
        message: /shared \(remote, running\)/,
      });
      await stopBuilder(checkout.root);
      await assert.rejects(other.builder({ builder: "shared" }), { code: "BuilderUnusable" });
    } finally {
      process.env = before;
    }
  });

  it("works in a checkout whose path is too long for a socket", async () => {
    const parent = path.join((await fresh()).root, "a".repeat(60), "b".repeat(60));
    const checkout = await fresh(parent);
    await checkout.builder();
    const { socket } = (await findBuilder(checkout.root))!;
    assert.ok(socket.startsWith(cacheRoot()), socket);
    const folder = path.dirname(socket);
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    await eraseBuilder(checkout.root);
    await assert.rejects(stat(folder), { code: "ENOENT" });
  });

  it("that cannot start is told with the last lines of its log", async () => {
    const checkout = await fresh();
    await mkdir(checkout.home, { recursive: true });
    await writeFile(path.join(checkout.home, "state"), "not a folder");
    await assert.rejects(checkout.builder(), {
      code: "BuilderStartFailed",
      message: /ended at once[^]*\| .*not a directory/,
    });
    assert.deepEqual(await processesWith(checkout.configuration), []);
  });
});

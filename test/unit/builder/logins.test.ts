import assert from "node:assert/strict";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import fc from "fast-check";
import { ecrAddress, RegistryLogins, type Login } from "../../../automation/builder";
import { parseToken } from "../../../automation/builder/ecr";
import { silent, type DriverEvent } from "../../../automation/events";
import { FakeClock, removeTemporaryFolders, temporaryFolder } from "./support";

const hour = 3_600_000;

/** For work that never comes to rest: what it does at once is done. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("builder: logins", () => {
  afterEach(removeTemporaryFolders);

  /** The login of an address as a tool would read it. */
  async function stored(folder: string, address: string): Promise<string | undefined> {
    const document = JSON.parse(await readFile(path.join(folder, "config.json"), "utf8")) as {
      auths: Record<string, { auth: string }>;
    };
    const auth = document.auths[address]?.auth;
    return auth && Buffer.from(auth, "base64").toString();
  }

  /** A registry whose logins are numbered and live for a while. */
  function numbered(clock: FakeClock, lifetime: number) {
    const issued: number[] = [];
    const fetch = (): Promise<Login> => {
      issued.push(clock.now());
      return Promise.resolve({
        username: "AWS",
        password: `token-${issued.length}`,
        expiresAt: new Date(clock.now() + lifetime),
      });
    };
    return { issued, source: { address: "localhost:5000", fetch } };
  }

  it("live for half of their lifetime at least, through 13 hours", async () => {
    const clock = new FakeClock();
    const { issued, source } = numbered(clock, 12 * hour);
    const folder = path.join(await temporaryFolder(), "docker");
    const logins = await RegistryLogins.open(folder, [source], silent, clock);
    const start = clock.now();
    for (let minutes = 0; minutes <= 13 * 60; minutes += 30) {
      const number = Number((await stored(folder, "localhost:5000"))?.split("-")[1]);
      const age = clock.now() - issued[number - 1]!;
      assert.ok(age <= 6 * hour, `after ${minutes} min the stored login is ${age / hour} h old`);
      await clock.pass(hour / 2, () => logins.idle());
    }
    assert.deepEqual(
      issued.map((at) => (at - start) / hour),
      [0, 6, 12],
    );
    await logins.close();
    assert.equal(clock.planned, 0);
  });

  it("are retried when they cannot be renewed, and told, while the old one serves", async () => {
    const clock = new FakeClock();
    const events: DriverEvent[] = [];
    const folder = path.join(await temporaryFolder(), "docker");
    let failing = false;
    let fetched = 0;
    const fetch = (): Promise<Login> => {
      fetched++;
      if (failing) return Promise.reject(new TypeError("the network is down"));
      return Promise.resolve({
        username: "AWS",
        password: `t${fetched}`,
        expiresAt: new Date(clock.now() + 12 * hour),
      });
    };
    const logins = await RegistryLogins.open(
      folder,
      [{ address: "localhost:5000", fetch }],
      (event) => events.push(event),
      clock,
    );
    failing = true;
    await clock.pass(6 * hour + 60_000, () => logins.idle());
    const warnings = () => events.filter((event) => event.type === "message").map(({ text }) => text);
    assert.ok(warnings().length >= 3, String(warnings().length));
    assert.match(
      warnings()[0] ?? "",
      /localhost:5000 could not be renewed; the old login serves until 2026-01-01T12:00:00.000Z; next try in 5 s: the network is down/,
    );
    assert.equal(await stored(folder, "localhost:5000"), "AWS:t1");
    await clock.pass(6 * hour, () => logins.idle());
    assert.match(warnings().at(-1) ?? "", /the old login expired at/);
    assert.ok(fetched < 120, "the retries become rarer");
    failing = false;
    await clock.pass(5 * 60_000, () => logins.idle());
    assert.equal(await stored(folder, "localhost:5000"), `AWS:t${fetched}`);
    await logins.close();
  });

  it("of two runs are apart, readable by their user alone, and gone with their run", async () => {
    const root = await temporaryFolder();
    const open = (name: string) =>
      RegistryLogins.open(
        path.join(root, name),
        [{ address: "localhost:5000", fetch: () => Promise.resolve({ username: "AWS", password: name }) }],
        silent,
      );
    const [one, two] = await Promise.all([open("one"), open("two")]);
    assert.equal(await stored(one.folder, "localhost:5000"), "AWS:one");
    assert.equal(await stored(two.folder, "localhost:5000"), "AWS:two");
    assert.equal((await stat(one.folder)).mode & 0o777, 0o700);
    assert.equal((await stat(path.join(one.folder, "config.json"))).mode & 0o777, 0o600);
    await one.close();
    await one.close();
    assert.deepEqual(await readdir(root), ["two"]);
    await two.close();
  });

  it("take nothing over from a run that was killed", async () => {
    const folder = path.join(await temporaryFolder(), "docker");
    await mkdir(path.join(folder, "buildx"), { recursive: true });
    await writeFile(path.join(folder, "config.json"), '{"auths":{"old":{"auth":"x"}}}', { mode: 0o644 });
    const logins = await RegistryLogins.open(folder, [], silent);
    assert.deepEqual(await readdir(folder), ["config.json"]);
    assert.equal(await readFile(path.join(folder, "config.json"), "utf8"), '{"auths":{}}');
    await logins.close();
  });

  it("that are refused at the start are told with their registry, and leave no folder", async () => {
    const root = await temporaryFolder();
    const good = { address: "good.example", fetch: () => Promise.resolve({ username: "AWS", password: "p" }) };
    const bad = { address: "bad.example", fetch: () => Promise.reject(new TypeError("ExpiredToken")) };
    const opening = RegistryLogins.open(path.join(root, "docker"), [good, bad], silent);
    await assert.rejects(opening, {
      code: "RegistryLoginFailed",
      source: "cloud",
      message: "no login of the registry bad.example: ExpiredToken",
      next: /ecr:GetAuthorizationToken/,
    });
    assert.deepEqual(await readdir(root), []);
  });

  it("whose renewal gets no answer are asked for again, and do not keep the run from ending", async () => {
    const clock = new FakeClock();
    const events: DriverEvent[] = [];
    let fetched = 0;
    const fetch = (): Promise<Login> => {
      fetched++;
      if (fetched > 1) return new Promise(() => undefined);
      return Promise.resolve({ username: "AWS", password: "p", expiresAt: new Date(clock.now() + hour) });
    };
    const folder = path.join(await temporaryFolder(), "docker");
    const logins = await RegistryLogins.open(
      folder,
      [{ address: "localhost:5000", fetch }],
      (event) => events.push(event),
      clock,
    );
    await clock.pass(hour / 2 + 70_000, turn);
    assert.equal(fetched, 3);
    assert.match(JSON.stringify(events[0]), /no answer within 60 s/);
    await logins.close();
    assert.equal(clock.planned, 0);
    await assert.rejects(stat(folder), { code: "ENOENT" });
  });

  it("that arrive when the run is over leave no trace", async () => {
    const clock = new FakeClock();
    let answer: (login: Login) => void = () => undefined;
    let fetched = 0;
    const login = (): Login => ({ username: "AWS", password: "p", expiresAt: new Date(clock.now() + hour) });
    const fetch = (): Promise<Login> =>
      fetched++ === 0 ? Promise.resolve(login()) : new Promise((resolve) => (answer = resolve));
    const folder = path.join(await temporaryFolder(), "docker");
    const logins = await RegistryLogins.open(folder, [{ address: "localhost:5000", fetch }], silent, clock);
    await clock.pass(hour / 2 + 1, turn);
    await logins.close();
    answer(login());
    await new Promise((resolve) => setTimeout(resolve, 20));
    await assert.rejects(stat(folder), { code: "ENOENT" });
    assert.equal(clock.planned, 0);
  });

  it("are not asked for too often when a registry tells a lifetime that is over", async () => {
    const clock = new FakeClock();
    const { issued, source } = numbered(clock, -hour);
    const logins = await RegistryLogins.open(path.join(await temporaryFolder(), "d"), [source], silent, clock);
    await clock.pass(10_000, () => logins.idle());
    assert.ok(issued.length <= 11, String(issued.length));
    await logins.close();
  });
});

describe("builder: ECR's tokens", () => {
  it("are user and password, whatever the password holds", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[^:]+$/), fc.string({ minLength: 1 }), (username, password) => {
        const authorizationToken = Buffer.from(`${username}:${password}`).toString("base64");
        assert.deepEqual(parseToken({ authorizationToken }), { username, password, expiresAt: undefined });
      }),
    );
  });

  it("that are something else are refused, without their content in the message", () => {
    for (const text of ["", "no-colon-SECRET", ":SECRET", "SECRET:"]) {
      const authorizationToken = Buffer.from(text).toString("base64");
      assert.throws(
        () => parseToken({ authorizationToken }),
        (error: Error & { code: string }) => error.code === "RegistryTokenInvalid" && !error.message.includes("SECRET"),
      );
    }
    assert.throws(() => parseToken(undefined), { code: "RegistryTokenInvalid" });
  });

  it("belong to the address of an account in a region", () => {
    assert.equal(ecrAddress("123456789012", "eu-west-1"), "123456789012.dkr.ecr.eu-west-1.amazonaws.com");
    assert.equal(ecrAddress("123456789012", "cn-north-1"), "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn");
  });
});

import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import { createServer } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import fc from "fast-check";
import type { TributaryError } from "../../../automation/errors";
import type { DriverEvent } from "../../../automation/events";
import { silent } from "../../../automation/events";
import {
  acknowledgeStateLoss,
  eraseLocalAws,
  findLocalAws,
  localAwsDied,
  stopLocalAws,
} from "../../../automation/local";
import { clientEnvironment, SERVER_NAMES, serverEnvironment } from "../../../automation/local/environment";
import { lastLines, localFiles, readIfThere, writeWhole } from "../../../automation/local/files";
import { withLock } from "../../../automation/local/locking";
import { parseInstance, processStart, runningInstance } from "../../../automation/local/processes";
import { findPython, newEnough, toolCache } from "../../../automation/local/python";
import { isFree, readLocalSettings, settingsForStart } from "../../../automation/local/settings";
import { exists, prepareState } from "../../../automation/local/state";

const listen = async () => {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return { port: (server.address() as { port: number }).port, close: () => new Promise((done) => server.close(done)) };
};

describe("the local AWS, without running it", () => {
  let root: string;

  beforeEach(async () => {
    root = await fs.mkdtemp(path.join(os.tmpdir(), "tributary-local-unit-"));
  });

  afterEach(() => fs.rm(root, { recursive: true, force: true }));

  describe("environment of clients", () => {
    const aws = { port: 25_000, caFile: "/x/ca.pem" };

    it("names the endpoint, the credentials and the authority once and for all services", () => {
      const env = clientEnvironment(aws, {});
      assert.equal(env["AWS_ENDPOINT_URL"], "https://localhost:25000");
      assert.equal(env["AWS_ACCESS_KEY_ID"], "000000000000");
      assert.equal(env["AWS_REGION"], env["AWS_DEFAULT_REGION"]);
      assert.equal(env["AWS_CA_BUNDLE"], "/x/ca.pem");
      assert.equal(env["NODE_EXTRA_CA_CERTS"], "/x/ca.pem");
    });

    it("empties what of the person's own AWS would lead elsewhere, and touches nothing else", () => {
      const own = {
        AWS_PROFILE: "work",
        AWS_SESSION_TOKEN: "t",
        AWS_ENDPOINT_URL_S3: "https://s3",
        AWS_MAX_ATTEMPTS: "9",
      };
      const env: Record<string, string | undefined> = { ...own, PATH: "/bin", ...clientEnvironment(aws, own) };
      assert.deepEqual([env["AWS_PROFILE"], env["AWS_SESSION_TOKEN"], env["AWS_ENDPOINT_URL_S3"]], ["", "", ""]);
      assert.deepEqual([env["AWS_MAX_ATTEMPTS"], env["PATH"]], ["9", "/bin"]);
      assert.equal(env["AWS_CONFIG_FILE"], "/dev/null");
    });

    it("goes around a proxy for the local names, and keeps the person's own exceptions", () => {
      assert.equal(
        clientEnvironment(aws, { NO_PROXY: "a.test,localhost" })["NO_PROXY"],
        "a.test,localhost,127.0.0.1,.localhost",
      );
    });
  });

  describe("environment of the server", () => {
    const files = localFiles("/checkout");
    const env = serverEnvironment(files, { port: 25_000 }, { ca: "ca", certificate: "crt", key: "key" });

    it("inherits nothing", () => {
      process.env["TRIBUTARY_TEST_LEAK"] = "x";
      const again = serverEnvironment(files, { port: 25_000 }, { ca: "ca", certificate: "crt", key: "key" });
      delete process.env["TRIBUTARY_TEST_LEAK"];
      assert.deepEqual(again, env);
    });

    it("listens on loopback, over TLS, with IAM enforcement and state kept", () => {
      const chosen = ["BIND_HOST", "USE_SSL", "AUTH", "PERSIST_STATE", "S3_PERSIST"].map((name) => env[name]);
      assert.deepEqual(chosen, ["127.0.0.1", "1", "true", "1", "1"]);
    });

    it("writes below .tributary only", () => {
      for (const name of ["HOME", "TMPDIR", "STATE_DIR", "S3_DATA_DIR"]) {
        assert.ok(env[name]!.startsWith("/checkout/.tributary/local/"), name);
      }
      for (const file of Object.values(files)) {
        assert.ok(file.startsWith("/checkout/.tributary/local"), file);
      }
    });

    it("has no endpoint of its own, so that functions get the emulator's", () => {
      assert.equal("AWS_ENDPOINT_URL" in env, false);
    });
  });

  it("has a certificate name for each account it answers for", () => {
    assert.ok(SERVER_NAMES.includes("000000000000.localhost") && SERVER_NAMES.includes("127.0.0.1"));
  });

  describe("requirements", () => {
    it("pin every package by version and hash, and name no place to fetch them from", async () => {
      const text = await fs.readFile(path.resolve(__dirname, "../../../automation/local/requirements.txt"), "utf8");
      const entries = text
        .replace(/^#.*$/gm, "")
        .replace(/\\\n/g, " ")
        .split("\n")
        .filter((line) => line.trim());
      assert.ok(entries.length > 15);
      for (const entry of entries) {
        assert.match(entry, /^[a-z0-9-]+==\S+ .*--hash=sha256:[0-9a-f]{64}/);
      }
      assert.doesNotMatch(text, /https?:|--index|--find-links/);
      assert.ok(entries.some((entry) => entry.startsWith("ministack==1.5.33 ")));
    });
  });

  describe("Python", () => {
    it("is new enough from 3.10 on", () => {
      const versions: [number[], boolean][] = [
        [[3, 9, 18], false],
        [[3, 10, 0], true],
        [[3, 14, 1], true],
        [[4, 0, 0], true],
        [[2, 7, 18], false],
        [[], false],
      ];
      for (const [version, enough] of versions) {
        assert.equal(newEnough(version), enough, version.join("."));
      }
    });

    it("that is missing is told with what to install and what was looked at", async () => {
      await assert.rejects(findPython({ PATH: root, TRIBUTARY_PYTHON: "no-such-python" }), (error: TributaryError) => {
        assert.equal(error.code, "PythonMissing");
        assert.match(error.message, /3\.10.*no-such-python: not found/);
        assert.match(error.next ?? "", /apt install python3 python3-venv/);
        return true;
      });
    });

    it("that is too old, or without venv, or broken is told as such", async () => {
      const fake = async (name: string, answer: string) => {
        await fs.writeFile(path.join(root, name), `#!/bin/sh\n${answer}\n`, { mode: 0o755 });
      };
      await fake("python3", `echo '{"executable":"/p","version":[3,9,1],"complete":true}'`);
      await fake("python3.13", `echo '{"executable":"/p","version":[3,13,0],"complete":false}'`);
      await fake("python3.12", "exit 3");
      await assert.rejects(findPython({ PATH: root }), {
        message: /python3: 3\.9\.1, too old; python3\.13: 3\.13\.0, without the venv module; python3\.12: does not run/,
      });
    });
  });

  it("shares its installation in the user's cache", () => {
    assert.equal(toolCache({ TRIBUTARY_CACHE: "/c", XDG_CACHE_HOME: "/x" }), "/c");
    assert.equal(toolCache({ XDG_CACHE_HOME: "/x" }), "/x/tributary");
    assert.equal(toolCache({}), path.join(os.homedir(), ".cache/tributary"));
  });

  describe("the running process", () => {
    it("is known by its id and start time; whatever else a file says is no process", async () => {
      const mine = {
        pid: process.pid,
        processStart: (await processStart(process.pid))!,
        port: 25_000,
        fingerprint: "f",
      };
      const file = path.join(root, "instance.json");
      await fs.writeFile(file, JSON.stringify(mine));
      assert.deepEqual(await runningInstance(file), mine);
      await fs.writeFile(file, JSON.stringify({ ...mine, processStart: "1" }));
      assert.equal(await runningInstance(file), undefined);
      assert.equal(await processStart(2 ** 22 + 1), undefined);
    });

    it("is read from hostile files without harm: never a group, never init", () => {
      fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => parseInstance(text)?.pid === undefined));
      for (const pid of [0, 1, -5, 1.5, "7", null]) {
        assert.equal(parseInstance(JSON.stringify({ pid, processStart: "1", port: 1 })), undefined);
      }
      assert.equal(parseInstance(undefined), undefined);
    });
  });

  describe("port", () => {
    it("is chosen once and kept", async () => {
      const files = localFiles(root);
      const first = await settingsForStart(files);
      assert.deepEqual(await settingsForStart(files), { port: first.port });
      assert.deepEqual(await readLocalSettings(files), { port: first.port });
    });

    it("is another one, told with the former, when somebody else has it", async () => {
      const files = localFiles(root);
      const other = await listen();
      try {
        assert.equal(await isFree(other.port), false);
        await writeWhole(files.settings, JSON.stringify({ port: other.port }));
        const settings = await settingsForStart(files);
        assert.notEqual(settings.port, other.port);
        assert.equal(settings.formerPort, other.port);
      } finally {
        await other.close();
      }
    });

    it("is chosen anew when the file is damaged", async () => {
      const files = localFiles(root);
      for (const text of ["", "{", '{"port":"x"}', '{"port":80}', '{"port":99999}', "[]"]) {
        await writeWhole(files.settings, text);
        assert.equal(await readLocalSettings(files), undefined, text);
      }
      assert.ok((await settingsForStart(files)).port >= 20_000);
    });
  });

  describe("state", () => {
    it("that was written in full is used again", async () => {
      const files = localFiles(root);
      assert.equal(await prepareState(files), false);
      const id = await readIfThere(files.stateId);
      assert.equal(await prepareState(files), false);
      assert.equal(await readIfThere(files.stateId), id);
      assert.equal(await exists(files.lost), false);
    });

    it("that was not is removed, and the loss is remembered until it is acknowledged", async () => {
      const files = localFiles(root);
      await prepareState(files);
      const id = await readIfThere(files.stateId);
      await writeWhole(path.join(files.state, "s3", "object"), "x");
      await fs.rm(files.clean);
      assert.equal(await prepareState(files), true);
      assert.deepEqual(await fs.readdir(files.state), ["id"]);
      assert.notEqual(await readIfThere(files.stateId), id);
      assert.equal(await prepareState(files), false);
      assert.equal(await exists(files.lost), true);
      await acknowledgeStateLoss(root);
      await acknowledgeStateLoss(root);
      assert.equal(await exists(files.lost), false);
    });
  });

  describe("lock", () => {
    it("lets one in at a time, tells who waits, and is free after a failure", async () => {
      const events: DriverEvent[] = [];
      let inside = 0;
      const work = async () => {
        assert.equal(++inside, 1);
        await new Promise((done) => setTimeout(done, 30));
        inside--;
      };
      const enter = (then: () => Promise<void>) =>
        withLock(root, path.join(root, "lock"), (event) => events.push(event), "the test", then);
      const failing = enter(() => Promise.reject(new TypeError("inside")));
      await assert.rejects(failing, /inside/);
      await Promise.all([enter(work), enter(work), enter(work)]);
      assert.ok(events.some((event) => event.type === "message" && /waiting .* the test/.test(event.text)));
      assert.equal(await exists(path.join(root, "lock")), false);
    });
  });

  describe("a checkout that never had one", () => {
    it("has none to find, stop or erase, and gets no files by that", async () => {
      assert.equal(await findLocalAws(root), undefined);
      await stopLocalAws(root, silent);
      await eraseLocalAws(root);
      assert.deepEqual(await fs.readdir(root), []);
    });

    it("tells a command that used it how to go on", async () => {
      const cause = new TypeError("connect ECONNREFUSED");
      const error = (await localAwsDied(root, cause))!;
      assert.deepEqual([error.code, error.source, error.cause], ["LocalAwsDied", "cloud", cause]);
      assert.match(error.next ?? "", /tributary deploy local/);
    });
  });

  it("shows the end of a log", async () => {
    await fs.writeFile(path.join(root, "log"), "one\n\ntwo\nthree\n");
    assert.deepEqual(await lastLines(path.join(root, "log"), 2), ["two", "three"]);
    assert.deepEqual(await lastLines(path.join(root, "none"), 2), []);
  });
});

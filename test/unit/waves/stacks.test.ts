import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { stringify } from "yaml";
import { PlainRenderer } from "../../../automation/cli/render/plain";
import { soFar } from "../../../automation/cli/render/text";
import type { CommandContext } from "../../../automation/commands/context";
import { TributaryError } from "../../../automation/errors";
import type { DriverEvent } from "../../../automation/events";
import { localAwsAs, type LocalAws } from "../../../automation/local";
import { writeLog } from "../../../automation/stacks/engineLog";
import { environmentStacks } from "../../../automation/stacks/environments";
import { alone, othersIn, together } from "../../../automation/stacks/exclusive";
import { identify } from "../../../automation/stacks/processes";
import type { Session } from "../../../automation/stacks/session";
import { expired } from "../../../automation/waves/accounts";
import { bucketsOf } from "../../../automation/waves/buckets";
import { lookForStrangers } from "../../../automation/waves/strangers";

const code = (expected: string) => (error: unknown) => error instanceof TributaryError && error.code === expected;

describe("what the stacks of an environment share", () => {
  let root: string;
  beforeEach(async () => {
    root = await fs.mkdtemp(path.join(os.tmpdir(), "shared-"));
  });
  afterEach(() => fs.rm(root, { recursive: true }));

  it("the local AWS is used by many at a time, and erased by one alone", async () => {
    const sleeper = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"]);
    const user = path.join(root, `user-${sleeper.pid}-1.json`);
    try {
      await fs.writeFile(user, JSON.stringify({ ...(await identify(sleeper.pid!)), command: "deploy dev" }));
      assert.equal(await together(root, "deploy local", async () => (await othersIn(root)).length), 1);
      await assert.rejects(
        alone(root, "destroy local", async () => undefined),
        code("EnvironmentBusy"),
      );
      await fs.rename(user, path.join(root, "driver.json"));
      await assert.rejects(
        together(root, "deploy local", async () => undefined),
        code("EnvironmentBusy"),
      );
    } finally {
      sleeper.kill("SIGKILL");
      await once(sleeper, "exit");
    }
    assert.equal(await together(root, "deploy local", async () => 7), 7, "a dead one is nobody");
    await fs.writeFile(user, "{");
    assert.equal(await alone(root, "destroy local", async () => 7), 7);
    assert.deepEqual(await fs.readdir(root), [], "nothing is left, not even of the dead");
  });

  it("logs of the engine are kept, the newest thirty, each in a file of its own", async () => {
    const printed = { stdout: "out", stderr: "err", code: 1 };
    const file = await writeLog(root, ["up", "--stack", "dev"], printed);
    assert.match(path.basename(file), /^\d{4}-\d\d-\d\dT\d{6}Z-up\.log$/);
    assert.match(await fs.readFile(file, "utf8"), /^\$ pulumi up --stack dev\nexit code 1\n\nout\n--- stderr\nerr\n$/);
    assert.equal((await fs.stat(file)).mode & 0o777, 0o600);
    for (let count = 0; count < 32; count++) await writeLog(root, ["preview"], printed);
    assert.equal((await fs.readdir(root)).length, 30);
  });

  describe("regions that come and go", () => {
    const events: DriverEvent[] = [];
    const session = {
      context: { sink: (event) => events.push(event) } as Pick<CommandContext, "sink">,
      variables: async () => ({}),
    } as unknown as Session;

    const recorded = (name: string, region: string) =>
      fs.writeFile(
        path.join(root, ".tributary/state/.pulumi/stacks/tributary", `${name}.json`),
        JSON.stringify({
          checkpoint: { latest: { resources: [{ urn: "u", type: "pulumi:pulumi:Stack", outputs: { region } }] } },
        }),
      );

    beforeEach(async () => {
      events.length = 0;
      session.context.root = root;
      await fs.writeFile(path.join(root, "Pulumi.yaml"), "name: tributary\n");
      const config = { "tributary:target": "local", "tributary:waves": [["eu-west-1", "us-east-1"]] };
      await fs.writeFile(path.join(root, "Pulumi.dev.yaml"), stringify({ config }));
      await fs.mkdir(path.join(root, ".tributary/state/.pulumi/stacks/tributary"), { recursive: true });
    });

    it("a stack is not moved to another one", async () => {
      await recorded("dev", "us-east-1");
      await assert.rejects(lookForStrangers(session, environmentStacks(root, "dev")), code("RegionMoved"));
      await recorded("dev", "eu-west-1");
      await lookForStrangers(session, environmentStacks(root, "dev"));
      assert.deepEqual(events, []);
    });

    it("what they leave behind is told", async () => {
      await recorded("dev.us-west-2", "us-west-2");
      await recorded("dev.us-east-1", "us-east-1");
      await recorded("developers", "us-east-1");
      await fs.writeFile(path.join(root, "Pulumi.dev.us-west-2.yaml"), "");
      await lookForStrangers(session, environmentStacks(root, "dev"));
      const texts = events.map((event) => (event.type === "message" ? event.text : ""));
      assert.equal(texts.length, 2);
      assert.match(texts[0]!, /still deployed, but not in tributary:waves: dev\.us-west-2;/);
      assert.match(texts[1]!, /^Pulumi\.dev\.us-west-2\.yaml is of no region/);
    });
  });

  it("accounts of the local AWS are those that it has names for", () => {
    const aws = { account: "000000000000", env: { AWS_ACCESS_KEY_ID: "000000000000" } } as unknown as LocalAws;
    assert.equal(localAwsAs(aws, undefined), aws);
    assert.equal(localAwsAs(aws, "111111111111").env.AWS_ACCESS_KEY_ID, "111111111111");
    assert.throws(() => localAwsAs(aws, "123456789012"), code("LocalAccountUnknown"));
  });

  it("credentials that are too old are recognised, however AWS says it", () => {
    for (const text of [
      "ExpiredToken: The security token included in the request is expired",
      "Token has expired and refresh failed",
    ])
      assert.match(expired(text) ?? "", /log in again/);
    assert.equal(expired("AccessDenied: no"), undefined);
  });

  it("buckets are found in the state by what they are", () => {
    const resource = (type: string, id?: string) => ({ urn: id ?? "u", type, ...(id ? { id } : {}) });
    const resources = [
      resource("aws:s3/bucket:Bucket", "b"),
      resource("aws:s3/bucketPolicy:BucketPolicy", "p"),
      resource("aws:s3/bucket:Bucket"),
    ];
    assert.deepEqual(bucketsOf({ resources, pending: [] }), ["b"]);
  });
});

describe("progress of a stack", () => {
  it("has counts and what is left, as far as they are known", () => {
    assert.equal(soFar(undefined, undefined), "");
    assert.equal(soFar({ create: 0, update: 0, delete: 0 }, 40), "about 40 s left");
    assert.equal(soFar({ create: 3, update: 1, delete: 0 }, 75), "+3 ~1 -0, about 1 min 15 s left");
  });

  it("is a line with the time of day in CI", () => {
    const lines: string[] = [];
    let now = 0;
    const clock = () => new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678));
    const { sink } = new PlainRenderer({ write: (line: string) => lines.push(line) }, () => now, clock);
    sink({ type: "step-start", id: "1", title: "Deploy dev", stack: "dev" });
    now = 4_000;
    sink({
      type: "step-progress",
      id: "1",
      message: "creating a",
      done: 1,
      total: 2,
      changes: { create: 1, update: 0, delete: 0 },
      left: 9,
    });
    assert.deepEqual(lines, [
      "2026-01-02T03:04:05Z  Deploy dev …\n",
      "2026-01-02T03:04:05Z  Deploy dev: creating a (1 of 2), +1 ~0 -0, about 9.0 s left\n",
    ]);
  });
});

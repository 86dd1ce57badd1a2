import { strict as assert } from "node:assert";
import { ContainerPool, type FunctionDescription } from "../../../automation/containers/pool";
import { eventOf, fakeContainer } from "./support";

const description = (name: string, more: Partial<FunctionDescription> = {}): FunctionDescription => ({
  name,
  imageUri: "registry/image@sha256:1",
  memory: 128,
  storage: 512,
  environment: {},
  ...more,
});

describe("the execution environments of all functions", () => {
  let pool: ContainerPool;
  let created: string[];
  const open = (limit: number, idle = 60_000) => {
    created = [];
    pool = new ContainerPool({
      limit,
      idle,
      create: async ({ name, environment }) => {
        created.push(name);
        return fakeContainer(environment);
      },
    });
  };
  const pidOf = async (what: FunctionDescription, event: object = {}) =>
    (JSON.parse((await pool.invoke(what, eventOf(event))).payload) as { pid: number }).pid;

  afterEach(() => pool.close());

  it("calls that overlap have environments of their own, later ones use them again", async () => {
    open(8);
    const slow = { do: "sleep", ms: 300 };
    const pids = await Promise.all([1, 2, 3].map(() => pidOf(description("a"), slow)));
    assert.equal(new Set(pids).size, 3);
    assert.ok(pids.includes(await pidOf(description("a"))));
    assert.deepEqual(created, ["a", "a", "a"]);
  });

  it("an environment is for exactly one image, configuration and version", async () => {
    open(8);
    const first = await pidOf(description("a"));
    const others = [{ imageUri: "registry/image@sha256:2" }, { memory: 256 }, { environment: { A: "1" } }];
    for (const other of others) assert.notEqual(await pidOf(description("a", other)), first);
    assert.equal(await pidOf(description("a")), first);
  });

  it("waits where the limit is reached, and takes the place of another function's idle environment", async () => {
    open(2);
    const slow = { do: "sleep", ms: 200 };
    const pids = await Promise.all([1, 2, 3, 4].map(() => pidOf(description("a"), slow)));
    assert.equal(new Set(pids).size, 2);
    assert.equal(pool.size, 2);
    await pidOf(description("b"));
    assert.equal(pool.size, 2);
    assert.deepEqual(created, ["a", "a", "b"]);
  });

  it("no call waits for ever when environments fail to start", async () => {
    open(1);
    let fail = true;
    pool = new ContainerPool({
      limit: 1,
      idle: 1000,
      create: async () => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        if (fail) throw new TypeError("no image");
        return fakeContainer();
      },
    });
    const calls = await Promise.allSettled([1, 2, 3].map(() => pool.invoke(description("a"), eventOf({}))));
    assert.deepEqual(
      calls.map(({ status }) => status),
      ["rejected", "rejected", "rejected"],
    );
    fail = false;
    assert.ok((await pidOf(description("a"))) > 0);
  });

  it("one that failed is not used again", async () => {
    open(4);
    await pool.invoke(description("a"), eventOf({ do: "exit", code: 1 }));
    assert.equal(pool.size, 0);
    assert.ok((await pidOf(description("a"))) > 0);
  });

  it("ends those that nobody uses", async () => {
    open(4, 100);
    const pid = await pidOf(description("a"));
    assert.equal(pool.size, 1);
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.equal(pool.size, 0);
    assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
  });

  it("ends calls in progress on request, and only them", async () => {
    open(4);
    const idle = await pidOf(description("idle"));
    const busy = pool.invoke(description("busy"), eventOf({ do: "sleep", ms: 20_000 }));
    await new Promise((resolve) => setTimeout(resolve, 400));
    await pool.endBusy();
    assert.equal((await busy).errorType, "Runtime.ExitError");
    assert.equal(await pidOf(description("idle")), idle);
  });
});

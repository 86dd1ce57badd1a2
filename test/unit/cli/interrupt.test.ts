import { strict as assert } from "node:assert";
import { setTimeout as sleep } from "node:timers/promises";
import { Interruption } from "../../../automation/cli/interrupt";
import { TributaryError } from "../../../automation/errors";

/** A process that signals can be sent to without ending the tests. */
class FakeHost {
  readonly exits: number[] = [];
  private readonly listeners = new Map<string, () => void>();

  on(signal: NodeJS.Signals, listener: () => void): void {
    this.listeners.set(signal, listener);
  }

  exit(code: number): void {
    this.exits.push(code);
  }

  send(signal: NodeJS.Signals): void {
    this.listeners.get(signal)?.();
  }
}

function make(limit?: number, echo?: number) {
  const host = new FakeHost();
  const said: string[] = [];
  return { host, said, interruption: new Interruption(host, (text) => said.push(text), "do it again", limit, echo) };
}

const interrupted = (error: unknown) =>
  error instanceof TributaryError && error.code === "Interrupted" && error.next === "do it again";
const never = () => new Promise<never>(() => undefined);

describe("Ctrl-C", () => {
  it("leaves unshielded work at once", async () => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      const { host, interruption } = make();
      const work = interruption.race(never());
      host.send(signal);
      await assert.rejects(work, interrupted);
      assert.ok(interruption.signal.aborted);
      assert.deepEqual(host.exits, []);
    }
  });

  it("waits for shielded work, which ends in its own way", async () => {
    const { host, said, interruption } = make();
    let ended = false;
    const work = interruption.race(
      interruption.shield(async () => {
        await new Promise((resolve) => interruption.signal.addEventListener("abort", resolve));
        await sleep(20);
        ended = true;
      }, assert.fail),
    );
    host.send("SIGINT");
    assert.equal(ended, false);
    await assert.rejects(work, interrupted);
    assert.equal(ended, true, "the step in flight was finished");
    assert.match(said.join(), /Stopping/);
  });

  it("tells the interruption, not what the stopped work failed with", async () => {
    const { host, interruption } = make();
    const work = interruption.race(
      interruption.shield(() => sleep(5).then(() => Promise.reject(new TypeError("cancelled"))), assert.fail),
    );
    host.send("SIGINT");
    await assert.rejects(work, interrupted);
  });

  it("ends at once at the second signal, and ends what was shielded", async () => {
    const killed: string[] = [];
    const { host, interruption } = make(undefined, 5);
    void interruption.race(interruption.shield(never, () => killed.push("engine"))).catch(() => undefined);
    host.send("SIGINT");
    await sleep(10);
    host.send("SIGINT");
    assert.deepEqual([killed, host.exits], [["engine"], [130]]);
  });

  it("takes the echo of a signal for the same one", () => {
    const { host, interruption } = make();
    void interruption.race(interruption.shield(never, assert.fail)).catch(() => undefined);
    host.send("SIGINT");
    host.send("SIGINT");
    assert.deepEqual(host.exits, []);
  });

  it("does not wait longer than its patience", async () => {
    const killed: string[] = [];
    const { host, interruption } = make(10);
    void interruption.race(interruption.shield(never, () => killed.push("engine"))).catch(() => undefined);
    host.send("SIGINT");
    // The limit's timer does not keep a process alive; this one does.
    await sleep(50);
    assert.deepEqual([killed, host.exits], [["engine"], [130]]);
  });

  it("lets no shielded work begin any more", async () => {
    const { host, interruption } = make();
    host.send("SIGINT");
    await assert.rejects(
      interruption.shield(async () => assert.fail("it began"), assert.fail),
      interrupted,
    );
  });

  it("passes results and failures through when there is none", async () => {
    const { interruption } = make();
    assert.equal(await interruption.race(interruption.shield(async () => 7, assert.fail)), 7);
    await assert.rejects(interruption.race(Promise.reject(new TypeError("broken"))), /broken/);
  });
});

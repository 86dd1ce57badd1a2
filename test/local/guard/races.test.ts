import { strict as assert } from "node:assert";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { openBackend, openStore } from "../../../automation/backend";
import { silent } from "../../../automation/events";
import { freeEngineLocks, guardHolder, guardKey } from "../../../automation/guard";
import { parseGuard } from "../../../automation/guard/record";
import { defaultTiming, type Timing } from "../../../automation/guard/timing";
import { ensureLocalAws, eraseLocalAws, localClientSettings, localHttpsAgent } from "../../../automation/local";
import type { Answer, Order, Start } from "./contender";

/** Seconds become tenths, as far as S3's whole seconds allow. */
const quick: Timing = {
  ...defaultTiming,
  lease: 1_000,
  heartbeat: 300,
  limit: 1_000,
  watch: 1_500,
  tick: 50,
  grain: 1_500,
};
const races = 1_000;

/** A process that contends, and its answers in order. */
class Contender {
  private readonly answers: Answer[] = [];
  private waiting: ((answer: Answer) => void) | undefined;

  private readonly ended: Promise<unknown>;

  private constructor(private readonly child: ChildProcess) {
    this.ended = once(child, "exit");
    child.on("message", (answer: Answer) => {
      if (this.waiting) this.waiting(answer);
      else this.answers.push(answer);
      this.waiting = undefined;
    });
  }

  static async start(start: Start): Promise<Contender> {
    const child = fork(path.join(__dirname, "contender.ts"), [JSON.stringify(start)], {
      execArgv: ["--require", "ts-node/register"],
      env: { ...process.env, NODE_NO_WARNINGS: "1" },
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const contender = new Contender(child);
    assert.equal((await contender.next()).answer, "ready");
    return contender;
  }

  order(order: Order): void {
    this.child.send(order);
  }

  next(): Promise<Answer> {
    const there = this.answers.shift();
    if (there) return Promise.resolve(there);
    const early = this.ended.then(() => assert.fail("a contender ended without an answer"));
    return Promise.race([new Promise<Answer>((resolve) => (this.waiting = resolve)), early]);
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  async end(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}

for (const kind of ["disk", "S3 of the local AWS"]) {
  describe(`guard: two processes, on ${kind}`, function () {
    let root: string;
    let place: Pick<Start, "backend" | "variables">;
    const contenders: Contender[] = [];

    const contender = async (more: Partial<Start> = {}): Promise<Contender> => {
      const started = await Contender.start({ ...place, ...more });
      contenders.push(started);
      return started;
    };
    const store = () => openStore(root, place, place.variables);
    const holder = (stack: string) => guardHolder(store(), { project: "races", stack });

    before(async () => {
      root = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), "tributary-guard-")));
      place = { backend: `file://${root}/state`, variables: {} };
      if (kind === "disk") return;
      const aws = await ensureLocalAws(root, silent);
      const agent = await localHttpsAgent(aws);
      const s3 = new S3Client({ ...localClientSettings(aws, agent), forcePathStyle: true });
      await s3.send(new CreateBucketCommand({ Bucket: "guarded-states" }));
      s3.destroy();
      agent.destroy();
      place = { backend: "s3://guarded-states/some/prefix?region=us-east-1", variables: aws.env };
    });

    afterEach(async () => {
      await Promise.all(contenders.splice(0).map((each) => each.end()));
    });

    after(async () => {
      await eraseLocalAws(root);
      await fs.rm(root, { recursive: true, force: true });
    });

    it(`exactly one wins each of ${races} races`, async () => {
      const both = [await contender(), await contender()];
      const wins = [0, 0];
      let collisions = 0;
      for (let race = 0; race < races; race++) {
        // Every tenth race is about a stack that was never guarded.
        const stack = race % 10 === 0 ? `new-${race}` : "old";
        // Neither is always the first to be told.
        const order = race % 2 === 0 ? both : [...both].reverse();
        order.forEach((each) => each.order({ order: "race", stack }));
        const answers = await Promise.all(both.map((each) => each.next()));
        const winners = answers.flatMap(({ answer }, index) => (answer === "won" ? [index] : []));
        assert.equal(winners.length, 1, `race ${race}: ${JSON.stringify(answers)}`);
        const [lost] = answers.filter((answer) => answer.answer === "lost");
        assert.equal(lost?.code, "StackGuarded", `race ${race}`);
        if (lost.collided) collisions++;
        wins[winners[0]!]!++;
        both[winners[0]!]!.order({ order: "release" });
        assert.equal((await both[winners[0]!]!.next()).answer, "released");
      }
      console.log(`      ${wins.join(" and ")} wins; in ${collisions} races both wrote, and the store chose`);
      assert.ok(Math.min(...wins) > 0, "one of them never won");
      assert.ok(collisions > races / 50, `only ${collisions} races were really close`);
      const record = parseGuard((await store().get(guardKey({ project: "races", stack: "old" })))!.text);
      assert.equal(record?.generation, races - races / 10, "each win is one generation");
      assert.equal(record.holder, undefined);
    });

    it("neither is shut out when both want it all the time, and never both are in", async () => {
      const file = path.join(root, "count");
      await fs.writeFile(file, "0");
      const both = [await contender(), await contender()];
      both.forEach((each) => each.order({ order: "count", stack: "counted", file, times: 100 }));
      const answers = await Promise.all(both.map((each) => each.next()));
      assert.deepEqual(answers, [{ answer: "counted" }, { answer: "counted" }]);
      assert.equal(await fs.readFile(file, "utf8"), "200", "two were in at the same time");
    });

    it("the engine's lock of a dead process goes, that of another machine stays", async () => {
      const backend = openBackend(root, place, place.variables);
      try {
        const lock = (name: string, hostname: string) =>
          backend.engine!.put(
            `locks/organization/races/${name}/1.json`,
            JSON.stringify({ pid: 4_194_000, hostname, username: "x", timestamp: "2026-03-01T10:00:00Z" }),
          );
        await Promise.all([lock("here", os.hostname()), lock("there", "far away")]);
        await freeEngineLocks(backend, { project: "races", stack: "here" }, silent);
        await assert.rejects(freeEngineLocks(backend, { project: "races", stack: "there" }, silent), /far away/);
        assert.deepEqual(await backend.engine!.list("locks/"), ["locks/organization/races/there/1.json"]);
      } finally {
        backend.close();
      }
    });

    it("a holder that is killed is taken over at once on its machine", async () => {
      for (let turn = 0; turn < 2; turn++) {
        const dead = await contender();
        dead.order({ order: "keep", stack: "killed" });
        assert.equal((await dead.next()).answer, "kept");
        const next = await contender();
        await dead.end();
        const began = performance.now();
        next.order({ order: "race", stack: "killed" });
        assert.equal((await next.next()).answer, "won");
        assert.ok(performance.now() - began < 1_000, `it took ${Math.round(performance.now() - began)} ms`);
        next.order({ order: "release" });
        assert.equal((await next.next()).answer, "released");
      }
    });

    it("a holder of another machine that stands still is taken over when its lease has ended, and stops when it wakes", async () => {
      const asleep = await contender({ machine: "far away", timing: quick });
      asleep.order({ order: "keep", stack: "lease" });
      assert.equal((await asleep.next()).answer, "kept");
      const here = await contender({ timing: quick });
      here.order({ order: "race", stack: "lease" });
      assert.deepEqual(await here.next(), { answer: "lost", code: "StackGuarded", collided: false });
      asleep.signal("SIGSTOP");
      here.order({ order: "keep", stack: "lease" });
      assert.equal((await here.next()).answer, "kept");
      assert.notEqual((await holder("lease"))?.host, "far away");
      asleep.signal("SIGCONT");
      assert.deepEqual(await asleep.next(), { answer: "lost", code: "GuardLost", collided: false });
      assert.notEqual((await holder("lease"))?.host, "far away", "who woke up left the guard as it is");
    });

    it("a holder of another machine that lives is never taken over, however long it works", async () => {
      const busy = await contender({ machine: "far away", timing: quick });
      busy.order({ order: "keep", stack: "busy" });
      assert.equal((await busy.next()).answer, "kept");
      const here = await contender({ timing: quick });
      const until = performance.now() + 6_000;
      while (performance.now() < until) {
        here.order({ order: "race", stack: "busy" });
        assert.deepEqual(await here.next(), { answer: "lost", code: "StackGuarded", collided: false });
      }
      assert.equal((await holder("busy"))?.host, "far away");
    });
  });
}

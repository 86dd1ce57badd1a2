import { strict as assert } from "node:assert";
import * as fc from "fast-check";
import { selectFrom } from "../../../automation/selection/select";
import { World, type ModelStack } from "./world";

const shape = [
  { name: "images", reads: [] },
  { name: "dev", reads: ["images"] },
  { name: "dev.us-east-1", reads: ["images", "dev"] },
  { name: "prod", reads: [] },
];

const stackName = fc.constantFrom(...shape.map(({ name }) => name));
const value = fc.constantFrom("1", "2", "3");

/** Everything that can happen to a checkout, its backend and its records between two looks. */
const happening = fc.oneof(
  fc.record({ do: fc.constant("edit" as const), file: fc.constantFrom("index.ts", "datasets/a.sql", "new.ts"), value }),
  fc.record({ do: fc.constant("remove" as const), file: fc.constantFrom("datasets/a.sql", "new.ts") }),
  fc.record({ do: fc.constant("set" as const), name: stackName, key: fc.constantFrom("a", "b"), value }),
  fc.record({ do: fc.constant("engine" as const), value }),
  fc.record({
    do: fc.constant("deploy" as const),
    name: stackName,
    ends: fc.constantFrom("succeeded" as const, "failed" as const),
  }),
  fc.record({ do: fc.constant("deploy" as const), name: stackName, ends: fc.constant("succeeded" as const) }),
  fc.record({ do: fc.constant("interrupt" as const), name: stackName, ended: fc.boolean(), pending: fc.nat(2) }),
  fc.record({ do: fc.constant("by hand" as const), name: stackName, applied: fc.option(value, { nil: undefined }) }),
  fc.record({ do: fc.constant("destroy" as const), name: stackName, recorded: fc.boolean() }),
  fc.record({ do: fc.constant("deploy all" as const) }),
);

type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

async function happen(world: World, event: Happening): Promise<void> {
  if (event.do === "edit") world.files[event.file] = event.value;
  if (event.do === "remove") delete world.files[event.file];
  if (event.do === "set") world.stack(event.name).settings[event.key] = event.value;
  if (event.do === "engine") world.engine = event.value;
  if (event.do === "deploy") await world.deploy(world.stack(event.name), event.ends);
  if (event.do === "interrupt")
    await world.deploy(world.stack(event.name), event.ended ? "interrupted" : "running", event.pending);
  if (event.do === "by hand") world.byHand(world.stack(event.name), event.applied);
  if (event.do === "destroy") world.destroy(world.stack(event.name), event.recorded);
  if (event.do === "deploy all") for (const stack of world.stacks) await world.deploy(stack, "succeeded");
}

const select = (world: World) => selectFrom(world.stacks, world.sources);

async function deployed(): Promise<World> {
  const world = new World(shape);
  await happen(world, { do: "deploy all" });
  return world;
}

const whyOf = async (world: World, name: string) =>
  (await select(world)).find(({ stack }) => stack.name === name)!.why.map(({ text }) => text);

describe("the selection of changed stacks", () => {
  it("never leaves out a stack of which a full plan would show a change, whatever happened before", async () => {
    let left = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { minLength: 1, maxLength: 14 }), async (events) => {
        const world = new World(shape);
        for (const event of events) await happen(world, event);
        for (const { stack, chosen, why } of await select(world)) {
          if (!chosen) left++;
          assert.ok(chosen || !world.planShowsChange(stack), `${stack.name} was left out, and a plan shows a change`);
          assert.equal(chosen, why.length > 0);
          assert.ok(why.every(({ text }) => text.length > 10));
        }
      }),
      { numRuns: 400 },
    );
    assert.ok(left > 50, "the property says nothing where everything is always chosen");
  });

  it("leaves a stack out after a deployment, whatever happened before it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { maxLength: 10 }), async (events) => {
        const world = new World(shape);
        for (const event of events) await happen(world, event);
        await happen(world, { do: "deploy all" });
        assert.deepEqual(
          (await select(world)).filter(({ chosen }) => chosen),
          [],
        );
      }),
      { numRuns: 100 },
    );
  });

  it("also holds when only the chosen stacks are deployed, in their order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { minLength: 1, maxLength: 10 }), async (events) => {
        const world = new World(shape);
        for (const event of events) await happen(world, event);
        for (const { stack, chosen } of await select(world)) if (chosen) await world.deploy(stack, "succeeded");
        for (const stack of world.stacks) assert.equal(world.planShowsChange(stack), false, stack.name);
      }),
      { numRuns: 150 },
    );
  });

  it("says exactly which file, setting, engine or output changed", async () => {
    const world = await deployed();
    world.files["datasets/a.sql"] = "2";
    world.files["new.ts"] = "1";
    assert.deepEqual(await whyOf(world, "prod"), ["file datasets/a.sql changed", "file new.ts is new"]);
    const settings = await deployed();
    settings.stack("dev").settings.retention = { logs: "7 days" };
    assert.deepEqual(await whyOf(settings, "dev"), ["setting retention.logs is new"]);
    assert.deepEqual(await whyOf(settings, "dev.us-east-1"), ["it reads outputs of stack dev, which is chosen"]);
    assert.deepEqual(await whyOf(settings, "prod"), []);
    const engine = await deployed();
    engine.engine = "4.0.0";
    assert.deepEqual(await whyOf(engine, "prod"), ["engine changed"]);
    const images = await deployed();
    images.stack("images").settings.base = "2";
    await images.deploy(images.stack("images"), "succeeded");
    assert.deepEqual(await whyOf(images, "images"), []);
    assert.deepEqual(await whyOf(images, "dev"), ["output applied of stack organization/p/images changed"]);
  });

  it("chooses what was never deployed, failed, was interrupted, was destroyed, or was worked on by hand", async () => {
    assert.deepEqual(await whyOf(new World(shape), "dev"), ["nothing of it is deployed"]);
    const cases: [(world: World, stack: ModelStack) => Promise<void> | void, RegExp][] = [
      [(world, stack) => world.deploy(stack, "failed"), /^its deploy of .*Z failed$/],
      [(world, stack) => world.deploy(stack, "interrupted"), /was interrupted$/],
      [(world, stack) => world.deploy(stack, "running"), /has not ended, or was interrupted$/],
      [async (world, stack) => (await world.deploy(stack, "failed", 2), void stack.runs.pop()), /left 2 operation/],
      [(world, stack) => world.byHand(stack, "else"), /recorded state is not as/],
      [(world, stack) => world.destroy(stack, true), /^nothing of it is deployed$/],
      [(_, stack) => void (stack.runs = []), /^no deployment of it is recorded here$/],
      [(_, stack) => void (stack.runs.at(-1)!.fingerprint = undefined), /does not tell what it was made from/],
    ];
    for (const [happens, text] of cases) {
      const world = await deployed();
      await happens(world, world.stack("prod"));
      const why = await whyOf(world, "prod");
      assert.equal(why.length, 1);
      assert.match(why[0]!, text);
      assert.deepEqual(await whyOf(world, "images"), []);
    }
  });

  it("chooses what it cannot judge: a damaged state, a lost list of files, outputs that cannot be read", async () => {
    const damaged = await deployed();
    damaged.stack("prod").state!.text = "{";
    assert.match((await whyOf(damaged, "prod"))[0]!, /^its recorded state cannot be read: /);
    const lost = await deployed();
    lost.stack("prod").runs.at(-1)!.files = { "other.ts": "1" };
    assert.deepEqual(await whyOf(lost, "prod"), []);
    lost.files["index.ts"] = "2";
    assert.deepEqual(await whyOf(lost, "prod"), ["files of the program changed"]);
    const gone = await deployed();
    gone.destroy(gone.stack("images"), false);
    assert.match((await whyOf(gone, "dev"))[0]!, /^outputs of stack organization\/p\/images.*there is no such state$/);
  });

  it("names some of many changes, and tells how many there are", async () => {
    const world = await deployed();
    for (let index = 0; index < 9; index++) world.files[`f${index}.ts`] = "1";
    const why = await whyOf(world, "prod");
    assert.deepEqual(why.slice(4), ["file f4.ts is new", "and 4 more like it"]);
  });
});

import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as path from "node:path";
import { smallWorkspace } from "../drift/support";
import type { Workspace } from "../support/workspace";

interface Counts {
  create: number;
  update: number;
  delete: number;
}

interface Document {
  stacks: { stack: string; changes?: Counts }[];
  selection?: { stack?: string; target?: { stack: string }; chosen: boolean; why: { text: string }[] }[];
}

const [first, second] = ["local", "local.eu-west-1"] as const;

describe("plan --changed against a full plan, on the local AWS", () => {
  let workspace: Workspace;
  before(async () => {
    workspace = await smallWorkspace("selection");
    await edit("Pulumi.local.yaml", (text) => `${text}  tributary:waves: [[us-east-1], [eu-west-1]]\n`);
  });
  after(() => workspace.remove());

  async function edit(file: string, change: (text: string) => string): Promise<() => Promise<void>> {
    const target = path.join(workspace.root, file);
    const text = await fs.readFile(target, "utf8");
    await fs.writeFile(target, change(text));
    return () => fs.writeFile(target, text);
  }

  /** Chosen stacks with the reasons why. */
  async function changed(): Promise<Record<string, string[]>> {
    const { selection = [] } = await workspace.json<Document>(["plan", "local", "--changed"]);
    const chosen = selection.filter((each) => each.chosen);
    return Object.fromEntries(
      chosen.map((each) => [each.stack ?? each.target!.stack, each.why.map(({ text }) => text)]),
    );
  }

  /** Stacks of which a full plan shows a change. */
  async function full(): Promise<string[]> {
    const { stacks } = await workspace.json<Document>(["plan", "local"]);
    assert.equal(stacks.length, 2);
    const counts = stacks.map(({ stack, changes }) => ({ stack, ...changes! }));
    return counts.filter((each) => each.create + each.update + each.delete > 0).map(({ stack }) => stack);
  }

  it("chooses nothing after a deployment", async () => {
    await workspace.json(["deploy", "local"]);
    await edit("README.md", () => "another text\n");
    assert.deepEqual(await changed(), {});
  });

  it("chooses the one region whose own setting changed, and deploys only that", async () => {
    const own = path.join(workspace.root, "Pulumi.local.eu-west-1.yaml");
    await fs.writeFile(own, "config:\n  tributary:tags:\n    team: orders\n");
    assert.deepEqual(await changed(), { [second]: ["setting tributary:tags.team is new"] });
    assert.deepEqual(await full(), [second]);
    const { stacks } = await workspace.json<Document>(["deploy", "local", "--changed"]);
    assert.deepEqual(
      stacks.map(({ stack, changes }) => [stack, (changes?.update ?? 0) > 0]),
      [
        [first, false],
        [second, true],
      ],
    );
  });

  it("chooses all when the program changed, what changes nothing included, and none when it is put back", async () => {
    const back = await edit("index.ts", (text) => text.replace("memorySize: 128", "memorySize: 256"));
    const why = ["file index.ts changed"];
    assert.deepEqual(await changed(), { [first]: why, [second]: why });
    assert.deepEqual(await full(), [first, second]);
    await back();
    assert.deepEqual(await changed(), {});
  });

  it("chooses what a failed deployment left, also when the program is put back", async () => {
    const wrong = "memorySize: pulumi.getStack() === 'local' ? 128 : 1";
    const back = await edit("index.ts", (text) => text.replace("memorySize: 128", wrong));
    await workspace.json(["deploy", "local"], 1);
    await back();
    const chosen = await changed();
    assert.match(chosen[second]?.[0] ?? "", /^its deploy of \S+Z failed$/);
    for (const stack of await full()) assert.ok(stack in chosen, stack);
  });
});

import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { openBackend } from "../../../automation/backend";
import { silent } from "../../../automation/events";
import { beginRecord, endRecord, newRun } from "../../../automation/records";
import { Fingerprints, selectStacks, type RunPlace } from "../../../automation/selection";
import { INSTALLED, isOfProgram, programFiles } from "../../../automation/selection/program";
import { environmentStacks, type Environment } from "../../../automation/stacks/environments";
import { targetOf } from "../../../automation/stacks/target";

let root: string;

async function write(file: string, content: string): Promise<void> {
  const target = path.join(root, file);
  await fs.mkdir(path.dirname(target), { recursive: true });
  await fs.writeFile(target, content);
}

const lock = (version: string) => JSON.stringify({ packages: { "node_modules/a": { version, integrity: version } } });

async function checkout(): Promise<void> {
  root = await fs.mkdtemp(path.join(os.tmpdir(), "tributary-selection-"));
  await write("Pulumi.yaml", "name: tributary\nruntime: nodejs\n");
  await write("index.ts", "program");
  await write("package-lock.json", lock("1.0.0"));
  await write("node_modules/.package-lock.json", lock("1.0.0"));
  await write("functions/a/handler.ts", "handler");
  await write("functions/a/node_modules/b/index.js", "package");
  await write("README.md", "text");
  await write("docs/a.md", "text");
  await write("test/a.test.ts", "test");
  const settings = [
    "aws:region: eu-west-1",
    "tributary:waves: [[eu-west-1], [us-east-1]]",
    "tributary:logLevel: DEBUG",
  ];
  await write(
    "Pulumi.dev.yaml",
    `config:\n  tributary:backend: file://${root}/backend\n${settings.map((line) => `  ${line}\n`).join("")}`,
  );
}

describe("the files of a program", () => {
  beforeEach(checkout);
  afterEach(() => fs.rm(root, { recursive: true, force: true }));

  it("are all but documentation, tests, settings, packages and what git and the driver keep", async () => {
    await write(".tributary/state/a.json", "{}");
    await write(".git/index", "");
    await write("datasets/a/README.md", "a transform may read it");
    await write("config/any.json", "{}");
    assert.deepEqual(Object.keys(await programFiles(root)), [
      "Pulumi.yaml",
      "config/any.json",
      "datasets/a/README.md",
      "functions/a/handler.ts",
      "index.ts",
      "package-lock.json",
    ]);
    assert.equal(isOfProgram("testing/a.ts"), true);
    assert.equal(isOfProgram("Pulumi.yaml"), true);
    assert.equal(isOfProgram("Pulumi.dev.eu-west-1.yaml"), false);
  });

  it("are told apart by content only: a file that was touched, or edited and put back, is the same", async () => {
    const before = await programFiles(root);
    await write("index.ts", "another");
    assert.notDeepEqual(await programFiles(root), before);
    await write("index.ts", "program");
    await fs.utimes(path.join(root, "index.ts"), 1, 1);
    assert.deepEqual(await programFiles(root), before);
  });

  it("are found behind links, and a circle of links ends", async () => {
    await fs.symlink("../functions", path.join(root, "functions/a/back"));
    await write("elsewhere.txt", "x");
    await fs.symlink("../elsewhere.txt", path.join(root, "functions/link.txt"));
    await fs.symlink("nowhere", path.join(root, "broken"));
    const files = Object.keys(await programFiles(root));
    assert.ok(files.includes("functions/link.txt"));
    assert.equal(files.filter((file) => file.endsWith("handler.ts")).length, 1);
  });

  it("tell when other packages are installed than package-lock.json says", async () => {
    assert.equal((await programFiles(root))[INSTALLED], undefined);
    await write("node_modules/.package-lock.json", lock("1.0.1"));
    assert.match((await programFiles(root))[INSTALLED] ?? "", /^[0-9a-f]{16}$/);
    await write("node_modules/.package-lock.json", JSON.stringify({ packages: {} }));
    assert.equal((await programFiles(root))[INSTALLED], undefined, "packages of other platforms are rightly missing");
  });
});

describe("the selection in a checkout", () => {
  let stacks: Environment[];
  const place = (engine = "3.256.0"): RunPlace => ({
    context: {
      root,
      sink: silent,
      signal: new AbortController().signal,
      shield: (work) => work(),
      print: () => undefined,
    },
    engine,
    aws: undefined,
  });

  const deployState = (stack: Environment, outputs: object, time: string) =>
    write(
      `backend/.pulumi/stacks/tributary/${stack.name}.json`,
      JSON.stringify({
        version: 3,
        checkpoint: {
          latest: {
            manifest: { time, version: "v3.256.0" },
            resources: [
              { urn: "u", type: "pulumi:pulumi:Stack", outputs },
              { urn: "b", type: "aws:s3/bucket:Bucket", id: "b", custom: true },
            ],
          },
        },
      }),
    );

  /** What the driver does, with the engine's part played by a file. */
  async function deploy(during: () => Promise<void> = async () => undefined): Promise<void> {
    const prints = await Fingerprints.begin(place(), stacks);
    for (const stack of stacks) {
      const { files } = openBackend(root, stack);
      const settings = { values: {}, secret: [] };
      const revision = { dirty: true, program: "sha256:0" };
      const about = {
        kind: "deploy",
        project: stack.project,
        target: targetOf(stack),
        run: newRun(),
        revision,
      } as const;
      const record = await beginRecord(files, { ...about, settings });
      await deployState(stack, { rawBucket: stack.name }, new Date().toISOString());
      await during();
      const fingerprint = await prints.seal(stack);
      const changes = { create: 1, update: 0, delete: 0, same: 0 };
      await endRecord(files, record, {
        result: "succeeded",
        seconds: 1,
        changes,
        ...(fingerprint ? { fingerprint } : {}),
      });
    }
  }

  const why = async (engine?: string) =>
    (await selectStacks(place(engine), stacks)).map(({ target, chosen, why: reasons }) => [
      target.stack,
      chosen,
      ...reasons.map(({ text }) => text),
    ]);

  const unchanged = [
    ["dev", false],
    ["dev.us-east-1", false],
  ];

  beforeEach(async () => {
    await checkout();
    stacks = environmentStacks(root, "dev").stacks;
  });
  afterEach(() => fs.rm(root, { recursive: true, force: true }));

  it("chooses everything before the first deployment and nothing after it", async () => {
    assert.deepEqual(await why(), [
      ["dev", true, "nothing of it is deployed"],
      ["dev.us-east-1", true, "nothing of it is deployed"],
    ]);
    await deploy();
    assert.deepEqual(await why(), unchanged);
  });

  it("names the file, the setting, the region's own setting and the engine that changed", async () => {
    await deploy();
    await write("functions/a/handler.ts", "another");
    assert.deepEqual((await why())[0], ["dev", true, "file functions/a/handler.ts changed"]);
    await write("functions/a/handler.ts", "handler");
    await write("Pulumi.dev.us-east-1.yaml", "config:\n  tributary:logLevel: INFO\n");
    stacks = environmentStacks(root, "dev").stacks;
    assert.deepEqual(await why(), [unchanged[0], ["dev.us-east-1", true, "setting tributary:logLevel changed"]]);
    await fs.rm(path.join(root, "Pulumi.dev.us-east-1.yaml"));
    stacks = environmentStacks(root, "dev").stacks;
    assert.deepEqual(await why(), unchanged);
    assert.deepEqual((await why("4.0.0"))[1], ["dev.us-east-1", true, "version of the engine changed"]);
  });

  it("chooses a stack whose state somebody else wrote", async () => {
    await deploy();
    await deployState(stacks[1]!, { rawBucket: "other" }, new Date().toISOString());
    assert.deepEqual(await why(), [
      unchanged[0],
      [
        "dev.us-east-1",
        true,
        "its recorded state is not as the last deployment left it: somebody else ran the engine on it",
      ],
    ]);
  });

  it("chooses what was edited while it was deployed", async () => {
    await deploy(() => write("index.ts", "edited meanwhile"));
    assert.deepEqual(
      (await why()).map(([, chosen]) => chosen),
      [true, true],
    );
    assert.match(String((await why())[0]?.[2]), /does not tell what it was made from/);
  });

  it("chooses the stacks of settings that a run would refuse, and of a local AWS that does not run", async () => {
    await deploy();
    const [dev] = stacks as [Environment];
    const local = await selectStacks(place(), [{ ...dev, local: true }]);
    assert.deepEqual(local[0]?.why, [{ kind: "unknown", what: "", text: "the local AWS does not run" }]);
    await fs.rm(dev.file);
    assert.match(String((await why())[0]?.[2]), /^what it is made from cannot be told: /);
  });

  it("chooses stacks that build images on a base image which only has a tag", async () => {
    await deploy();
    const [dev] = stacks as [Environment];
    const building = { ...dev, image: true, builds: true };
    const chosen = (await selectStacks(place(), [{ ...building, baseImages: { BASE_IMAGE: "node:22" } }]))[0]!;
    assert.match(chosen.why[0]!.text, /named by a tag/);
    const bases = { BASE_IMAGE: `node@sha256:${"0".repeat(64)}` };
    const pinned = (await selectStacks(place(), [{ ...building, baseImages: bases }]))[0]!;
    assert.deepEqual(
      pinned.why.map(({ text }) => text),
      ["platform of this machine is gone"],
    );
  });

  it("chooses everything in a backend whose states only the engine reads", async () => {
    const [dev] = stacks as [Environment];
    const found = await selectStacks(place(), [{ ...dev, backend: "azblob://container" }]);
    assert.match(found[0]!.why[0]!.text, /states in Azure Blob Storage are read by the engine only$/);
  });
});

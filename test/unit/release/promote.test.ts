import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parse } from "yaml";
import { digestsEverywhere, digestsOf, writeDigests } from "../../../automation/release/promote";
import { parseReference } from "../../../automation/release/reference";
import { code } from "../automation/fakes";

const uri = (digit: string) => `1${"2".repeat(11)}.dkr.ecr.eu-west-1.amazonaws.com/images@sha256:${digit.repeat(64)}`;
const running = (name: string, of: string) => ({ name, uri: uri(of), reference: parseReference(uri(of)) });

describe("promotion", () => {
  let folder: string;
  beforeEach(async () => (folder = await fs.mkdtemp(path.join(os.tmpdir(), "promote-"))));
  afterEach(() => fs.rm(folder, { recursive: true }));

  const settings = async (text: string) => {
    const file = path.join(folder, "Pulumi.prod.yaml");
    await fs.writeFile(file, text);
    return file;
  };
  const written = (file: string) => fs.readFile(file, "utf8");

  it("takes the digests of what runs", () => {
    assert.deepEqual(digestsOf([running("one", "a"), running("two", "b")], "dev"), { one: uri("a"), two: uri("b") });
  });

  it("takes only what runs in all regions: by digest, as each region has a registry of its own", () => {
    const inRegion = (region: string, of: string) => {
      const there = uri(of).replace("eu-west-1", region);
      return { region, running: [{ name: "one", uri: there, reference: parseReference(there) }] };
    };
    const [ireland, oregon] = [inRegion("eu-west-1", "a"), inRegion("us-west-2", "a")];
    assert.deepEqual(digestsEverywhere([ireland, oregon], "dev"), { one: uri("a") });
    const differing = [ireland, inRegion("us-west-2", "b")];
    assert.throws(
      () => digestsEverywhere(differing, "dev"),
      code("RegionsDiffer", /one: aaaaaaaaaaaa in eu-west-1, bbbbbbbbbbbb in us-west-2/),
    );
  });

  it("refuses archives, and an environment without functions", () => {
    assert.throws(() => digestsOf([running("one", "a"), { name: "two" }], "dev"), code("ArchivesRunning", /: two$/));
    assert.throws(() => digestsOf([], "dev"), code("ArchivesRunning", /no functions/));
  });

  it("writes the list and leaves comments, order and everything else as they are", async () => {
    const file = await settings(
      "# production\nconfig:\n  aws:region: eu-west-1 # Ireland\n  tributary:packaging: image\n  tributary:images:\n    # from the stack\n    stack: images\n  tributary:retention:\n    logs: 365 days\n",
    );
    const result = await writeDigests(file, { one: uri("a"), two: uri("b") });
    assert.deepEqual(result, {
      changed: [
        { name: "one", to: uri("a") },
        { name: "two", to: uri("b") },
      ],
      same: 0,
    });
    const text = await written(file);
    assert.equal(
      text,
      `# production\nconfig:\n  aws:region: eu-west-1 # Ireland\n  tributary:packaging: image\n  tributary:images:\n    one: ${uri("a")}\n    two: ${uri("b")}\n  tributary:retention:\n    logs: 365 days\n`,
    );
  });

  it("changes only what is other, says what it was, and removes what does not run any more", async () => {
    const list = `config:\n  tributary:images:\n    gone: ${uri("c")}\n    # the router\n    one: ${uri("a")}\n    two: ${uri("a")} # two\n`;
    const file = await settings(list);
    const result = await writeDigests(file, { one: uri("a"), two: uri("b") });
    assert.deepEqual(result.changed, [
      { name: "gone", from: uri("c") },
      { name: "two", from: uri("a"), to: uri("b") },
    ]);
    assert.equal(result.same, 1);
    assert.equal(
      await written(file),
      `config:\n  tributary:images:\n    # the router\n    one: ${uri("a")}\n    two: ${uri("b")} # two\n`,
    );
  });

  it("a second time changes nothing, not even the file", async () => {
    const file = await settings("config:   {}   # odd but right\n");
    await writeDigests(file, { one: uri("a") });
    const [text, { mtimeMs }] = [await written(file), await fs.stat(file)];
    assert.deepEqual(await writeDigests(file, { one: uri("a") }), { changed: [], same: 1 });
    assert.deepEqual([await written(file), (await fs.stat(file)).mtimeMs], [text, mtimeMs]);
  });

  it("replaces `build`, and writes into a file that has nothing yet", async () => {
    for (const text of ["", "config:\n  tributary:images: build\n", "encryptionsalt: x\n"]) {
      const file = await settings(text);
      await writeDigests(file, { one: uri("a") });
      const config = (parse(await written(file)) as { config: Record<string, unknown> }).config;
      assert.deepEqual(config["tributary:images"], { one: uri("a") }, text);
    }
  });

  it("refuses a file that is no YAML, and one whose functions run archives; both stay as they are", async () => {
    const broken = await settings("config: [\n");
    await assert.rejects(writeDigests(broken, { one: uri("a") }), code("UnreadableSettings", /Pulumi\.prod\.yaml/));
    assert.equal(await written(broken), "config: [\n");
    const archives = await settings("config:\n  tributary:packaging: archive\n");
    await assert.rejects(writeDigests(archives, { one: uri("a") }), code("PackagingArchive"));
  });
});

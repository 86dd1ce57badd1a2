import { strict as assert } from "node:assert";
import { promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { removeCutOffAttributes } from "../../../automation/stacks/attributes";

describe("attribute files of the folder backend", () => {
  let backend: string;
  const file = (...parts: string[]) => path.join(backend, ".pulumi", ...parts);
  const write = async (text: string, ...parts: string[]) => {
    await fs.mkdir(path.dirname(file(...parts)), { recursive: true });
    await fs.writeFile(file(...parts), text);
  };
  const whole = '{"user.content_type":"text/plain","md5":"x"}\n';

  beforeEach(async () => (backend = await fs.mkdtemp(path.join(os.tmpdir(), "attributes-"))));
  afterEach(() => fs.rm(backend, { recursive: true }));

  it("that a killed engine left empty or cut off are removed; whole ones, other stacks' and the files themselves stay", async () => {
    await write("", "meta.yaml.attrs");
    await write("", "stacks", "tributary", "dev.json.attrs");
    await write(whole.slice(0, 20), "stacks", "tributary", "dev.json.bak.attrs");
    await write("{}", "stacks", "tributary", "dev.json");
    await write("", "stacks", "tributary", "other.json.attrs");
    await write("", "history", "tributary", "dev", "dev-1.history.json.attrs");
    await write(whole, "history", "tributary", "dev", "dev-2.history.json.attrs");
    await removeCutOffAttributes(backend, "tributary", "dev");
    const left = await fs.readdir(file(), { recursive: true, withFileTypes: true });
    assert.deepEqual(
      left
        .filter((entry) => entry.isFile())
        .map(({ name }) => name)
        .sort(),
      ["dev-2.history.json.attrs", "dev.json", "other.json.attrs"],
    );
  });

  it("where there is no backend yet are none", () => removeCutOffAttributes(backend, "tributary", "dev"));
});

import assert from "node:assert/strict";
import path from "node:path";
import { execa } from "execa";

describe("layer: the Spark job's script", function () {
  this.timeout(20_000);

  it("passes its own tests, which need no Spark", async () => {
    const file = path.join(__dirname, "transform_test.py");
    const { exitCode, stderr } = await execa("python3", ["-B", file], { reject: false });
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /Ran 1\d tests/);
  });
});

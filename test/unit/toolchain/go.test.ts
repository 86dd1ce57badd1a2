import assert from "node:assert/strict";
import fc from "fast-check";
import { goEnvironment, goVersion, parallelBuilds, runStep, type StepContext } from "../../../automation/toolchain/go";
import { removeTemporaryFolders, temporaryFolder } from "./support";

const gigabyte = 2 ** 30;

describe("toolchain: Go", () => {
  afterEach(removeTemporaryFolders);

  async function context(more: Partial<StepContext> = {}): Promise<StepContext> {
    return { cwd: await temporaryFolder(), env: process.env, tell: () => undefined, program: "tool", ...more };
  }

  it("compiles as much at once as the cores and 8 GB of memory allow", () => {
    assert.equal(parallelBuilds(2, 24 * gigabyte), 2);
    assert.equal(parallelBuilds(64, 256 * gigabyte), 8);
    assert.equal(parallelBuilds(64, 3 * gigabyte), 1);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 256 }), fc.integer({ min: 0, max: 2 ** 42 }), (cores, free) => {
        const parallel = parallelBuilds(cores, free);
        return parallel >= 1 && parallel <= cores && parallel * 0.6 + 2 < 8;
      }),
    );
  });

  it("keeps the person's proxy settings, and builds for this machine whatever else is set", () => {
    const env = goEnvironment({
      GOPROXY: "https://proxy.example",
      GOOS: "plan9",
      CGO_ENABLED: "1",
      GOFLAGS: "-mod=mod",
    });
    assert.equal(env.GOPROXY, "https://proxy.example");
    assert.equal(env.CGO_ENABLED, "0");
    assert.notEqual(env.GOOS, "plan9");
    assert.match(env.GOFLAGS ?? "", /^-mod=readonly -trimpath -buildvcs=false -p=\d+$/);
  });

  it("that is missing is told with what to install", async () => {
    const before = process.env.PATH;
    process.env.PATH = await temporaryFolder();
    try {
      await assert.rejects(goVersion(), { code: "ToolchainGoMissing", source: "user", next: /install Go 1\.\d+/ });
    } finally {
      process.env.PATH = before;
    }
  });

  it("passes the lines of a command on as news", async () => {
    const news: string[] = [];
    const script = "echo 'go: downloading example.com/a v1.0.0' >&2; sleep 1.5";
    await runStep(["sh", "-c", script], await context({ tell: (line) => news.push(line) }));
    assert.deepEqual([...new Set(news)], ["downloading example.com/a v1.0.0"]);
  });

  for (const [output, next] of [
    ["go: go.mod requires go >= 1.30.2 (running go 1.20)", /install Go 1\.30\.2 or later/],
    ["write /tmp/x: no space left on device", /free some disk space/],
    ["dial tcp: lookup proxy.example: no such host", /module proxy/],
    ["verifying module: checksum mismatch", /do not go on/],
    ["go: signal: killed", /out of memory/],
    ["anything else", /doctor/],
  ] as const) {
    it(`tells what to do about: ${output}`, async () => {
      const failing = runStep(["sh", "-c", `echo "${output}" >&2; exit 3`], await context());
      await assert.rejects(failing, (error: Error & { code: string; next: string }) => {
        assert.equal(error.code, "ToolchainBuildFailed");
        assert.ok(error.message.includes("building tool failed") && error.message.includes(output), error.message);
        assert.match(error.next, next);
        return true;
      });
    });
  }

  it("is stopped with its caller", async () => {
    const abort = new AbortController();
    const running = runStep(["sleep", "60"], await context({ signal: abort.signal }));
    setTimeout(() => abort.abort(), 50);
    await assert.rejects(running, { code: "ToolchainBuildCancelled" });
  });
});

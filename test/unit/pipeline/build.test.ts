import { strict as assert } from "node:assert";
import { access, readFile } from "node:fs/promises";
import * as path from "node:path";
import { groupMembers } from "../../../automation/pipeline/run/processGroup";
import { build, spec, temporaryFolder } from "./support";

describe("a buildspec on this machine", () => {
  let folder: string;
  let remove: () => Promise<void>;

  before(async () => ({ folder, remove } = await temporaryFolder()));
  after(() => remove());

  const phasesOf = ({ phases }: { phases: { phase: string; status: string }[] }) =>
    phases.map(({ phase, status }) => `${phase} ${status}`);

  it("runs its phases in order, in one environment and folder", async () => {
    const { status, phases, text, exported } = await build(
      folder,
      spec(
        {
          install: ["PLAIN=one", "export LATER='two\nlines'", "mkdir -p sub", "cd sub"],
          build: ['test "$(basename "$PWD")" = sub', 'RESULT="$PLAIN $LATER $FIXED"', 'test "$FIXED" = from-spec'],
        },
        { env: { shell: "bash", variables: { FIXED: "from-spec" }, "exported-variables": ["RESULT", "ABSENT"] } },
      ),
    );
    assert.equal(status, "SUCCEEDED", text);
    assert.deepEqual(phasesOf({ phases }), [
      "DOWNLOAD_SOURCE SUCCEEDED",
      "INSTALL SUCCEEDED",
      "BUILD SUCCEEDED",
      "UPLOAD_ARTIFACTS SUCCEEDED",
    ]);
    assert.deepEqual(exported, { RESULT: "one two\nlines from-spec", ABSENT: "" });
    assert.match(text, /\[Container\] \d{4}\/\d\d\/\d\d \S+ Running command mkdir -p sub/);
  });

  it("tells a build what CodeBuild tells it, and nothing of a person's AWS", async () => {
    process.env.AWS_PROFILE = "somebody";
    try {
      const { exported } = await build(
        folder,
        spec(
          {
            build: [
              'WHAT="$CODEBUILD_INITIATOR $CODEBUILD_BUILD_NUMBER $CI ${AWS_PROFILE:-none} $GIVEN $CODEBUILD_SRC_DIR_plan"',
            ],
          },
          { env: { shell: "bash", variables: { GIVEN: "default" }, "exported-variables": ["WHAT"] } },
        ),
        { variables: { GIVEN: "by-the-action" }, secondary: { plan: "/artifacts/plan" } },
      );
      assert.deepEqual(exported, { WHAT: "codepipeline/lake 7 true none by-the-action /artifacts/plan" });
    } finally {
      delete process.env.AWS_PROFILE;
    }
  });

  it("runs post_build after a failed build, and says that it fails", async () => {
    const { status, phases, text, exported, tail } = await build(
      folder,
      spec(
        { build: ["echo about to fail", "exit 3", "echo never"], post_build: ["SEEN=$CODEBUILD_BUILD_SUCCEEDING"] },
        { env: { shell: "bash", "exported-variables": ["SEEN"] } },
      ),
    );
    assert.equal(status, "FAILED");
    assert.deepEqual(exported, { SEEN: "0" });
    const failed = phases.find(({ phase }) => phase === "BUILD");
    assert.match(failed?.context ?? "", /COMMAND_EXECUTION_ERROR: .*: exit 3\. Reason: exit status 3/);
    assert.doesNotMatch(text, /never/);
    assert.ok(tail?.includes("about to fail"));
  });

  it("leaves out the rest after a failed pre_build, and what on-failure: ABORT ends", async () => {
    const early = await build(folder, spec({ pre_build: ["false"], build: ["true"], post_build: ["true"] }));
    assert.deepEqual(phasesOf(early).slice(1), ["PRE_BUILD FAILED", "UPLOAD_ARTIFACTS SUCCEEDED"]);
    const aborted = await build(folder, {
      version: 0.2,
      phases: { build: { commands: ["false"], "on-failure": "ABORT" }, post_build: { commands: ["true"] } },
    });
    assert.deepEqual(phasesOf(aborted).slice(1), ["BUILD FAILED", "UPLOAD_ARTIFACTS SUCCEEDED"]);
  });

  it("runs finally blocks whatever happened", async () => {
    const { status, text } = await build(folder, {
      version: 0.2,
      phases: { build: { commands: ["false"], finally: ["echo cleaned up"] } },
    });
    assert.equal(status, "FAILED");
    assert.match(text, /^cleaned up$/m);
  });

  it("keeps artifacts by their patterns, and refuses one without files", async () => {
    const made = {
      build: ["mkdir -p out/deep && echo a > out/a.txt && echo b > out/deep/b.txt && echo c > out/deep/.c"],
    };
    const { artifacts } = await build(folder, spec(made, { artifacts: { "base-directory": "out", files: ["**/*"] } }), {
      outputs: ["plan"],
    });
    assert.equal(await readFile(path.join(artifacts.plan!, "deep", "b.txt"), "utf8"), "b\n");
    await access(path.join(artifacts.plan!, "deep", ".c"));
    const none = await build(folder, spec({ build: ["true"] }, { artifacts: { files: ["nothing/*"] } }), {
      outputs: ["plan"],
    });
    assert.equal(none.status, "FAILED");
    assert.match(none.phases.at(-1)?.context ?? "", /the artifact plan has no files/);
  });

  it("hands a cached folder to the next build", async () => {
    const cached = spec(
      { build: ["cat kept/before 2>/dev/null || true", "mkdir -p kept && echo seen > kept/before"] },
      {
        cache: { paths: ["kept/**/*"] },
      },
    );
    assert.doesNotMatch((await build(folder, cached)).text, /^seen$/m);
    assert.match((await build(folder, cached)).text, /^seen$/m);
  });

  it("ends a build that takes too long, with all its processes", async function () {
    // On a busy machine the command may not have begun by then.
    this.retries(2);
    let group = 0;
    const { status, phases } = await build(folder, spec({ build: ["(trap '' INT; sleep 60) & sleep 60"] }), {
      timeout: 1,
      patience: 200,
      onGroup: (now) => (group = now),
    });
    assert.equal(status, "TIMED_OUT");
    assert.match(phases.find(({ phase }) => phase === "BUILD")?.context ?? "", /BUILD_TIMED_OUT/);
    assert.ok(group > 1);
    assert.deepEqual(await groupMembers(group), []);
  });

  it("ends what a command left in the background when the build is over, not before", async () => {
    const { status, text } = await build(
      folder,
      spec({
        pre_build: ["sleep 61 & echo $! > pid"],
        build: ["kill -0 $(cat pid) && echo still there", "cat pid"],
      }),
    );
    assert.equal(status, "SUCCEEDED", text);
    assert.match(text, /^still there$/m);
    const pid = Number(/^(\d+)$/m.exec(text)?.[1]);
    await assert.rejects(access(`/proc/${pid}/cwd`));
  });

  it("stops when it is told to", async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 200);
    const { status, phases } = await build(folder, spec({ build: ["sleep 60"], post_build: ["echo no"] }), {
      signal: stop.signal,
    });
    assert.equal(status, "STOPPED");
    assert.ok(!phases.some(({ phase }) => phase === "POST_BUILD"));
  });

  it("reads the reports of a failed build, too", async () => {
    const xml =
      '<testsuites><testsuite name="s"><testcase classname="s" name="good" time="0.5"/><testcase classname="s" name="bad"><failure message="1 is not 2&lt;3"/></testcase><testcase name="later"><skipped/></testcase></testsuite></testsuites>';
    const coverage =
      '<?xml version="1.0"?><!DOCTYPE coverage SYSTEM "x.dtd"><coverage lines-valid="200" lines-covered="150" branches-valid="10" branches-covered="5"><packages/></coverage>';
    const { status, reports } = await build(
      folder,
      spec(
        { build: ["mkdir -p reports && cp *.xml reports/", "false"] },
        {
          reports: {
            tests: { files: ["junit*.xml"], "base-directory": "reports", "file-format": "JUNITXML" },
            coverage: { files: ["cobertura.xml"], "base-directory": "reports", "file-format": "COBERTURAXML" },
            none: { files: ["none.xml"], "file-format": "JUNITXML" },
          },
        },
      ),
      {},
      { "junit.xml": xml, "cobertura.xml": coverage },
    );
    assert.equal(status, "FAILED");
    const [tests, covered, none] = reports;
    assert.deepEqual(tests?.tests, {
      total: 3,
      passed: 1,
      failed: 1,
      skipped: 1,
      seconds: 0.5,
      failures: [{ name: "s bad", message: "1 is not 2<3" }],
    });
    assert.equal(tests?.status, "FAILED");
    assert.deepEqual(covered?.coverage, { lines: { covered: 150, total: 200 }, branches: { covered: 5, total: 10 } });
    assert.equal(none?.status, "INCOMPLETE");
  });
});

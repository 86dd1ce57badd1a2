#!/usr/bin/env node
"use strict";
// `npm test`: unit tests, local tests, type check and linter, whatever fails before. The last line of the
// output is "N passed, N failed"; a failing type check or linter counts as one failure, and so does a suite that breaks off.
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const root = path.resolve(__dirname, "..");
const modules = (file) => path.join("node_modules", file);

const local = path.join(root, "test", "local");

/**
 * Folders of local tests that run beside the others: they work on lakes of their own, as the others do, and wait a lot.
 * About half of the time of all.
 */
const BESIDE = ["builder", "containers", "delivery", "faults", "fleet", "images", "local-aws", "pipeline", "toolchain"];

const folders = fs.readdirSync(local).filter((name) => name !== "support" && !name.startsWith("."));

/** The local tests in two halves, each with folders of its own. */
const halves = [folders.filter((name) => !BESIDE.includes(name)), folders.filter((name) => BESIDE.includes(name))];

/** What is run. A suite is counted by mocha's own report, its halves run side by side; a check counts as one. */
const parts = [
  { title: "unit tests", suite: "test/unit/.mocharc.yaml" },
  { title: "local tests", suite: "test/local/.mocharc.yaml", halves },
  { title: "type check", command: [modules("typescript/bin/tsc"), "--noEmit"] },
  { title: "linter", command: [modules("eslint/bin/eslint.js"), "."] },
  { title: "formatter", command: [modules("prettier/bin/prettier.cjs"), "--check", "--log-level", "warn", "."] },
];

/** Runs a Node program with its output shown, or written to a file; resolves to its exit code. */
function run(args, output = "inherit") {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", output, output] });
  return new Promise((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
}

const sum = (counts) => ({
  passed: counts.reduce((all, { passed }) => all + passed, 0),
  failed: counts.reduce((all, { failed }) => all + failed, 0),
});

/** Runs the halves of a suite side by side. The output of the second is shown when it has ended, so that both can be read. */
async function runHalves(config, [first, second]) {
  const specs = (names) => names.flatMap((name) => ["--spec", path.join(path.dirname(config), name, "**/*.test.ts")]);
  const log = path.join(root, ".tributary", "test", "second-half.log");
  fs.mkdirSync(path.dirname(log), { recursive: true });
  const output = fs.openSync(log, "w");
  const other = runSuite(config, { name: "second-half", specs: specs(second), output });
  const counts = [await runSuite(config, { name: "first-half", specs: specs(first) })];
  console.log(`\nThe other half of the local tests goes on: ${second.join(", ")} …`);
  counts.push(await other);
  fs.closeSync(output);
  process.stdout.write(fs.readFileSync(log));
  return sum(counts);
}

async function runSuite(config, { name = path.basename(path.dirname(config)), specs = [], output = "inherit" } = {}) {
  const folder = path.join(root, ".tributary", "test");
  const report = path.join(folder, `${name}.json`);
  fs.mkdirSync(folder, { recursive: true });
  fs.rmSync(report, { force: true });
  const reporting = ["--reporter", path.join(__dirname, "reporter.js"), "--reporter-option", `output=${report}`];
  const code = await run([modules("mocha/bin/mocha.js"), "--config", config, ...reporting, ...specs], output);
  const counted = readReport(report);
  if (!counted) return { passed: 0, failed: 1 };
  // A suite can break off, or a process fail after its last test, without a test that failed.
  return code !== 0 && counted.failed === 0 ? { ...counted, failed: 1 } : counted;
}

function readReport(file) {
  try {
    const { passes, failures } = JSON.parse(fs.readFileSync(file, "utf8"));
    return { passed: passes, failed: failures };
  } catch {
    return undefined;
  }
}

async function main() {
  const total = { passed: 0, failed: 0 };
  for (const { title, suite, halves, command } of parts) {
    console.log(`\n== ${title} ==`);
    const started = Date.now();
    const counts = suite
      ? await (halves ? runHalves(suite, halves) : runSuite(suite))
      : (await run(command)) === 0
        ? { passed: 1, failed: 0 }
        : { passed: 0, failed: 1 };
    total.passed += counts.passed;
    total.failed += counts.failed;
    console.log(
      `${title}: ${counts.passed} passed, ${counts.failed} failed (${Math.round((Date.now() - started) / 1000)} s)`,
    );
  }
  console.log(`\n${total.passed} passed, ${total.failed} failed`);
  process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
}

if (require.main === module) void main();

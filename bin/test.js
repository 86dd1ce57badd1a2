#!/usr/bin/env node
"use strict";
// `npm test`: unit tests, local tests, type check and linter, one after the other, whatever fails before. The last line of the
// output is "N passed, N failed"; a failing type check or linter counts as one failure, and so does a suite that breaks off.
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const root = path.resolve(__dirname, "..");
const modules = (file) => path.join("node_modules", file);

/** What is run. A suite is counted by mocha's own report; a check counts as one. */
const parts = [
  { title: "unit tests", suite: "test/unit/.mocharc.yaml" },
  { title: "local tests", suite: "test/local/.mocharc.yaml" },
  { title: "type check", command: [modules("typescript/bin/tsc"), "--noEmit"] },
  { title: "linter", command: [modules("eslint/bin/eslint.js"), "."] },
  { title: "formatter", command: [modules("prettier/bin/prettier.cjs"), "--check", "--log-level", "warn", "."] },
];

/** Runs a Node program with its output shown; resolves to its exit code. */
function run(args) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  return new Promise((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
}

async function runSuite(config) {
  const folder = path.join(root, ".tributary", "test");
  const report = path.join(folder, `${path.basename(path.dirname(config))}.json`);
  fs.mkdirSync(folder, { recursive: true });
  fs.rmSync(report, { force: true });
  const code = await run([
    modules("mocha/bin/mocha.js"),
    "--config",
    config,
    "--reporter",
    path.join(__dirname, "reporter.js"),
    "--reporter-option",
    `output=${report}`,
  ]);
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
  for (const { title, suite, command } of parts) {
    console.log(`\n== ${title} ==`);
    const started = Date.now();
    const counts = suite
      ? await runSuite(suite)
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

#!/usr/bin/env node
"use strict";
// The first command in a fresh clone: checks Node, installs the dependencies when they are absent or older than the lock file,
// then runs the demo, the tests or a benchmark. Uses nothing but Node itself. Progress goes to stderr.
const { spawn } = require("node:child_process");
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { clearInterval, setInterval } = require("node:timers");

const root = path.resolve(__dirname, "..");
const modules = path.join(root, "node_modules");
const stamp = path.join(modules, ".tributary-stamp");
const lock = path.join(root, ".tributary", "install.lock");

function say(text) {
  process.stderr.write(`${text}\n`);
}

/** Ends with wrong usage. */
function refuse(text) {
  say(text);
  process.exit(2);
}

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  refuse(
    `Node.js 20.19 or later is needed; this is ${process.version}. Install a newer one and run the command again.`,
  );
}

/** What the installed modules have to agree with: lock file, and the Node that native packages were chosen for. */
function wanted() {
  const hash = crypto.createHash("sha256").update(fs.readFileSync(path.join(root, "package-lock.json")));
  return hash.update(`${process.version.split(".")[0]} ${process.platform} ${process.arch}`).digest("hex");
}

function installed() {
  if (readOr(stamp, "") === wanted()) return true;
  // Installed by hand: npm keeps its own account of what it put there.
  const there = packagesIn(path.join(modules, ".package-lock.json"));
  const asked = packagesIn(path.join(root, "package-lock.json"));
  if (!there || !asked || !matches(asked, there)) return false;
  fs.writeFileSync(stamp, wanted());
  return true;
}

function packagesIn(file) {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/** Whether all that a lock file asks for is there; optional packages may be for another platform. */
function matches(asked, there) {
  return Object.entries(asked).every(([name, { version, optional, link }]) => {
    if (name === "" || optional || link || !name.startsWith("node_modules/")) return true;
    return there[name]?.version === version;
  });
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Takes the lock; false when another process that still runs has it. */
function takeLock() {
  fs.mkdirSync(path.dirname(lock), { recursive: true });
  try {
    fs.writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  const owner = Number(readOr(lock, ""));
  // A lock without a number is being written at this moment, unless it is old.
  const young = Date.now() - (fs.statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0) < 5000;
  if (owner > 0 ? !isRunning(owner) : !young) fs.rmSync(lock, { force: true });
  return false;
}

function readOr(file, otherwise) {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return otherwise;
  }
}

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function install() {
  if (installed()) return;
  let told = false;
  while (!takeLock()) {
    if (!told) say("waiting for another process that installs the dependencies …");
    told = true;
    await sleep(200);
  }
  try {
    // The one that was waited for may have done it.
    if (!installed()) await npmCi();
  } finally {
    fs.rmSync(lock, { force: true });
  }
}

/** Scripts of packages are not run: none that is used here needs one. */
async function npmCi() {
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  say("installing the dependencies (npm ci, about a minute) …");
  const child = spawn("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => output.push(data));
  const timer = setInterval(() => say(`installing the dependencies: ${seconds()} s`), 10_000);
  const code = await new Promise((resolve) => {
    child.on("error", (error) => (output.push(Buffer.from(`${error.message}\n`)), resolve(-1)));
    child.on("close", resolve);
  });
  clearInterval(timer);
  if (code !== 0) {
    process.stderr.write(firstLines(Buffer.concat(output).toString("utf8"), 40));
    say(
      "installing the dependencies failed. See above; check the registry that `npm config get registry` names, then run the command again.",
    );
    fs.rmSync(lock, { force: true });
    process.exit(1);
  }
  fs.writeFileSync(stamp, wanted());
  say(`installed the dependencies in ${seconds()} s`);
}

/** npm prints its whole manual after some errors; the reason stands at the top. */
function firstLines(text, count) {
  const lines = text.split("\n").filter((line) => !line.startsWith("npm warn"));
  return `${lines.slice(0, count).join("\n")}\n`;
}

/** Runs a program in the foreground and returns its exit code; a Ctrl-C ends it, and this only after it. */
function run(args) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  // The terminal may have sent the same signal to the child already; the driver takes two at once for one.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => child.on("exit", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 1))));
}

const tasks = {
  // What every build of a pipeline begins with: the dependencies, and nothing else.
  install: () => 0,
  demo: (args) => run(["bin/tributary.js", "demo", ...args]),
  test: (args) => run(["bin/test.js", ...args]),
  bench: (args) => run(["-r", "ts-node/register", "test/bench/index.ts", ...args]),
};

async function main() {
  checkNode();
  const [name, ...args] = process.argv.slice(2);
  if (!Object.hasOwn(tasks, name ?? ""))
    refuse(`usage: node bin/bootstrap.js ${Object.keys(tasks).join("|")} [flags]; found: ${name ?? "nothing"}`);
  await install();
  process.exit(await tasks[name](args));
}

module.exports = { matches };
if (require.main === module) void main();

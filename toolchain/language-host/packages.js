"use strict";
// The npm packages of a program: what `pulumi about` lists and `pulumi install` installs.

const { spawn } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const messages = require("@pulumi/pulumi/proto/language_pb");

function readPackage(folder) {
  return JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"));
}

/** The direct dependencies of a program, with the installed version where it is installed, else the wanted one. */
function dependencies(request) {
  const folder = request.getInfo()?.getProgramDirectory() || request.getPwd();
  const { dependencies: wanted = {}, devDependencies = {} } = readPackage(folder);
  const answer = new messages.GetProgramDependenciesResponse();
  for (const [name, range] of Object.entries({ ...devDependencies, ...wanted })) {
    const item = new messages.DependencyInfo();
    item.setName(name);
    item.setVersion(installedVersion(folder, name) ?? range);
    answer.addDependencies(item);
  }
  return answer;
}

function installedVersion(folder, name) {
  try {
    return readPackage(path.join(folder, "node_modules", name)).version;
  } catch {
    return undefined;
  }
}

/** Installs a program's dependencies: exactly those of the lock file where there is one. */
function install(call) {
  const folder = call.request.getInfo()?.getProgramDirectory() || call.request.getDirectory();
  const locked = fs.existsSync(path.join(folder, "package-lock.json"));
  const child = spawn("npm", [locked ? "ci" : "install", "--no-fund", "--no-audit"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const send = (set) => (chunk) => {
    const message = new messages.InstallDependenciesResponse();
    message[set](chunk);
    call.write(message);
  };
  child.stdout.on("data", send("setStdout"));
  child.stderr.on("data", send("setStderr"));
  child.on("error", (error) => call.destroy(new Error(`cannot start npm: ${error.message}`)));
  child.on("close", (code) =>
    code === 0 ? call.end() : call.destroy(new Error(`npm ended with exit code ${code} in ${folder}`)),
  );
  call.on("cancelled", () => child.kill("SIGTERM"));
}

module.exports = { dependencies, install };

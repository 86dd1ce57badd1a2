"use strict";
// Starts Node.js on Pulumi programs, policy packs and plugins.

const { spawn } = require("node:child_process");
const { createRequire } = require("node:module");
const path = require("node:path");
const messages = require("@pulumi/pulumi/proto/language_pb");

/** The exit code of a program that has already told the user what is wrong. */
const alreadyReported = 32;

const running = new Set();

/** Ends every program that still runs. */
function stopAll() {
  for (const child of running) child.kill("SIGTERM");
}

function start(args, options) {
  const child = spawn(process.execPath, ["-r", path.join(__dirname, "inspect.js"), ...args], options);
  running.add(child);
  const done = () => running.delete(child);
  child.on("exit", done).on("error", done);
  return child;
}

/** Pulumi's own entry point of that name: the program's copy of @pulumi/pulumi, or ours where it has none. */
function entryPoint(name, folder) {
  const wanted = `@pulumi/pulumi/cmd/${name}`;
  for (const from of [path.join(folder, "package.json"), path.join(__dirname, "programs.js")]) {
    try {
      return createRequire(from).resolve(wanted);
    } catch (error) {
      if (error.code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  throw Object.assign(new Error(`@pulumi/pulumi is not installed for the program in ${folder}: run npm ci there`), {
    code: "MODULE_NOT_FOUND",
  });
}

/** The options of Pulumi.yaml's `runtime`. */
function runtimeOptions(request) {
  const options = request.getInfo()?.getOptions()?.toJavaScript() ?? {};
  return {
    typescript: options.typescript !== false,
    tsconfig: typeof options.tsconfig === "string" ? options.tsconfig : undefined,
    nodeArgs: typeof options.nodeargs === "string" ? options.nodeargs.split(/\s+/).filter(Boolean) : [],
  };
}

function typescriptEnvironment({ typescript, tsconfig }) {
  return {
    PULUMI_NODEJS_TYPESCRIPT: String(typescript),
    ...(tsconfig ? { PULUMI_NODEJS_TSCONFIG_PATH: tsconfig } : {}),
  };
}

/** The arguments of Pulumi's entry point `run`. Values stand behind "=": they may begin with a dash. */
function runArguments(request, engine) {
  const values = {
    monitor: request.getMonitorAddress(),
    engine,
    organization: request.getOrganization(),
    project: request.getProject(),
    stack: request.getStack(),
    "root-directory": request.getInfo()?.getRootDirectory() ?? "",
    pwd: request.getPwd(),
    parallel: String(request.getParallel()),
  };
  const flags = Object.entries(values).flatMap(([name, value]) => (value ? [`--${name}=${value}`] : []));
  if (request.getDryrun()) flags.push("--dry-run");
  return [...flags, request.getProgram() || ".", ...request.getArgsList()];
}

/** Runs a Pulumi program to its end. */
function runProgram(call, engine) {
  const request = call.request;
  const options = runtimeOptions(request);
  const folder = request.getInfo()?.getProgramDirectory() || request.getPwd();
  const args = [...options.nodeArgs, entryPoint("run", folder), ...runArguments(request, engine)];
  const config = Object.fromEntries(request.getConfigMap().entries());
  const child = start(args, {
    cwd: folder,
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      ...typescriptEnvironment(options),
      PULUMI_CONFIG: JSON.stringify(config),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
    },
  });
  call.on("cancelled", () => child.kill("SIGTERM"));
  return new Promise((resolve, reject) => {
    child.on("error", (error) => reject(new Error(`cannot start ${process.execPath}: ${error.message}`)));
    child.on("exit", (code, signal) => resolve(outcome(code, signal)));
  });
}

function outcome(code, signal) {
  const answer = new messages.RunResponse();
  if (code === alreadyReported) answer.setBail(true);
  else if (signal) answer.setError(`the program was ended by ${signal}`);
  else if (code !== 0) answer.setError(`the program ended with exit code ${code}`);
  return answer;
}

/** Runs a policy pack, or a plugin that is a Node.js program, and passes its output on until it ends. */
function runPlugin(call) {
  try {
    const child = startPlugin(call.request);
    const send = (set) => (chunk) => {
      const message = new messages.RunPluginResponse();
      message[set](chunk);
      call.write(message);
    };
    child.stdout.on("data", send("setStdout"));
    child.stderr.on("data", send("setStderr"));
    child.on("error", (error) => call.destroy(error));
    // "close" comes after the last output, "exit" may come before it.
    child.on("close", (code) => {
      send("setExitcode")(code ?? 1);
      call.end();
    });
    call.on("cancelled", () => child.kill("SIGTERM"));
  } catch (error) {
    call.destroy(error);
  }
}

function startPlugin(request) {
  const folder = request.getInfo()?.getProgramDirectory() || request.getProgram();
  const isPolicyPack = request.getKind() === "analyzer";
  const args = isPolicyPack ? [...request.getArgsList(), folder] : [folder, ...request.getArgsList()];
  const variables = request.getEnvList().map((entry) => {
    const split = entry.indexOf("=");
    return [entry.slice(0, split), entry.slice(split + 1)];
  });
  const options = runtimeOptions(request);
  return start([...options.nodeArgs, entryPoint(isPolicyPack ? "run-policy-pack" : "run-plugin", folder), ...args], {
    cwd: isPolicyPack ? folder : request.getPwd() || folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...Object.fromEntries(variables), ...typescriptEnvironment(options) },
  });
}

module.exports = { runProgram, runPlugin, stopAll };

"use strict";
// The Pulumi engine's language host for Node.js programs: lets the bare `pulumi preview` and `pulumi up` run where no
// official installation, which carries one, is there. The engine starts it with its own address as the last argument and
// reads the port from the first line of output.

const grpc = require("@grpc/grpc-js");
const service = require("@pulumi/pulumi/proto/language_grpc_pb");
const messages = require("@pulumi/pulumi/proto/language_pb");
const plugins = require("@pulumi/pulumi/proto/plugin_pb");
const { version } = require("@pulumi/pulumi/version");
const { dependencies, install } = require("./packages");
const { runPlugin, runProgram, stopAll } = require("./programs");

/** The size of a message is the engine's business: a stack's configuration may be large. */
const limits = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };

/** Turns an async function into the handler of a call with one answer. */
function unary(work) {
  return (call, callback) => {
    Promise.resolve()
      .then(() => work(call))
      .then(
        (answer) => callback(null, answer),
        (error) => callback({ code: grpc.status.UNKNOWN, message: error.message }),
      );
  };
}

function pluginInfo() {
  const info = new plugins.PluginInfo();
  info.setVersion(version);
  return info;
}

function about() {
  const answer = new messages.AboutResponse();
  answer.setExecutable(process.execPath);
  answer.setVersion(process.version);
  return answer;
}

/** What the engine may ask. What is missing here (code generation, templates, packing) it is told is not implemented. */
function handlers(engine) {
  return {
    handshake: unary(() => new messages.LanguageHandshakeResponse()),
    getPluginInfo: unary(pluginInfo),
    // The plugins are on PATH beside this program: there is nothing to acquire before a program runs.
    getRequiredPlugins: unary(() => new messages.GetRequiredPluginsResponse()),
    getRequiredPackages: unary(() => new messages.GetRequiredPackagesResponse()),
    runtimeOptionsPrompts: unary(() => new messages.RuntimeOptionsResponse()),
    about: unary(about),
    getProgramDependencies: unary((call) => dependencies(call.request)),
    installDependencies: install,
    run: unary((call) => runProgram(call, engine)),
    runPlugin,
  };
}

/** Serves until the engine asks to stop or is gone. */
function serve(args) {
  const engine = args.filter((argument) => !argument.startsWith("-")).at(-1);
  if (!engine) {
    process.stderr.write("pulumi-language-nodejs is started by the Pulumi engine; use the command `pulumi`\n");
    process.exit(2);
  }
  const server = new grpc.Server(limits);
  server.addService(service.LanguageRuntimeService, handlers(engine));
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) {
      process.stderr.write(`pulumi-language-nodejs cannot listen on the loopback interface: ${error.message}\n`);
      process.exit(1);
    }
    process.stdout.write(`${port}\n`);
  });
  const stop = () => {
    stopAll();
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, stop);
  // The engine holds the other end of standard input: its end is the engine's death, even by kill -9.
  process.stdin.on("end", stop).on("error", stop).resume();
}

module.exports = { serve };

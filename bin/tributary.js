#!/usr/bin/env node
"use strict";
// Starts the driver from its TypeScript sources.
const path = require("node:path");

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `tributary needs Node.js 20.19 or later; this is ${process.version}. Install a newer one and run the command again.\n`,
  );
  process.exit(2);
}

// A note about future releases of the SDK; the lock file decides which release runs here.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";

const root = path.resolve(__dirname, "..");
try {
  require("./typescript");
} catch (error) {
  if (error.code !== "MODULE_NOT_FOUND") throw error;
  process.stderr.write(`tributary: the dependencies are not installed. Run: cd ${root} && npm ci --ignore-scripts\n`);
  process.exit(2);
}
// Pulumi takes a stack trace for each resource and promise; looking each frame up in a source map makes a program half as fast.
if (!process.env.TRIBUTARY_DEBUG) Error.prepareStackTrace = undefined;
require("../automation/cli/main").main(process.argv.slice(2));

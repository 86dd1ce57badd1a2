"use strict";
// Starts the container host from its TypeScript sources, as bin/tributary.js starts the driver.
const path = require("node:path");

process.env.DISABLE_V8_COMPILE_CACHE ??= "1";
const root = path.resolve(__dirname, "../..");
require("ts-node").register({
  transpileOnly: true,
  swc: true,
  dir: root,
  project: path.join(root, "tsconfig.json"),
  compilerOptions: { module: "commonjs", moduleResolution: "node10" },
});
require("./hostMain");

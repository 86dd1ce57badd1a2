"use strict";
// Loaded before every program. Node.js 20.20's coloured `util.inspect` does not end on an error whose stack names a file
// right below an npm scope (…/node_modules/@pulumi/resource.ts, which source maps make of the SDK's files) before it has
// filled the memory: a failing program would take a minute to say so. Such errors are shown without colours.

const util = require("node:util");

const fileBelowScope = /[\\/]node_modules[\\/]@[^\\/\n]+[\\/][^\\/\n]*$/m;
const inspect = util.inspect;

function safely(value, options, ...rest) {
  const isRisky = options?.colors && value instanceof Error && fileBelowScope.test(String(value.stack));
  return inspect(value, isRisky ? { ...options, colors: false } : options, ...rest);
}

util.inspect = Object.assign(safely, inspect);

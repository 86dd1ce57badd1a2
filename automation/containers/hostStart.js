"use strict";
// Starts the container host from its TypeScript sources, as bin/tributary.js starts the driver.
require("../../bin/typescript");
require("./hostMain");

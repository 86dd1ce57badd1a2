"use strict";
// Mocha's usual output on the screen, and its counts in a file.
const fs = require("node:fs");
const Mocha = require("mocha");

module.exports = class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const { output } = options.reporterOptions;
    runner.once("end", () => {
      const { passes, failures, pending } = this.stats;
      fs.writeFileSync(output, JSON.stringify({ passes, failures, pending }));
    });
  }
};

import { strict as assert } from "node:assert";
import { readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { markdown } from "../../../automation/cli/docs";

const root = path.resolve(__dirname, "../../..");

/** All TypeScript sources below the folders. */
function sources(...folders: string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && !file.includes("node_modules"))
      .map((file) => path.join(root, folder, file)),
  );
}

/** Error codes that are made in a source. */
function codesIn(text: string): string[] {
  const first = text.matchAll(
    /(?:userError|new Rejection|new ExpectationsFailed|new LayerError|shortened)\(\s*"([A-Z][A-Za-z]+)"/g,
  );
  const named = text.matchAll(/\bcode: (?:\w+ \? "[A-Z][A-Za-z]+" : )?"([A-Z][A-Za-z]+)"/g);
  const either = text.matchAll(/\bcode: \w+ \? "([A-Z][A-Za-z]+)"/g);
  return [...first, ...named, ...either].map((match) => match[1]!);
}

describe("documentation of the driver", () => {
  it("docs/driver.md is what the commands' data say", () => {
    assert.equal(
      readFileSync(path.join(root, "docs/driver.md"), "utf8"),
      markdown(),
      "npx tributary --markdown > docs/driver.md",
    );
  });

  it("docs/errors.md lists the error codes of the sources, and no others", () => {
    const used = new Set(
      sources("automation", "components", "layer").flatMap((file) => codesIn(readFileSync(file, "utf8"))),
    );
    const rows = readFileSync(path.join(root, "docs/errors.md"), "utf8")
      .split("\n")
      .filter((line) => line.startsWith("| `"));
    const listed = new Set(
      rows.flatMap((row) => [...row.split("|")[1]!.matchAll(/`(\w+)`/g)].map((match) => match[1]!)),
    );
    // Made by the state machine's Map, not by a constructor.
    listed.delete("ProcessCrashed");
    used.delete("ProcessCrashed");
    assert.ok(used.size > 50, `only ${used.size} codes were found`);
    assert.deepEqual([...used].filter((code) => !listed.has(code)).sort(), [], "missing in docs/errors.md");
    assert.deepEqual([...listed].filter((code) => !used.has(code)).sort(), [], "in docs/errors.md, but in no source");
  });
});

import { strict as assert } from "node:assert";
import fc from "fast-check";
import { commands } from "../../../automation/cli/commands";
import { loadCommand } from "../../../automation/cli/lazy";
import { parse } from "../../../automation/cli/parse";
import { TributaryError } from "../../../automation/errors";

const wrong = (code: string, text: RegExp) => (error: unknown) =>
  error instanceof TributaryError && error.code === code && error.exitCode === 2 && text.test(error.message);

describe("command line", () => {
  it("gives a command its arguments by name and its flags in camel case", () => {
    const parsed = parse(
      ["ingest", "local", "a/b", "one.json", "-two.json", "--wait", "--timeout", "5", "--json"].filter(
        (a) => a !== "-two.json",
      ),
    );
    assert.equal(parsed.kind, "run");
    if (parsed.kind !== "run") return;
    assert.equal(parsed.specification.name, "ingest");
    assert.equal(parsed.json, true);
    assert.deepEqual(parsed.values, { env: "local", dataset: "a/b", files: ["one.json"], wait: true, timeout: 5 });
  });

  it("fills in defaults", () => {
    const parsed = parse(["redrive", "local", "a/b"]);
    assert.ok(parsed.kind === "run" && parsed.values.max === 10_000 && parsed.values.timeout === 900 && !parsed.json);
  });

  it("takes files that look like flags after --", () => {
    const parsed = parse(["ingest", "local", "a/b", "--", "--json"]);
    assert.ok(parsed.kind === "run" && !parsed.json);
    assert.deepEqual(parsed.values.files, ["--json"]);
  });

  it("refuses what is not understood, and names the next step", () => {
    assert.throws(() => parse(["fly"]), wrong("WrongUsage", /unknown command 'fly'/));
    assert.throws(() => parse(["deploy"]), wrong("WrongUsage", /missing required argument 'env'/));
    assert.throws(() => parse(["deploy", "local", "more"]), wrong("WrongUsage", /too many arguments/));
    assert.throws(() => parse(["deploy", "local", "--fast"]), wrong("WrongUsage", /unknown option '--fast'/));
    try {
      parse(["deploy"]);
    } catch (error) {
      assert.equal((error as TributaryError).next, "tributary deploy --help");
    }
  });

  it("takes whole numbers of at least 1 and nothing else", () => {
    for (const text of ["0", "-1", "1.5", "1e3", " 1", "", "ten", "9999999999"]) {
      assert.throws(
        () => parse(["executions", "local", `--limit=${text}`]),
        wrong("WrongUsage", /whole number|argument missing/),
        text,
      );
    }
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 999_999_999 }), (limit) => {
        const parsed = parse(["executions", "local", "--limit", String(limit)]);
        return parsed.kind === "run" && parsed.values.limit === limit;
      }),
    );
  });

  it("takes commands of two words, and helps with their first", () => {
    const parsed = parse(["images", "build", "one", "two", "--push"]);
    assert.ok(parsed.kind === "run" && parsed.specification.name === "images build");
    assert.deepEqual(parsed.values, { names: ["one", "two"], push: true });
    const all = parse(["images", "build"]);
    assert.ok(all.kind === "run");
    assert.deepEqual(all.values.names, []);
    const help = parse(["images"]);
    assert.ok(
      help.kind === "help" && ["build", "list", "diff", "sbom"].every((name) => help.text.includes(`  ${name} `)),
    );
    assert.throws(() => parse(["images", "fly"]), wrong("WrongUsage", /unknown command 'fly'/));
    try {
      parse(["images", "diff", "dev"]);
      assert.fail("an argument was missing");
    } catch (error) {
      assert.equal((error as TributaryError).next, "tributary images diff --help");
    }
  });

  it("never breaks on hostile words", () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 6 }), (words) => {
        try {
          parse(words);
        } catch (error) {
          assert.ok(error instanceof TributaryError, String(error));
        }
      }),
    );
  });

  it("helps: every command with its arguments, flags and examples", () => {
    for (const { name, flags, examples } of commands) {
      const parsed = parse([...name.split(" "), "--help"]);
      assert.equal(parsed.kind, "help");
      if (parsed.kind !== "help") continue;
      for (const flag of flags) assert.ok(parsed.text.includes(`--${flag.name}`), `${name} --${flag.name}`);
      for (const { line } of examples) assert.ok(parsed.text.includes(line), `${name}: ${line}`);
    }
    const all = parse([]);
    assert.ok(all.kind === "help" && commands.every(({ name }) => all.text.includes(name.split(" ")[0]!)));
  });

  it("has a module for every command, and examples that parse", () => {
    for (const { name, module, examples } of commands) {
      assert.equal(typeof loadCommand(module).run, "function", name);
      for (const { line } of examples.filter((example) => example.line.startsWith("tributary "))) {
        const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2]!);
        assert.equal(parse(words.slice(1)).kind, "run", line);
      }
    }
  }).timeout(20_000);
});

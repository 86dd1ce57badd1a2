import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { checkDockerfile } from "../../../automation/images/dockerfile";
import { digest } from "./support/checkout";

const allowed = ["BASE_IMAGE", "PYTHON_IMAGE", "LAYER_IMAGE", "RUNTIME_IMAGE"];
const where = { name: "one", file: "functions/one/Dockerfile" };
const check = (text: string) => checkDockerfile(text, where, allowed);
const pinned = `python:3.13@${digest("1")}`;

describe("a Dockerfile", () => {
  it("of ours is right", () => {
    const text = readFileSync(path.join(__dirname, "../../../functions/Dockerfile"), "utf8");
    const { problems, copies, imageArguments, runs } = check(text);
    assert.deepEqual(
      [problems, copies.map((copy) => copy.pattern), imageArguments, runs],
      [[], ["."], ["RUNTIME_IMAGE"], false],
    );
  });

  const right: [string, string][] = [
    ["an argument of ours", "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\n"],
    ["an argument without braces", "ARG BASE_IMAGE\nFROM $BASE_IMAGE\n"],
    ["an image by its digest", `FROM ${pinned}\n`],
    ["nothing", "FROM scratch\n"],
    ["an earlier stage", `FROM ${pinned} AS Build\nFROM build\n`],
    ["an argument whose default is pinned", `ARG MINE=${pinned}\nFROM \${MINE}\n`],
    ["another platform of it", `FROM --platform=$BUILDPLATFORM ${pinned}\n`],
  ];
  for (const [what, text] of right) {
    it(`may be built from ${what}`, () => assert.deepEqual(check(text).problems, []));
  }

  const wrong: [string, string, number, RegExp][] = [
    [
      "a tag",
      "FROM node:22\n",
      1,
      /FROM node:22 can change under its name; allowed: an earlier stage, scratch, \$\{BASE_IMAGE\}/,
    ],
    ["a name", "FROM node\n", 1, /can change under its name/],
    ["a later stage", `FROM later\nFROM ${pinned} AS later\n`, 1, /FROM later can change/],
    ["a default that is not pinned", "ARG MINE=node:22\nFROM ${MINE}\n", 2, /FROM \$\{MINE\} \(node:22\) can change/],
    ["an argument that nobody gives", "ARG OTHER\nFROM ${OTHER}\n", 2, /FROM \$\{OTHER\} has no value; allowed/],
    ["an undeclared argument of ours", "FROM ${BASE_IMAGE}\n", 1, /the argument is not declared/],
    ["an image to copy from", `FROM ${pinned}\nCOPY --from=node:22 /a /b\n`, 2, /COPY --from node:22 can change/],
    [
      "an image to mount",
      `FROM ${pinned}\nRUN --mount=type=bind,from=node:22,target=/x true\n`,
      2,
      /RUN --mount from node:22/,
    ],
    [
      "an address",
      `FROM ${pinned}\nADD https://example.com/x /x\n`,
      2,
      /ADD https:\/\/example\.com\/x can change under its address/,
    ],
    ["a repository", `FROM ${pinned}\nADD git@example.com:x.git /x\n`, 2, /can change under its address/],
    ["a frontend", `# syntax=docker/dockerfile:1\nFROM ${pinned}\n`, 1, /found "# syntax=docker\/dockerfile:1"/],
  ];
  for (const [what, text, line, message] of wrong) {
    it(`may not be built from ${what} that can change`, () => {
      const { problems } = check(text);
      assert.ok(
        problems.some((problem) => problem.line === line && message.test(problem.text)),
        JSON.stringify(problems),
      );
      for (const problem of problems) assert.deepEqual([problem.name, problem.file], ["one", where.file]);
    });
  }

  it("may name what it fetches with a checksum", () => {
    const { problems, copies } = check(`FROM ${pinned}\nADD --checksum=${digest("1")} https://example.com/x /x\n`);
    assert.deepEqual([problems, copies], [[], []]);
  });

  it("is told all that is wrong at once, each with its line", () => {
    const { problems } = check("FROM node:22\nCOPI a b\nCOPY ../x /x\nCOPY $Y /y\n");
    assert.deepEqual(problems.map(({ line }) => line).sort(), [1, 2, 3, 4], JSON.stringify(problems));
    for (const { next } of problems) assert.ok(next.length > 0);
  });

  it("that is empty is wrong", () => assert.notDeepEqual(check("").problems, []));

  it("tells what it copies of its folder", () => {
    const { copies, problems } = check(
      [
        `FROM ${pinned} AS build`,
        "ARG SRC=src",
        "COPY a.py ./lib/ /x/../b /target/",
        'COPY ["with space", "c*", "/target/"]',
        "COPY --chown=1:1 \\",
        "  ${SRC}/d /target/",
        "ADD e.tar /target/",
        "RUN --mount=type=bind,source=f,target=/f --mount=type=cache,target=/c true",
        "RUN --mount=type=bind,target=/all true",
        "COPY <<EOF /target/text",
        "COPY not/a/source /x",
        "EOF",
        "FROM build",
        "COPY --from=build /not/of/the/folder /x",
        "COPY --from=0 /neither /x",
      ].join("\n"),
    );
    assert.deepEqual(problems, []);
    const expected = ["a.py", "lib", "b", "with space", "c*", "src/d", "e.tar", "f", "."];
    assert.deepEqual(
      copies.map((copy) => copy.pattern),
      expected,
    );
    assert.equal(copies.find((copy) => copy.pattern === "src/d")?.line, 5);
  });

  it("that runs commands is known to", () => {
    assert.equal(check(`FROM ${pinned}\nRUN true\n`).runs, true);
    assert.equal(check(`FROM ${pinned}\nCMD ["RUN"]\n`).runs, false);
  });

  it("is answered whatever it holds", () => {
    const words = fc.constantFrom(
      "FROM",
      "COPY",
      "ADD",
      "RUN",
      "ARG",
      "--from=",
      "<<EOF",
      "[",
      '"',
      "$",
      "\\\n",
      "\n",
      "${",
      "a",
    );
    const texts = fc.oneof(
      fc.string(),
      fc.array(words, { maxLength: 20 }).map((all) => all.join(" ")),
    );
    fc.assert(fc.property(texts, (text) => check(text).text === text));
  });
});

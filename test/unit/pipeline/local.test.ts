import { strict as assert } from "node:assert";
import fc from "fast-check";
import { parse } from "yaml";
import { buildEnvironment } from "../../../automation/pipeline/run/buildEnvironment";
import { readBuildspec } from "../../../automation/pipeline/run/buildspec";
import { cachedFolders } from "../../../automation/pipeline/run/cache";
import { localSettings } from "../../../automation/pipeline/run/localSettings";
import { resolveText, valueOf } from "../../../automation/pipeline/run/variables";
import { readCobertura } from "../../../automation/pipeline/reports/coverage";
import { readJunit } from "../../../automation/pipeline/reports/junit";
import { parseXml } from "../../../automation/pipeline/reports/xml";
import { mermaid } from "../../../automation/pipeline/show/mermaid";
import { drawPipeline } from "../../../automation/pipeline/show/text";
import { buildspecText } from "../../../automation/pipeline/model";
import { pipeline, spec } from "./support";

describe("what pipelines on this machine are made from", () => {
  it("turns settings of AWS into local ones that lead to no account", () => {
    const aws = `
config:
  aws:region: eu-west-1
  aws:profile: production
  tributary:account: "123456789012"
  tributary:role: arn:aws:iam::123456789012:role/deploy
  tributary:backend: s3://states
  tributary:secretsProvider: awskms://alias/states?region=eu-west-1
  tributary:packaging: image
  tributary:images: { routing: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/lake@sha256:aa" }
  tributary:waves: [[eu-west-1], [us-east-1]]
  tributary:gates: { cost: { increase: 10 }, health: approve }
  tributary:secret: { secure: v1:abc }
`;
    const local =
      'config: { "aws:region": us-east-1, "aws:s3UsePathStyle": "true", "tributary:lanes": 1, "tributary:packaging": archive }';
    const made = localSettings(aws, local)!;
    const { config } = parse(made.text) as { config: Record<string, unknown> };
    assert.deepEqual(config, {
      "aws:region": "eu-west-1",
      "aws:s3UsePathStyle": "true",
      "tributary:packaging": "image",
      "tributary:waves": [["eu-west-1"], ["us-east-1"]],
      "tributary:lanes": 1,
      "tributary:target": "local",
      "tributary:architecture": process.arch === "arm64" ? "arm64" : "x86_64",
      "tributary:approval": "broadening",
      "tributary:gates": { stateful: "approve", policy: "stop", cost: { increase: 10 }, health: "off" },
      "tributary:images": { stack: "images.local" },
    });
    assert.deepEqual(made.left, [
      "aws:profile",
      "tributary:account",
      "tributary:role",
      "tributary:backend",
      "tributary:secretsProvider",
      "tributary:secret",
    ]);
    assert.equal(localSettings(made.text, local), undefined, "what is local stays as it is");
  });

  it("puts values of namespaces into texts, and names what is not there", () => {
    const namespaces = { variables: { WHO: "us" }, plan: { A: "#{variables.WHO}" } };
    assert.equal(
      resolveText("for #{variables.WHO}: #{plan.A} ${HOME}", namespaces, "x"),
      "for us: #{variables.WHO} ${HOME}",
    );
    assert.throws(
      () => resolveText("#{plan.B}", namespaces, "the action x"),
      /the action x uses #\{plan\.B\}.*plan\.A, variables\.WHO/,
    );
    assert.throws(() => resolveText("#{plan.constructor}", namespaces, "x"), /no action before it has exported/);
    assert.equal(valueOf(namespaces, "toString.call"), undefined);
  });

  it("reads the text that CodeBuild gets, and refuses what is not run here", () => {
    const given = spec(
      { install: ["true"] },
      { cache: { paths: ["a/**/*"] }, artifacts: { files: ["x"], "discard-paths": "yes" } },
    );
    const read = readBuildspec(buildspecText(given), "x");
    assert.deepEqual(read.phases.install?.commands, ["true"]);
    assert.deepEqual(read.cache.paths, ["a/**/*"]);
    for (const wrong of [
      "version: 0.1",
      "version: 0.2\nphases: {}\nbatch: {}",
      ": :",
      "version: 0.2\nphases: { deploy: { commands: [x] } }",
    ])
      assert.throws(() => readBuildspec(wrong, "x"), /the buildspec of x cannot be run on this machine/);
  });

  it("caches folders of the source and nothing outside it", () => {
    const paths = ["node_modules/**/*", "./.npm/**", "/root/.cache/**/*", "../up/**/*", "*.txt", "**/*", "single"];
    assert.deepEqual(cachedFolders(paths), ["node_modules", ".npm", "single"]);
  });

  it("keeps a person's credentials and tools' switches out of builds", () => {
    const identity = {
      id: "p:1",
      pipeline: "lake",
      number: 1,
      revision: "c",
      repository: "r",
      region: "us-east-1",
      account: "0",
    };
    const inherited = {
      PATH: "/bin",
      AWS_SECRET_ACCESS_KEY: "x",
      NODE_OPTIONS: "--x",
      GIT_DIR: "/y",
      TRIBUTARY_CACHE: "/c",
      npm_config_registry: "r",
    };
    const env = buildEnvironment({ ...identity, source: "/s", secondary: { a: "/a" } }, inherited);
    assert.deepEqual(
      [
        "PATH",
        "AWS_SECRET_ACCESS_KEY",
        "NODE_OPTIONS",
        "GIT_DIR",
        "TRIBUTARY_CACHE",
        "npm_config_registry",
        "CODEBUILD_SRC_DIR_a",
      ].map((name) => env[name]),
      ["/bin", undefined, undefined, undefined, "/c", "r", "/a"],
    );
  });

  it("reads whatever a test program wrote without an exception", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
        const document = parseXml(`<testsuite><testcase name="${text.replaceAll(/[<&"]/g, "")}"/>${text}</testsuite>`);
        return typeof document === "string" || readJunit(document) !== undefined;
      }),
      { numRuns: 40 },
    );
    const bomb = parseXml(
      '<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "&b;&b;&b;">]><testsuite><testcase name="&c;"/></testsuite>',
    );
    assert.ok(typeof bomb === "string" || JSON.stringify(bomb).length < 1_000);
    const other = parseXml("<html/>");
    assert.ok(typeof other !== "string" && readJunit(other) === undefined && readCobertura(other) === undefined);
  });

  it("draws a pipeline as lines and as Mermaid", () => {
    const model = pipeline([
      {
        name: "Build",
        actions: [buildOf("test", 1), buildOf("lint", 1), buildOf("late", 2)],
        retry: { mode: "FAILED_ACTIONS" },
      },
      {
        name: "prod-approve",
        condition: { variable: "plan.APPROVAL", equals: "true", otherwise: "skip" },
        actions: [{ kind: "approval", name: 'say "yes"', runOrder: 1, message: "", environment: "prod" }],
      },
    ]);
    const drawn = drawPipeline(model);
    for (const part of [
      "┌ ■ test: as test",
      "└ ■ lint: as test",
      "↓",
      "only if plan.APPROVAL = true, else skipped",
      "failed: once more, the failed actions",
    ])
      assert.ok(drawn.includes(part), `${part} in\n${drawn}`);
    const widths = drawn
      .split("\n")
      .filter((line) => line.startsWith("│ "))
      .map((line) => line.length);
    assert.ok(widths.length > 5);
    const chart = mermaid(model);
    assert.match(chart, /stage_0 -->\|"plan\.APPROVAL = true"\| stage_1/);
    assert.match(chart, /action_0_0 --> action_0_2/);
    assert.match(chart, /\{"say #quot;yes#quot;"\}/);
  });
});

function buildOf(name: string, runOrder: number) {
  return {
    kind: "build" as const,
    name,
    runOrder,
    project: name,
    buildspec: spec({ build: ["true"] }),
    inputs: ["repository"],
    outputs: [],
    variables: {},
    role: { kind: "test" as const },
    compute: "small" as const,
    privileged: false,
    timeout: "5 minutes" as const,
    reports: [],
  };
}

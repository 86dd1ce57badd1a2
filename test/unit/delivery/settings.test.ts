import assert from "node:assert/strict";
import { readDelivery } from "../../../automation/pipeline/model";
import type { TributaryError } from "../../../automation/errors";
import { everything } from "./support/delivery";

function problems(text: string): string {
  try {
    readDelivery(text);
  } catch (error) {
    const { code, message, exitCode } = error as TributaryError;
    assert.deepEqual([code, exitCode], ["InvalidSettings", 2]);
    return message;
  }
  return assert.fail("the settings were taken");
}

describe("delivery settings", () => {
  it("have a default for everything that need not be decided", () => {
    const { pipelines, notifications, build } = readDelivery(everything);
    assert.equal(pipelines.lake?.mode, "QUEUED");
    assert.deepEqual(pipelines.lake?.scan, { critical: 0, high: 0 });
    assert.equal(pipelines.lake?.test.command, "npm run test:reports");
    assert.deepEqual(notifications.on, ["failure", "approval", "success"]);
    assert.equal(build.architecture, "arm64");
  });

  it("tell every mistake at once: key, what was found, what is allowed", () => {
    const text = everything
      .replace("waves: [[dev], [staging, prod]]", "waves: [[dev], [dev]]")
      .replace("onFailure: retry", "onFailure: panic")
      .replace("engine: athena", "engine: oracle")
      .replace("repository: acme/lake", 'repository: "../../etc"');
    const message = problems(text);
    for (const key of [
      "pipelines.lake.waves",
      "pipelines.tools.onFailure",
      "steps.0.engine",
      "repositories.app.repository",
    ])
      assert.ok(message.includes(`tributary:${key}`) || message.includes(key), `${key}: ${message}`);
    assert.match(message, /found "panic"; allowed: stop, retry or rollback/);
  });

  it("refuse what contradicts itself", () => {
    const cases: [RegExp | string, string, RegExp][] = [
      [
        "repository: app\n",
        "repository: none\n",
        /pipelines\.lake\.repository.*allowed: one of repositories: app, tools, drop/,
      ],
      ["[[dev], [staging, prod]]", "[[dev], [qa]]", /pipelines\.lake\.waves.*one of environments/],
      [`, connection: "`, `, other: "`, /connection/],
      [
        "tools: { repository: tools,",
        "tools: { tags: true, repository: tools,",
        /pipelines\.tools\.tags.*codecommit has no triggers/,
      ],
      ["slackTeam: T0123ABCD, ", "", /both slackTeam and slackChannel/],
      ["resources: b, ", "resources: c, ", /branches\.environment.*resources: b that no wave deploys/],
      ["environment: branch }", "environment: dev }", /branches\.environment.*resources: b that no wave deploys/],
      ["staging:\n", "delivery:\n", /the stack delivery is taken/],
    ];
    for (const [from, to, expected] of cases) assert.match(problems(everything.replace(from, to)), expected);
  });

  it("take as many patterns as a filter of CodePipeline does", () => {
    const list = (count: number) => JSON.stringify(Array.from({ length: count }, (_, index) => `feature/${index}/**`));
    readDelivery(everything.replace('["feature/**"]', list(8)));
    for (const count of [0, 9])
      assert.match(
        problems(everything.replace('["feature/**"]', list(count))),
        /pipelines\.lake\.branches\.include in .*: found .*allowed: 1 to 8 different patterns/,
      );
    assert.match(problems(everything.replace("tags: true", `paths: ${list(9)}`)), /pipelines\.lake\.paths.*1 to 8/);
  });

  it("refuse an environment whose deploy role could change another one", () => {
    const text = everything.replace("    branch: {", "    dev-eu: {}\n    branch: {");
    assert.match(problems(text), /tributary:environments\.dev.*could change dev-eu/);
  });

  it("a key that does not exist is told with those that do", () => {
    assert.match(
      problems(everything.replace("mode: SUPERSEDED", "modus: SUPERSEDED")),
      /modus.*allowed: repository, team/,
    );
  });

  it("a command with a line break is refused: it would be a second command", () => {
    const text = everything.replace("tags: true\n", 'tags: true\n      test: { command: "npm test\\nid" }\n');
    assert.match(problems(text), /pipelines\.lake\.test\.command/);
  });

  it("text that is no YAML, or none at all, is told as such", () => {
    assert.throws(
      () => readDelivery("a: ["),
      (error: TributaryError) => error.code === "UnreadableSettings",
    );
    assert.match(problems(""), /tributary:repositories/);
  });
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { chooseReleaseTag, parseReleaseTag, releaseTagPatterns } from "../../../automation/pipeline/model";
import type { TributaryError } from "../../../automation/errors";

const code = (expected: string) => (error: TributaryError) => error.code === expected && error.exitCode === 2;

/** Everything that a shell, a path or a pattern could take for more than a name. */
const dangerous = /[\s;&|$`'"\\<>(){}[\]*?!~#^:,\p{Cc}]|\.\./u;

describe("release tags", () => {
  it("name environment, region, team and version", () => {
    const tag = "prod_eu-west-1/lake/1.4.0";
    const region = "eu-west-1";
    assert.deepEqual(parseReleaseTag(tag), { tag, environment: "prod", region, team: "lake", version: "1.4.0" });
    assert.equal(parseReleaseTag("prod_global/lake/2026-11-21+a")?.region, undefined);
    assert.equal(parseReleaseTag("prod_us-gov-west-1/lake/v1")?.region, "us-gov-west-1");
  });

  it("of any other form are none", () => {
    const others = [
      ...[
        "",
        "v1.0.0",
        "prod/lake/1.0",
        "prod_/lake/1",
        "_eu-west-1/lake/1",
        "prod_eu-west-1/lake",
        "prod_eu-west-1//1",
      ],
      ...["prod_eu-west-1/lake/1/2", "Prod_eu-west-1/lake/1", "prod_everywhere/lake/1", "prod_eu-west-1/lake/.."],
      ...["prod_eu-west-1/lake/-rf", "prod_eu-west-1/lake/1.lock", "prod_eu-west-1/lake/1.", "prod_global/la ke/1"],
      ...[
        "prod_global/lake/$(id)",
        "prod_global/lake/1;id",
        "prod_global/lake/1\n",
        `prod_global/lake/${"1".repeat(65)}`,
      ],
    ];
    for (const tag of others) assert.equal(parseReleaseTag(tag), undefined, JSON.stringify(tag));
  });

  it("whatever is accepted is harmless and is the tag again", () => {
    const part = fc.string({ maxLength: 24, unit: "grapheme" });
    const near = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}_(global|eu-west-1)\/[a-z][a-z0-9-]{0,8}\/.{0,20}$/);
    const tags = fc.oneof(
      part,
      near,
      fc.tuple(part, part, part).map((parts) => parts.join("/")),
    );
    fc.assert(
      fc.property(tags, (text) => {
        const found = parseReleaseTag(text);
        if (!found) return;
        const { environment, region = "global", team, version } = found;
        assert.equal(`${environment}_${region}/${team}/${version}`, text);
        for (const each of [environment, region, team, version]) assert.ok(each !== "" && !dangerous.test(each), text);
        assert.ok(!version.startsWith("-") && !team.startsWith("-"));
      }),
      { numRuns: 2_000 },
    );
  });

  it("one is chosen among all of a commit, or the mistake is told", () => {
    const tags = ["v1", "dev_global/lake/2", "prod_eu-west-1/lake/2", "prod_global/other/2"];
    assert.equal(chooseReleaseTag(tags, "prod", "lake").tag, "prod_eu-west-1/lake/2");
    assert.throws(() => chooseReleaseTag(tags, "prod", "absent"), code("ReleaseTagMissing"));
    assert.throws(() => chooseReleaseTag([], "prod", "lake"), code("ReleaseTagMissing"));
    assert.throws(() => chooseReleaseTag([...tags, "prod_global/lake/3"], "prod", "lake"), code("ReleaseTagAmbiguous"));
  });

  it("a trigger's pattern is for one environment and one team", () => {
    assert.deepEqual(releaseTagPatterns("prod", "lake"), ["prod_*/lake/*"]);
  });
});

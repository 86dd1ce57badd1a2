import { strict as assert } from "node:assert";
import * as fc from "fast-check";
import {
  type Broadening,
  broadenings,
  describeBroadenings,
  extractGrants,
  type ResourceState,
} from "../../../automation/permissions";
import { policy, role, rolePolicy, state } from "./support/states";

const compared = (before: ResourceState[], after: ResourceState[]) =>
  broadenings(extractGrants(before), extractGrants(after));

const broadening: Broadening = {
  kind: "allow",
  principal: "role/r",
  actions: ["s3:GetObject"],
  resources: ["*"],
  conditions: [],
  via: { urn: "urn:pulumi:dev::demo::aws:iam/rolePolicy:RolePolicy::p", property: "policy", statement: "S" },
  severity: "low",
  fresh: false,
};

describe("permission broadening of hostile input", () => {
  it("what is no policy is undecided, and nothing is thrown", async () => {
    const texts = [
      ...[
        "{",
        "[]",
        "null",
        '"text"',
        "{}",
        '{"Statement":1}',
        '{"Statement":[null]}',
        '{"Statement":[{"Effect":"Maybe"}]}',
      ],
      ...[
        '{"Statement":[{"Effect":"Allow","Action":{"a":1},"Resource":"*"}]}',
        '{"Statement":[{"Effect":"Allow","Principal":7}]}',
      ],
      '{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":7}}]}',
    ];
    for (const text of texts) {
      const after = state("aws:iam/rolePolicy:RolePolicy", "p", { role: "r", policy: text });
      const found = await compared([role("r")], [role("r"), after]);
      assert.equal(found.length, 1, text);
      assert.match(found[0]?.undecided ?? "", /cannot be read/, text);
    }
  });

  it("names of services and actions that JavaScript knows, or that lead out of a folder", async () => {
    const actions = [
      "__proto__:*",
      "constructor:prototype",
      "../../s3:GetObject",
      "s3:__proto__",
      "s3:constructor",
      "s3",
      "",
      ":",
      "s3:Get:Object",
    ];
    for (const Action of actions) {
      const grant = { Effect: "Allow", Action, Resource: "*" };
      const after = [role("r"), rolePolicy("r", policy([grant]))];
      assert.equal((await compared([role("r")], after)).length, 1, Action);
      assert.deepEqual(await compared(after, after), []);
    }
  });

  it("any text for any part: never an exception, and nothing new between equals", () =>
    fc.assert(
      fc.asyncProperty(
        fc.string(),
        fc.string(),
        fc.string(),
        fc.string(),
        async (Action, Resource, operator, value) => {
          const grant = { Effect: "Allow", Action, Resource, Condition: { [operator]: { [value]: value } } };
          const reordered = {
            Condition: { [operator]: { [value]: [value] } },
            Resource: [Resource],
            Action: [Action],
            Effect: "Allow",
          };
          const states = (statement: typeof grant | typeof reordered) => [
            role("r"),
            rolePolicy("r", policy([statement])),
          ];
          assert.deepEqual(await compared(states(grant), states(reordered)), []);
        },
      ),
      {
        numRuns: 60,
        examples: ["__proto__", "constructor"].map((name) => ["", "", "", name] as [string, string, string, string]),
      },
    ));

  it("many overlapping statements end in bounded time, and count", async () => {
    const statement = (at: number) => ({
      Effect: "Allow",
      Action: ["s3:Get*", "s3:*Object"],
      Resource: [`arn:aws:s3:::*${at}*`, `arn:aws:s3:::${at}?*`],
      Condition: {
        StringEquals: { [`aws:PrincipalTag/t${at}`]: "1" },
        StringNotEquals: { [`aws:RequestTag/t${at}`]: "2" },
      },
    });
    const before = [role("r"), rolePolicy("r", policy(Array.from({ length: 25 }, (_, at) => statement(at))))];
    const after = [role("r"), rolePolicy("r", policy([{ Effect: "Allow", Action: "s3:*", Resource: "*" }]))];
    const started = process.cpuUsage();
    const found = await compared(before, after);
    assert.ok(found.length > 0);
    assert.ok(process.cpuUsage(started).user < 6_000_000, `${process.cpuUsage(started).user} µs`);
  });

  it("names in Markdown stay names, and terminals get no control characters", () => {
    const nasty = "x`](https://evil)\u001b[2J\n# <script>|";
    const found = [{ ...broadening, principal: nasty, resources: [nasty], conditions: [nasty], undecided: nasty }];
    const markdown = describeBroadenings(found, { format: "markdown" });
    assert.equal(markdown.split("\n").length, 2);
    for (const line of markdown.split("\n")) {
      const outside = line.replace(/(`+)(?!`)[^]*?(?<!`)\1(?!`)/g, "");
      assert.doesNotMatch(outside, /[<>[\]#|]/, line);
    }
    const control = /[\u0000-\u0009\u000b-\u001f\u007f]/; // eslint-disable-line no-control-regex -- what must not be there
    assert.doesNotMatch(describeBroadenings(found), control);
    assert.doesNotMatch(markdown, control);
  });

  it("long lists are counted", () => {
    const actions = Array.from({ length: 9 }, (_, at) => `s3:A${at}`);
    assert.match(describeBroadenings([{ ...broadening, actions }]), /s3:A5 and 3 more on \*/);
    assert.match(describeBroadenings([{ ...broadening, actions }], { listLimit: 9 }), /s3:A8 on \*/);
    assert.equal(describeBroadenings([]), "");
  });
});

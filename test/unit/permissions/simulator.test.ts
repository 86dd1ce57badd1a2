import { strict as assert } from "node:assert";
import * as fc from "fast-check";
import {
  type Broadening,
  broadenings,
  extractGrants,
  type Grants,
  type PolicyStatement,
} from "../../../automation/permissions";
import { context, edited, identityStatement, resourceStatement, trustStatement } from "./support/generate";
import { askers, flipped, type Policies, takenBy } from "./support/simulate";
import { ACCOUNT, bucket, bucketPolicy, policy, role, rolePolicy, state } from "./support/states";

/** About two of five changes are silent. More runs (TRIBUTARY_PROPERTY_RUNS) find what is rare; 1,500 take minutes. */
const RUNS = Number(process.env.TRIBUTARY_PROPERTY_RUNS ?? 20);
const contexts = fc.array(context, { minLength: 6, maxLength: 6 });

const BOUNDARY = `arn:aws:iam::${ACCOUNT}:policy/limit`;

function compared(before: Policies, after: Policies): Promise<Broadening[]> {
  const states = ({ identity, boundary, resource }: Policies) => [
    role("r", boundary ? { permissionsBoundary: BOUNDARY } : {}),
    ...(identity ? [rolePolicy("r", policy(identity))] : []),
    ...(boundary
      ? [
          state(
            "aws:iam/policy:Policy",
            "limit",
            { name: "limit", policy: JSON.stringify(policy(boundary)) },
            { arn: BOUNDARY },
          ),
        ]
      : []),
    bucket("a"),
    ...(resource ? [bucketPolicy("a", policy(resource))] : []),
  ];
  return broadenings(extractGrants(states(before)), extractGrants(states(after)));
}

/** Whenever nothing is found, the simulator has to find nothing either. */
async function holds(pairs: fc.Arbitrary<[Policies, Policies]>, principals: readonly string[]): Promise<void> {
  let silent = 0;
  await fc.assert(
    fc.asyncProperty(pairs, contexts, fc.nat(), async ([before, after], contexts, seed) => {
      if ((await compared(before, after)).length > 0) return;
      silent++;
      assert.equal(await flipped(before, after, principals, contexts, seed), undefined);
    }),
    { numRuns: RUNS },
  );
  assert.ok(silent > 0, `none of ${RUNS} changes was silent: the simulator had nothing to say`);
}

describe("permission broadening against an independent simulator", () => {
  it("a role's policy: what is silent lets no request through", () =>
    holds(
      edited(identityStatement).map(([before, after]) => [{ identity: before }, { identity: after }]),
      askers.role,
    ));

  it("a bucket's policy: what is silent lets no request through, whoever asks", () =>
    holds(
      fc
        .tuple(edited(resourceStatement), fc.array(identityStatement, { maxLength: 2 }))
        .map(([[before, after], identity]) => [
          { identity, resource: before },
          { identity, resource: after },
        ]),
      askers.everybody,
    ));

  it("a role's policy under a boundary, with a bucket's policy: what is silent lets no request through", () =>
    holds(
      fc
        .tuple(
          edited(identityStatement),
          fc.array(identityStatement, { minLength: 1, maxLength: 2 }),
          fc.array(resourceStatement, { maxLength: 1 }),
        )
        .map(([[before, after], boundary, resource]) => [
          { identity: before, boundary, resource },
          { identity: after, boundary, resource },
        ]),
      askers.role,
    ));

  it("a boundary: what is silent lets no request through", () =>
    holds(
      fc
        .tuple(edited(identityStatement), fc.array(identityStatement, { minLength: 1, maxLength: 2 }))
        .map(([[before, after], identity]) => [
          { identity, boundary: before },
          { identity, boundary: after },
        ]),
      askers.role,
    ));

  it("a trust policy: what is silent lets nobody take the role", async () => {
    let silent = 0;
    await fc.assert(
      fc.asyncProperty(edited(trustStatement), contexts, async ([before, after], contexts) => {
        const roles = [before, after].map((trust) => [role("r", { assumeRolePolicy: JSON.stringify(policy(trust)) })]);
        const [one, two] = roles.map(extractGrants) as [Grants, Grants];
        if ((await broadenings(one, two)).length > 0) return;
        silent++;
        assert.equal(await takenBy(before, after, contexts), undefined);
      }),
      { numRuns: RUNS },
    );
    assert.ok(silent > 0, `none of ${RUNS} changes was silent: the simulator had nothing to say`);
  });
});

describe("permission broadening: what is no broadening", () => {
  const statements = fc.array(identityStatement, { minLength: 1, maxLength: 4 });
  const silent = async (before: readonly PolicyStatement[], after: readonly PolicyStatement[]) =>
    assert.deepEqual(await compared({ identity: before }, { identity: after }), []);

  it("order, names, spelling and splitting of statements", () =>
    fc.assert(
      fc.asyncProperty(statements, async (before) => {
        const after = before.flatMap(split).map(respelled).reverse();
        await silent(before, after);
        await silent(after, before);
      }),
      { numRuns: RUNS },
    ));

  it("an Allow less, a Deny more, a condition more on an Allow", () =>
    fc.assert(
      fc.asyncProperty(statements, identityStatement, fc.nat(), async (before, other, at) => {
        const which = at % before.length;
        await silent(
          before,
          before.filter(({ Effect }, index) => Effect === "Deny" || index !== which),
        );
        await silent(before, [...before, { ...other, Effect: "Deny" }]);
        const stricter = { StringEquals: { "aws:SourceVpc": "vpc-9" } };
        const limited = before.map((each, index) =>
          each.Effect === "Allow" && index === which && !each.Condition ? { ...each, Condition: stricter } : each,
        );
        await silent(before, limited);
      }),
      { numRuns: RUNS },
    ));

  it("what one may do today, the administrator may", () =>
    fc.assert(
      fc.asyncProperty(statements, async (after) => {
        await silent(
          [{ Effect: "Allow", Action: "*", Resource: "*" }],
          after.map((each) => ({ ...each, Effect: "Allow" })),
        );
      }),
      { numRuns: RUNS },
    ));
});

/** One statement for each action and resource; where the list is an exception, it cannot be split. */
function split(statement: PolicyStatement): PolicyStatement[] {
  const { Action, Resource } = statement;
  const actions = Array.isArray(Action)
    ? (Action as string[]).map((each) => ({ ...statement, Action: each }))
    : [statement];
  return Array.isArray(Resource)
    ? actions.flatMap((each) => (Resource as string[]).map((resource) => ({ ...each, Resource: resource })))
    : actions;
}

function respelled(statement: PolicyStatement, at: number): PolicyStatement {
  const { Action } = statement;
  return { ...statement, Sid: `S${at}`, ...(typeof Action === "string" && { Action: Action.toUpperCase() }) };
}

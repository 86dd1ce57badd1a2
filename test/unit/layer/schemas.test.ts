import fc from "fast-check";
import assert from "node:assert/strict";
import { toExecution } from "../../../automation/lake/executions";
import { forgetSchemas, recordSeen, type Seen } from "../../../layer/flow/schemas-seen";
import type { ObjectRef } from "../../../layer/messages";
import type { SchemaColumn } from "../../../layer/store/schemas";
import { useClients } from "../../../layer/clients";
import { serviceError } from "./fakes/command";
import { FakeLake, record } from "./fakes/lake";
import { controlTables } from "./fakes/tables";

const KEY = "engineering/meteorites/";

interface Version {
  version: string;
  columns: SchemaColumn[];
}

const versions = (lake: FakeLake) => lake.dynamodb.items<Version>("schemas");
const events = (lake: FakeLake) => lake.dynamodb.items<{ kind: string; detail: Record<string, unknown> }>("events");

function seen(fields: Record<string, string>): Seen {
  const ref = { team: "t", dataset: "d", keyId: "0".repeat(32), version: "1" } as ObjectRef;
  return { ref, fields: Object.entries(fields).map(([name, type]) => ({ name, type })) };
}

describe("layer: schemas that were seen", () => {
  it("are recorded with the first object, and again when a field or a wider type comes", async () => {
    const lake = new FakeLake();
    const send = async (name: string, body: string) => {
      await lake.arrive(`${KEY}${name}`, body);
      await lake.settle();
    };
    await send("1", record(1));
    await send("2", record(2));
    assert.deepEqual(
      versions(lake).map(({ version }) => Number(version)),
      [1],
    );
    await send("3", record(3, { colour: "red", mass: 5 }));
    await send("4", "[]");
    const [, second, ...more] = versions(lake);
    assert.equal(more.length, 0);
    assert.deepEqual(second?.columns.at(-1), { name: "colour", type: "string" });
    const [event, ...others] = events(lake).filter(({ kind }) => kind === "schema-changed");
    assert.equal(others.length, 0);
    assert.deepEqual(event?.detail, { version: 2, added: [{ name: "colour", type: "string" }], retyped: [] });
  });

  it("are not of objects that were rejected", async () => {
    const lake = new FakeLake();
    await lake.arrive(`${KEY}bad`, record(1, { id: "no number", colour: "red" }));
    await lake.settle();
    assert.equal(lake.object(`${KEY}bad`).status, "FAILED");
    assert.deepEqual(versions(lake), []);
  });

  it("fail no object when they cannot be recorded, and the next object tries again", async () => {
    const lake = new FakeLake();
    const send = lake.dynamodb.send.bind(lake.dynamodb);
    let refused = 0;
    lake.dynamodb.send = ((command: { input: { TableName?: string } }) => {
      if (command.input.TableName !== "schemas" || refused > 0) return send(command as never);
      refused++;
      return Promise.reject(serviceError("ProvisionedThroughputExceededException", 400));
    }) as never;
    for (const name of ["1", "2"]) {
      await lake.arrive(`${KEY}${name}`, record(1));
      await lake.settle();
      assert.equal(lake.object(`${KEY}${name}`).status, "PROCESSED");
      assert.equal(versions(lake).length, name === "1" ? 0 : 1);
    }
    assert.equal(refused, 1);
  });

  it("end the same in whatever order objects come, warm or cold, with versions that only grow", async () => {
    // It says where the tables are.
    new FakeLake();
    const types = fc.constantFrom("string", "bigint", "double", "object");
    const objects = fc.array(fc.dictionary(fc.constantFrom("a", "b", "c"), types), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(objects, fc.boolean(), async (list, cold) => {
        const last = async (order: Record<string, string>[]) => {
          const tables = controlTables();
          useClients({ dynamodb: tables as never });
          forgetSchemas();
          for (const fields of order) {
            await recordSeen([seen(fields)]);
            if (cold) forgetSchemas();
          }
          const all = tables.items<Version>("schemas");
          assert.ok(all.length <= 1 + 3 + 3 * 2, `${all.length} versions`);
          for (const [index, { columns }] of all.slice(1).entries())
            assert.ok(columns.length >= (all[index]?.columns.length ?? 0));
          return new Map((all.at(-1)?.columns ?? []).map(({ name, type }) => [name, type]));
        };
        const [there, back] = [await last(list), await last([...list].reverse())];
        assert.deepEqual([...there].sort(), [...back].sort());
      }),
      { numRuns: 40 },
    );
  });

  it("have an end, whatever producers invent", async () => {
    const lake = new FakeLake();
    for (let batch = 0; batch < 3; batch++)
      await recordSeen([
        seen(Object.fromEntries(Array.from({ length: 600 }, (_, at) => [`f${batch}-${at}`, "string"]))),
      ]);
    await recordSeen([seen({ ["n".repeat(300)]: "string" })]);
    assert.equal(versions(lake).length, 2);
    assert.equal(versions(lake).at(-1)?.columns.length, 1_000);
  });
});

describe("layer: quarantine in the flow", () => {
  const expectations = [{ check: "range", column: "mass_g", max: 100, rule: "quarantine" }] as const;
  const change = { expectations: [...expectations] };
  const quarantined = (lake: FakeLake) => lake.s3.keys("stage").filter((key) => key.startsWith("quarantine/"));

  it("keeps bad rows beside the table, counts them, and tells them in the history", async () => {
    const lake = new FakeLake(change);
    await lake.arrive(`${KEY}a`, `${record(1)}\n${record(2, { mass: "500" })}`);
    await lake.settle();
    const item = lake.object(`${KEY}a`) as unknown as { rows: number; quarantined: { key: string; rows: number } };
    assert.deepEqual([item.rows, item.quarantined.rows], [1, 1]);
    assert.deepEqual(quarantined(lake), [item.quarantined.key]);
    assert.equal(lake.files().length, 1);
    const [, entry] = lake.history().map((item) => toExecution(item as unknown as Record<string, unknown>));
    assert.equal(entry?.quarantined, 1);
    assert.deepEqual(entry?.expectations, [
      { name: "range(mass_g)", check: "range", column: "mass_g", rule: "quarantine", checked: 2, broken: 1 },
    ]);
  });

  it("goes with its version: what replaces an object replaces its quarantine", async () => {
    const lake = new FakeLake(change);
    for (const mass of ["500", "600", "1"]) {
      await lake.arrive(`${KEY}a`, record(1, { mass }));
      await lake.settle();
      assert.equal(quarantined(lake).length, mass === "1" ? 0 : 1, mass);
    }
  });

  it("tells what came of the expectations of an object that they rejected", async () => {
    const lake = new FakeLake({ expectations: [{ check: "range", column: "mass_g", max: 100, rule: "fail" }] });
    await lake.arrive(`${KEY}a`, record(1, { mass: "500" }));
    await lake.settle();
    const [failed] = lake
      .history()
      .filter(({ status }) => status === "FAILED")
      .map((item) => toExecution(item as unknown as Record<string, unknown>));
    assert.deepEqual(failed?.expectations, [
      { name: "range(mass_g)", check: "range", column: "mass_g", rule: "fail", checked: 1, broken: 1 },
    ]);
  });
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { useClients } from "../../../../layer/clients";
import { nextQuery } from "../../../../layer/engines/athena";
import { csvColumns } from "../../../../layer/engines/statements";
import { athenaStepSchema, type AthenaStep } from "../../../../layer/engines/steps";
import { publish } from "../../../../layer/flow/publish";
import { log } from "../../../../layer/log";
import type { HandedOver, ProcessedB, StageBState } from "../../../../layer/messages";
import { forgetDatasets } from "../../../../layer/store/datasets";
import { newItem, type ObjectItem } from "../../../../layer/store/metadata";
import { FakeS3 } from "../fakes/s3";
import { controlTables, TABLE_VARIABLES } from "../fakes/tables";
import { FakeAthena } from "./fakeAthena";
import { batch, stone, stones } from "./support";

const manifest = stones({ partitionBy: [], output: { ...stones().output, format: "iceberg" } });
const HEADER = "id,name,mass,price,seen,kept,place";

/** Versions of one object on their way into an Iceberg table, each a step at a time. */
class Table {
  readonly dynamodb = controlTables();
  private readonly s3 = new FakeS3();
  readonly athena = new FakeAthena(this.s3, csvColumns(manifest));
  /** Keeps the object's story where other versions are put beside it. */
  private readonly flights = new Map<string, Flight>();

  static async create(): Promise<Table> {
    const table = new Table();
    const { team, dataset } = manifest;
    Object.assign(process.env, TABLE_VARIABLES, { STAGE_B_STATE_MACHINE_ARN: "machine-b", STAGE_BUCKET: "stage" });
    Object.assign(process.env, { DATABASE_NAME: "lake", INPUT_DATABASE_NAME: "input" });
    log.setLogLevel("SILENT");
    forgetDatasets();
    table.dynamodb.put("datasets", { team, dataset, table: "stones", manifest: JSON.stringify(manifest) });
    useClients({ s3: table.s3 as never, dynamodb: table.dynamodb as never, athena: table.athena.client });
    const types: Record<string, string> = { string: "VARCHAR" };
    await table.athena.createTable(
      "stones",
      manifest.output.columns.map(({ name, type }) => `${name} ${types[type] ?? type}`),
    );
    return table;
  }

  /** A version with one row, or with none: the transform leaves out ids below 1. */
  version(number: number, rows: 0 | 1): HandedOver {
    const item = stone("a", {
      ...{ version: `v${number}`, sequencer: String(number), preKey: `pre/${number}.csv`, rows: 1 },
    });
    this.s3.put("stage", item.preKey, `${HEADER}\n${rows === 1 ? number : -number},n,1,1,,,Rome\n`);
    const known: ObjectItem = { ...newItem(item, "2026-02-02T00:00:00.000Z"), status: "STAGE_B" };
    this.dynamodb.put("objects", { ...known });
    return item;
  }

  /** Does the version's next step; answers the statement that was run, if any. */
  async step(item: HandedOver): Promise<string | undefined> {
    const flight = this.flights.get(item.version) ?? new Flight(item, this.athena);
    this.flights.set(item.version, flight);
    return flight.next();
  }

  /** Takes a version all the way. */
  async all(item: HandedOver): Promise<(string | undefined)[]> {
    const statements = [];
    for (let step = 0; step < STEPS; step++) statements.push(await this.step(item));
    return statements;
  }

  /** Takes a failed version back, with what it committed in the table. */
  forget(item: HandedOver): void {
    this.flights.delete(item.version);
  }

  async ids(): Promise<unknown[]> {
    return (await this.athena.rows("SELECT id FROM lake.stones ORDER BY id")).flat();
  }

  item({ version }: HandedOver): ObjectItem | undefined {
    return this.dynamodb.items<ObjectItem>("objects").find((one) => one.version === version);
  }
}

/** Steps of a version: asking what to commit, committing, publishing, removing what is stale. */
const STEPS = 4;

class Flight {
  private step = 0;
  private asked: AthenaStep | undefined;
  private processed: ProcessedB[] = [];
  private published: StageBState | undefined;

  constructor(
    private readonly item: HandedOver,
    private readonly athena: FakeAthena,
  ) {}

  next(): Promise<string | undefined> {
    return [() => this.ask(), () => this.commit(), () => this.publish(), () => this.remove()][this.step++]!();
  }

  private async ask(): Promise<undefined> {
    const { team, dataset } = this.item;
    const begun = athenaStepSchema.parse({ step: "athena", team, dataset, batchId: "batch-1", item: this.item });
    const check = (await nextQuery(begun)) as AthenaStep;
    this.asked = (await nextQuery(await this.ran(check))) as AthenaStep;
    assert.equal(this.asked.phase, "write");
  }

  private async commit(): Promise<string | undefined> {
    const step = this.asked as AthenaStep;
    this.processed = ((await nextQuery(await this.ran(step))) as { processed: ProcessedB[] }).processed;
    return step.query?.sql;
  }

  private async publish(): Promise<undefined> {
    this.published = await publish({ ...batch([this.item]), format: "iceberg", processed: this.processed });
  }

  private async remove(): Promise<string | undefined> {
    const sql = this.published?.stale?.sql;
    if (sql !== undefined) await this.athena.run(sql);
    return sql;
  }

  private async ran(step: AthenaStep): Promise<AthenaStep> {
    const id = await this.athena.run(step.query?.sql ?? "");
    return athenaStepSchema.parse({ ...step, finished: { id, milliseconds: 1, bytesScanned: 1 } });
  }
}

/** All orders of the steps of two versions. */
function orders(left: number, right: number): (0 | 1)[][] {
  if (left === 0 || right === 0) return [[...Array<0>(left).fill(0), ...Array<1>(right).fill(1)]];
  const begin = (which: 0 | 1, rest: (0 | 1)[][]) => rest.map((order) => [which, ...order]);
  return [...begin(0, orders(left - 1, right)), ...begin(1, orders(left, right - 1))];
}

describe("layer: versions of an object in an Iceberg table", function () {
  this.timeout(60_000);

  it("replaces rows by those of a later version, with one statement each", async () => {
    const table = await Table.create();
    for (const [number, rows, ids] of [
      [1, 1, [1]],
      [2, 1, [2]],
      [3, 0, []],
      [4, 1, [4]],
    ] as const) {
      const [, commit, , removal] = await table.all(table.version(number, rows));
      assert.match(commit ?? "", /^MERGE INTO "lake"\."stones"/);
      assert.equal(removal, undefined);
      assert.deepEqual(await table.ids(), ids);
    }
  });

  it("commits no rows of a version when a later one without rows is current, and counts them as a loser's", async () => {
    const table = await Table.create();
    const [earlier, later] = [table.version(1, 1), table.version(2, 0)];
    await table.all(later);
    const [, commit, , removal] = await table.all(earlier);
    assert.match(commit ?? "", /^DELETE FROM "lake"\."stones" WHERE/);
    assert.equal(removal, undefined, "nothing came between");
    assert.deepEqual(await table.ids(), []);
    const { status, supersededBy, rows } = table.item(earlier) as ObjectItem;
    assert.deepEqual([status, supersededBy, rows], ["PROCESSED", "v2", 1]);
  });

  it("removes what a version committed before its batch broke off, when it is redriven after a later one", async () => {
    const table = await Table.create();
    const [earlier, later] = [table.version(1, 1), table.version(2, 0)];
    await table.step(earlier);
    await table.step(later);
    await table.step(later);
    await table.step(earlier);
    for (const _ of ["publish", "remove"]) await table.step(later);
    assert.deepEqual(await table.ids(), [1]);
    table.forget(earlier);
    await table.all(earlier);
    assert.deepEqual(await table.ids(), []);
  });

  for (const [what, earlierRows, laterRows] of [
    ["a later version without rows", 1, 0],
    ["an earlier version without rows", 0, 1],
    ["two versions with rows", 1, 1],
  ] as const) {
    it(`holds the later version's rows after ${what}, in whatever order their steps are done`, async () => {
      for (const order of orders(STEPS, STEPS)) {
        const table = await Table.create();
        const versions = [table.version(1, earlierRows), table.version(2, laterRows)] as const;
        for (const which of order) await table.step(versions[which]);
        assert.deepEqual(await table.ids(), laterRows === 1 ? [2] : [], order.join(""));
        assert.equal(table.item(versions[0])?.supersededBy, "v2", order.join(""));
      }
    });
  }

  it("does so for any number of versions", async () => {
    const rows = fc.constantFrom<0 | 1>(0, 1);
    const cases = fc.array(rows, { minLength: 3, maxLength: 4 }).chain((all) =>
      fc.tuple(
        fc.constant(all),
        fc.shuffledSubarray(
          all.flatMap((_, index) => Array.from({ length: STEPS }, (__, step) => ({ index, step }))),
          { minLength: all.length * STEPS },
        ),
      ),
    );
    const run = async ([all, order]: [(0 | 1)[], { index: number }[]]) => {
      const table = await Table.create();
      const versions = all.map((each, index) => table.version(index + 1, each));
      for (const { index } of order) await table.step(versions[index] as HandedOver);
      assert.deepEqual(await table.ids(), all.at(-1) === 1 ? [all.length] : []);
    };
    await fc.assert(fc.asyncProperty(cases, run), { numRuns: 60 });
  });

  it("removes nothing where versions of a batch follow each other", async () => {
    const table = await Table.create();
    const versions = [table.version(1, 1), table.version(2, 1)];
    const state: StageBState = { ...batch(versions), format: "iceberg" };
    const processed = versions.map((item): ProcessedB => {
      return { item, files: [], partitions: [], rows: 1, attempt: 1, seen: "" };
    });
    assert.equal((await publish({ ...state, processed })).stale, undefined);
    // A publication that runs again does not know what it replaced.
    assert.match((await publish({ ...state, processed })).stale?.sql ?? "", /^DELETE/);
  });
});

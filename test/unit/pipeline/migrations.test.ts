import { strict as assert } from "node:assert";
import { mkdir, writeFile } from "node:fs/promises";
import * as path from "node:path";
import fc from "fast-check";
import { athenaWarehouse } from "../../../automation/pipeline/steps/migrations/athena";
import { pending, readMigrations } from "../../../automation/pipeline/steps/migrations/files";
import { forgetOwnMigrations, historyPrefix } from "../../../automation/pipeline/steps/migrations/history";
import { filled, nameLake } from "../../../automation/pipeline/steps/migrations/placeholders";
import { redshiftWarehouse } from "../../../automation/pipeline/steps/migrations/redshift";
import { splitStatements } from "../../../automation/pipeline/steps/migrations/split";
import { isKey, type ObjectStore } from "../../../automation/backend";
import { fails } from "../support/fails";
import { temporaryFolder } from "./support";

const migration = (name: string, checksum = name) => ({ name, checksum, statements: [`select '${name}'`] });

describe("SQL migrations", () => {
  it("splits a file at the semicolons that end statements", () => {
    const sql = `-- first; comment\ncreate table a (x varchar default 'it''s; here'); /* ; */\ninsert into "b;c" values ($$ ; $$, $tag$ ; $$ ; $tag$);\n-- the end;\n;;`;
    const [first, second, ...others] = splitStatements(sql);
    assert.match(first!, /^-- first; comment\ncreate table a .*here'\)$/);
    assert.match(second!, /^\/\* ; \*\/\ninsert into "b;c" .* \$tag\$\)$/);
    assert.deepEqual(others, []);
  });

  it("loses nothing of statements without quotes, and ends for any text", () => {
    const word = fc
      .string({ unit: fc.constantFrom("a", "B", "7", " ", "\n"), minLength: 1, maxLength: 8 })
      .filter((text) => text.trim() !== "");
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), (words) => {
        assert.deepEqual(
          splitStatements(words.join(";")),
          words.map((each) => each.trim()),
        );
      }),
      { numRuns: 50 },
    );
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) =>
        splitStatements(text).every((each) => each.trim() !== ""),
      ),
    );
  });

  it("runs what was not run, and refuses histories that do not fit", () => {
    const all = [migration("1_a.sql"), migration("2_b.sql"), migration("10_c.sql")];
    assert.deepEqual(
      pending(all, [all[0]!]).map(({ name }) => name),
      ["2_b.sql", "10_c.sql"],
    );
    assert.deepEqual(pending(all, all), []);
    const code = (applied: { name: string; checksum: string }[]) => {
      try {
        pending(all, applied);
        return "none";
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    assert.equal(code([{ name: "1_a.sql", checksum: "other" }]), "MigrationChanged");
    assert.equal(code([migration("0_gone.sql")]), "MigrationGone");
    assert.equal(code([migration("2_b.sql")]), "MigrationOutOfOrder");
  });

  it("reads a folder by the numbers of its files, and tells all that is wrong with them", async () => {
    const { folder, remove } = await temporaryFolder();
    try {
      for (const [name, text] of Object.entries({ "2_b.sql": "select 2", "10_c.sql": "select 10; select 11" }))
        await writeFile(path.join(folder, name), text);
      const read = await readMigrations(folder);
      assert.deepEqual(
        read.map(({ name, statements }) => [name, statements.length]),
        [
          ["2_b.sql", 1],
          ["10_c.sql", 2],
        ],
      );
      await writeFile(path.join(folder, "02_twice.sql"), "-- nothing");
      await writeFile(path.join(folder, "unnumbered.sql"), "select 1");
      const { message } = await fails(readMigrations(folder), "MigrationsInvalid");
      for (const part of [/unnumbered\.sql: allowed is/, /have the same number/, /02_twice\.sql holds no statement/])
        assert.match(message, part);
      await mkdir(path.join(folder, "empty"));
      await fails(readMigrations(path.join(folder, "empty")), "MigrationsInvalid");
    } finally {
      await remove();
    }
  });

  it("remembers a folder by itself: however it is written, apart from folders below it, other databases and other stacks", () => {
    const stack = { project: "tributary", name: "dev" };
    const prefix = (folder: string, database?: string) =>
      historyPrefix("/checkout", stack, path.resolve("/checkout", folder), database);
    assert.equal(prefix("sql"), "migrations/tributary/dev/lake-own/sql/");
    assert.equal(prefix("./sql/../sql/"), prefix("/checkout/sql"));
    const all = ["sql", "sql/events", "sql-events", "sql/Events", ".", "..", "_/ü"].map((folder) => prefix(folder));
    all.push(
      prefix("sql", "warehouse"),
      historyPrefix("/checkout", { ...stack, name: "prod" }, "/checkout/sql", undefined),
    );
    assert.equal(new Set(all).size, all.length);
    for (const one of all) {
      assert.ok(isKey(`${one}0001_first.sql.json`), one);
      assert.ok(all.every((other) => other === one || !other.startsWith(one)));
    }
  });

  it("fills in what a statement names of the lake, and knows nothing else", () => {
    const lake = {
      ...Object.fromEntries(["stageBucket", "workgroup", "region", "account"].map((each) => [each, each])),
    };
    const outputs = { ...lake, rawBucket: "raw", analyticsBucket: "lake-1", database: "db" } as never;
    const one = (text: string) => [{ ...migration("1_a.sql"), statements: ["select '$x {y}'", text] }];
    assert.equal(nameLake(one("select 1")), false);
    assert.equal(nameLake(one("location 's3://${analyticsBucket}/a'")), true);
    const [first] = filled(one("location 's3://${analyticsBucket}/${database}/a'"), outputs);
    assert.deepEqual(first?.statements, ["select '$x {y}'", "location 's3://lake-1/db/a'"]);
    assert.equal(first?.checksum, "1_a.sql");
    assert.throws(() => filled(one("${bucket}"), outputs), /1_a\.sql: found \$\{bucket\}; allowed: \$\{rawBucket\}/);
  });

  describe("in Athena", () => {
    /** Gives the same execution for the same token, as Athena does; each has the state that there was when it began. */
    const place = (state: () => string) => {
      const records = new Map<string, string>();
      const tokens: string[] = [];
      const executions = new Map<string, string>();
      const store = {
        place: "store/",
        list: (prefix: string) => Promise.resolve([...records.keys()].filter((key) => key.startsWith(prefix))),
        get: (key: string) => Promise.resolve(records.has(key) ? { text: records.get(key), version: "1" } : undefined),
        createOnly: (key: string, text: string) =>
          Promise.resolve(!records.has(key) && Boolean(records.set(key, text))),
        delete: (key: string) => Promise.resolve(void records.delete(key)),
      } as unknown as ObjectStore;
      const send = ({ input }: { input: Record<string, unknown> }) => {
        if (typeof input.ClientRequestToken === "string") {
          const id = `q-${input.ClientRequestToken.slice(0, 16)}`;
          tokens.push(input.ClientRequestToken);
          if (!executions.has(id)) executions.set(id, state());
          return Promise.resolve({ QueryExecutionId: id });
        }
        const State = executions.get(String(input.QueryExecutionId));
        return Promise.resolve({ QueryExecution: { Status: { State, StateChangeReason: "no such table" } } });
      };
      const client = { send } as never;
      return {
        records,
        tokens,
        executions,
        store,
        warehouse: athenaWarehouse({ client, workgroup: "w", database: "d", store, prefix: "m/", interval: 1 }),
      };
    };

    it("remembers what succeeded, and starts a statement once, however often a run is cut off", async () => {
      const { warehouse, tokens, executions, store } = place(() => "SUCCEEDED");
      const createOnly = store.createOnly.bind(store);
      store.createOnly = () => Promise.reject(new Error("killed"));
      await assert.rejects(warehouse.apply(migration("1_a.sql")), /killed/);
      store.createOnly = createOnly;
      await warehouse.apply(migration("1_a.sql"));
      assert.deepEqual([tokens.length, executions.size], [2, 1]);
      assert.match(tokens[0] ?? "", /^[0-9a-f]{64}$/);
      assert.deepEqual(
        (await warehouse.applied()).map(({ name, checksum }) => [name, checksum]),
        [["1_a.sql", "1_a.sql"]],
      );
    });

    it("runs a statement that failed again, although Athena gives the failed execution for its token", async () => {
      let state = "FAILED";
      const { warehouse, executions } = place(() => state);
      for (const count of [1, 2]) {
        const { message } = await fails(warehouse.apply(migration("1_a.sql")), "MigrationFailed");
        assert.match(message, /1_a\.sql, statement 1 .*no such table/);
        assert.equal(executions.size, count);
        assert.deepEqual(await warehouse.applied(), []);
      }
      state = "SUCCEEDED";
      await warehouse.apply(migration("1_a.sql"));
      assert.deepEqual([...executions.values()], ["FAILED", "FAILED", "SUCCEEDED"]);
      assert.equal((await warehouse.applied()).length, 1);
    });

    it("forgets what was run in a lake that is gone, and nothing of other databases and stacks", async () => {
      const { store, records } = place(() => "SUCCEEDED");
      const keys = [
        "dev/lake-own/sql/1_a.sql.json",
        "dev/warehouse/sql/1_a.sql.json",
        "dev.eu/lake-own/sql/1_a.sql.json",
      ];
      for (const key of keys) records.set(`migrations/tributary/${key}`, "{}");
      await forgetOwnMigrations(store, { project: "tributary", name: "dev" });
      assert.deepEqual(
        [...records.keys()],
        keys.slice(1).map((key) => `migrations/tributary/${key}`),
      );
    });

    it("does not go on over a record that it cannot read", async () => {
      const { warehouse, records } = place(() => "SUCCEEDED");
      records.set("m/1_a.sql.json", "{");
      await fails(warehouse.applied(), "MigrationRecordInvalid");
    });
  });

  describe("in Redshift", () => {
    const connect = (status: string) => {
      const batches: string[][] = [];
      const send = ({ input, constructor }: { input: Record<string, unknown>; constructor: { name: string } }) => {
        if (constructor.name === "BatchExecuteStatementCommand") batches.push(input.Sqls as string[]);
        if (constructor.name === "GetStatementResultCommand")
          return Promise.resolve({ Records: [[{ stringValue: "1_a.sql" }, { stringValue: "abc  " }]] });
        if (constructor.name !== "DescribeStatementCommand") return Promise.resolve({ Id: constructor.name });
        const batch = input.Id === "BatchExecuteStatementCommand";
        const SubStatements = [
          { Status: "FINISHED" },
          { Status: "FINISHED" },
          { Status: "FAILED", Error: "syntax error" },
        ];
        return Promise.resolve(batch ? { Status: status, SubStatements } : { Status: "FINISHED" });
      };
      return {
        batches,
        warehouse: redshiftWarehouse({ client: { send } as never, workgroup: "w", database: "d", interval: 1 }),
      };
    };

    it("runs a migration and remembers it in one transaction that happens once", async () => {
      const { batches, warehouse } = connect("FINISHED");
      assert.deepEqual(await warehouse.applied(), [{ name: "1_a.sql", checksum: "abc" }]);
      await warehouse.apply(migration("2_it's.sql"));
      const [lock, once, statement, remember] = batches[0]!;
      assert.equal(lock, "lock tributary_migrations");
      assert.match(once!, /^select 1 \/ .* where name = '2_it''s\.sql'/);
      assert.equal(statement, "select '2_it's.sql'");
      assert.match(remember!, /^insert into tributary_migrations \(name, checksum\) values \('2_it''s\.sql', /);
    });

    it("names the statement that failed", async () => {
      const { message } = await fails(connect("FAILED").warehouse.apply(migration("2_b.sql")), "MigrationFailed");
      assert.match(message, /2_b\.sql, statement 1 .*syntax error; nothing of the file was applied/);
    });
  });
});

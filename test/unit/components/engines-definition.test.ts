import assert from "node:assert/strict";
import validate from "asl-validator";
import { stageBDefinition } from "../../../components/stages/stageBDefinition";
import { execute, type Functions, Thrown } from "./support/interpreter";

/* eslint-disable @typescript-eslint/no-explicit-any -- definitions and data of state machines */
const lambda = (name: string) => `arn:aws:lambda:eu-west-1:123456789012:function:${name}:live`;
const functions = {
  ...{ processData: lambda("process"), checkJob: lambda("check"), crawlData: lambda("crawl") },
  ...{ postUpdate: lambda("post"), error: lambda("error") },
};
const engines = {
  glue: { job: "tributary-dev-transform", margin: 600 },
  athena: { workgroup: "tributary-dev-lake", database: "tributary_dev_lake", objects: 5, timeout: 1_860 },
};
const iceberg = { workgroup: "tributary-dev-lake", database: "tributary_dev_lake", timeout: 600 };
const definition = (some: Partial<typeof engines & { iceberg: typeof iceberg }>) =>
  stageBDefinition(functions, { partition: "aws", timeout: 108_000, engines: some });

const GLUE = "glue:startJobRun.sync";
const ATHENA = "athena:startQueryExecution.sync";
const item = (keyId: string) => ({ keyId });
const input = (engine: string, keys = ["a"], more = {}) => ({
  ...{ team: "t", dataset: "d", batchId: "b", startedAt: "now", engine, items: keys.map(item) },
  ...more,
});
const pass = (state: any) => state;
const others: Functions = {
  [lambda("process")]: (state) => ({ ...state, processed: [], failed: [], failedCount: 0 }),
  ...{ [lambda("crawl")]: pass, [lambda("post")]: pass, [lambda("error")]: pass },
};

describe("stage B's definition with other engines", function () {
  this.timeout(20_000);

  for (const some of [{ glue: engines.glue }, { athena: engines.athena }, engines, { ...engines, iceberg }]) {
    const names = Object.keys(some).join(" and ");
    it(`is valid: ${names}`, () => {
      const { isValid, errorsText } = validate(definition(some) as never, { checkArn: true, checkPaths: true });
      assert.ok(isValid, errorsText("\n"));
    });
  }

  it("has no states of engines that no dataset uses", () => {
    assert.ok(!JSON.stringify(definition({})).includes(".sync"));
    assert.equal(definition({}).StartAt, "ProcessData");
    assert.ok(!("RunJob" in definition({ athena: engines.athena }).States));
  });

  it("polls nothing: no state waits", () => {
    assert.ok(!JSON.stringify(definition(engines)).includes('"Wait"'));
  });

  it("leaves batches of DuckDB to the function", async () => {
    const { path } = await execute(definition(engines), others, input("duckdb"));
    assert.deepEqual(path, ["Engine", "ProcessData", "CrawlData", "PostUpdate", "AnyFailed", "Done"]);
  });

  it("takes a batch that was started before engines were told as one of DuckDB", async () => {
    const { engine: _, ...former } = input("duckdb");
    const { path } = await execute(definition(engines), others, former);
    assert.equal(path[1], "ProcessData");
  });
});

describe("stage B's definition for Iceberg tables", () => {
  const stale = { sql: "DELETE FROM t WHERE x" };
  const asked: any[] = [];
  const all = (posted: object, remove: (args: any) => any = (args) => (asked.push(args), { QueryExecution: {} })) => ({
    ...others,
    [lambda("post")]: (state: any) => ({ ...state, ...posted }),
    [lambda("error")]: () => ({ failed: ["a"] }),
    [ATHENA]: remove,
  });
  const both = { ...engines, iceberg };

  it("removes stale rows when all is published, in the lake's workgroup", async () => {
    asked.length = 0;
    const { path } = await execute(definition(both), all({ stale }), input("duckdb"));
    assert.deepEqual(path.slice(-4), ["AnyFailed", "AnyStale", "RemoveStale", "Done"]);
    const context = { Database: "tributary_dev_lake" };
    assert.deepEqual(asked, [
      { QueryString: stale.sql, WorkGroup: "tributary-dev-lake", QueryExecutionContext: context },
    ]);
  });

  it("removes them behind Error, too, whose answer says nothing of them", async () => {
    const { path } = await execute(definition(both), all({ stale, failedCount: 1 }), input("duckdb"));
    assert.deepEqual(path.slice(-4), ["Error", "AnyStale", "RemoveStale", "Done"]);
  });

  it("has nothing to do for most batches, and no such state where no table is one", async () => {
    const { path } = await execute(definition(both), all({}), input("duckdb"));
    assert.deepEqual(path.slice(-3), ["AnyFailed", "AnyStale", "Done"]);
    assert.ok(!("RemoveStale" in definition(engines).States));
  });

  it("ends as failed when they cannot be removed, and gives no object a second outcome", async () => {
    const refused = () => {
      throw new Thrown("ICEBERG_COMMIT_ERROR", "States.TaskFailed");
    };
    await assert.rejects(execute(definition(both), all({ stale }, refused), input("duckdb")), Thrown);
  });
});

describe("stage B's definition for Glue", () => {
  const job = { request: "s3://s/r.json", result: "s3://s/a.json", workers: 4, workerType: "G.1X", timeout: 120 };
  const run = { Id: "jr_1", ExecutionTime: 90, MaxCapacity: 4, JobRunState: "SUCCEEDED" };
  const check = (state: any) => {
    const { step, ...rest } = state;
    if (step === "prepare") return { ...rest, glue: job };
    assert.equal(step, "collect");
    const failed = rest.glue.run.error ? rest.items.map((one: any) => ({ item: one })) : [];
    return { ...rest, processed: rest.items, failed, failedCount: failed.length };
  };

  it("starts the job with what the batch needs, waits for it, and collects what it made", async () => {
    const started: any[] = [];
    const glue = (args: any) => (started.push(args), run);
    const { path, output } = await execute(
      definition(engines),
      { ...others, [lambda("check")]: check, [GLUE]: glue },
      input("glue"),
    );
    const work = ["Engine", "PrepareJob", "RunJob", "CollectJob", "CrawlData"];
    assert.deepEqual(path, [...work, "PostUpdate", "AnyFailed", "Done"]);
    assert.deepEqual(started, [
      {
        JobName: "tributary-dev-transform",
        Arguments: { "--request": "s3://s/r.json", "--result": "s3://s/a.json" },
        ...{ WorkerType: "G.1X", NumberOfWorkers: 4, Timeout: 120 },
      },
    ]);
    assert.deepEqual(output.glue.run, { id: "jr_1", seconds: 90, dpuSeconds: 360 });
  });

  it("takes the seconds that a job of flexible size was billed for", async () => {
    const glue = () => ({ ...run, DPUSeconds: 123 });
    const all = { ...others, [lambda("check")]: check, [GLUE]: glue };
    const { output } = await execute(definition(engines), all, input("glue"));
    assert.equal(output.glue.run.dpuSeconds, 123);
  });

  for (const error of ["States.TaskFailed", "States.Timeout", "Glue.EntityNotFoundException"]) {
    it(`tells the objects' failure after ${error}`, async () => {
      const glue = () => {
        throw new Thrown("it failed", error, '{"ErrorMessage":"out of memory"}');
      };
      const all = { ...others, [lambda("check")]: check, [GLUE]: glue };
      const { path, output } = await execute(definition(engines), all, input("glue", ["a", "b"]));
      assert.deepEqual(path.slice(3), ["CollectJob", "CrawlData", "PostUpdate", "AnyFailed", "Error", "Done"]);
      assert.deepEqual(output.glue.run, { error, cause: '{"ErrorMessage":"out of memory"}' });
      assert.equal(output.failed.length, 2);
    });
  }

  it("sends the whole batch to Error when a step throws to the end", async () => {
    const broken = () => {
      throw new Thrown("broken");
    };
    const { path, output } = await execute(
      definition(engines),
      { ...others, [lambda("check")]: broken },
      input("glue"),
    );
    assert.deepEqual(path.slice(-2), ["Error", "Done"]);
    assert.match(output.cause.Cause, /broken/);
  });
});

describe("stage B's definition for Athena", () => {
  const queries: any[] = [];
  const athena = (args: any) => {
    queries.push(args);
    if (args.QueryString.includes("bad")) throw new Thrown("failed", "States.TaskFailed", '{"Status":{}}');
    const Statistics = { TotalExecutionTimeInMillis: 5, DataScannedInBytes: 7 };
    return { QueryExecution: { QueryExecutionId: `q${queries.length}`, Statistics } };
  };
  /** Two queries for every object, then its result. */
  const check = (step: any) => {
    assert.equal(step.step, "athena");
    const { finished, item: one, used = [] } = step;
    if (finished?.error) return { processed: [], failed: [{ item: one, error: finished.error }], used };
    const told = finished ? [...used, { by: "athena", bytesScanned: finished.bytesScanned }] : used;
    if (told.length === 2) return { processed: [{ item: one, files: [], rows: 1 }], failed: [], used: told };
    return { ...step, used: told, query: { sql: `${one.keyId} ${told.length}`, token: "x".repeat(64) } };
  };
  const all = { ...others, [lambda("check")]: check, [ATHENA]: athena };
  beforeEach(() => queries.splice(0));

  it("asks for every object's queries one after the other and runs them in the workgroup", async () => {
    const { path, output } = await execute(definition(engines), all, input("athena", ["a", "b", "c"]));
    assert.deepEqual(path, ["Engine", "Athena", "CrawlData", "PostUpdate", "AnyFailed", "Done"]);
    assert.equal(queries.length, 6);
    const { QueryString, ...rest } = queries[0];
    assert.equal(QueryString, "a 0");
    assert.deepEqual(rest, {
      ClientRequestToken: "x".repeat(64),
      WorkGroup: "tributary-dev-lake",
      QueryExecutionContext: { Database: "tributary_dev_lake" },
    });
    assert.deepEqual(
      output.processed.map((one: any) => one.item.keyId),
      ["a", "b", "c"],
    );
    assert.deepEqual([output.failed, output.failedCount, output.used.length], [[], 0, 6]);
  });

  it("keeps lists of one, and of none", async () => {
    const one = (await execute(definition(engines), all, input("athena", ["a"]))).output;
    assert.deepEqual([one.processed.length, one.failed], [1, []]);
    const none = (await execute(definition(engines), all, input("athena", ["bad"]))).output;
    assert.deepEqual([none.processed, none.failed.length, none.failedCount], [[], 1, 1]);
  });

  it("fails one object whose query fails, and no other", async () => {
    const { path, output } = await execute(definition(engines), all, input("athena", ["a", "bad", "c"]));
    assert.deepEqual(path.slice(-3), ["AnyFailed", "Error", "Done"]);
    assert.deepEqual(output.failed, [{ item: item("bad"), error: "States.TaskFailed" }]);
    assert.equal(output.processed.length, 2);
  });

  it("adds to what was used before", async () => {
    const used = [{ by: "stage-b-routing" }];
    const { output } = await execute(definition(engines), all, input("athena", ["a"], { used }));
    assert.equal(output.used.length, 3);
  });

  it("sends the whole batch to Error when the function throws to the end", async () => {
    const broken = () => {
      throw new Thrown("broken");
    };
    const { path, output } = await execute(
      definition(engines),
      { ...all, [lambda("check")]: broken },
      input("athena", ["a", "b"]),
    );
    assert.deepEqual(path.slice(-2), ["Error", "Done"]);
    assert.equal(output.items.length, 2);
  });

  it("works on one object of an Iceberg table at a time", () => {
    const map = definition(engines).States.Athena as { MaxConcurrency: string };
    assert.match(map.MaxConcurrency, /iceberg" \? 1 : 5/);
  });
});

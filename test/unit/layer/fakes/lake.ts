import type { SQSRecord } from "aws-lambda";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import path from "node:path";
import { forgetPartitions } from "../../../../layer/catalog";
import { useClients } from "../../../../layer/clients";
import { recordErrorsA } from "../../../../layer/flow/error-a";
import { recordErrorsB } from "../../../../layer/flow/error-b";
import { crawl } from "../../../../layer/flow/crawl";
import { postUpdateA } from "../../../../layer/flow/post-update-a";
import { preUpdate } from "../../../../layer/flow/pre-update";
import { processData } from "../../../../layer/flow/process-data";
import { processObjects } from "../../../../layer/flow/process-object";
import { publish } from "../../../../layer/flow/publish";
import { forgetSchemas } from "../../../../layer/flow/schemas-seen";
import { route } from "../../../../layer/flow/routing";
import { runStageA } from "../../../../layer/flow/start-stage-a";
import { startStageB } from "../../../../layer/flow/start-stage-b";
import { handleQueue, type Failures } from "../../../../layer/handlers";
import { log } from "../../../../layer/log";
import { loadManifests, type Manifest } from "../../../../layer/manifest";
import { stageAInputSchema, stageAStateSchema, stageBStateSchema, type StageAState } from "../../../../layer/messages";
import { forgetDatasets } from "../../../../layer/store/datasets";
import type { CurrentItem, ObjectItem } from "../../../../layer/store/metadata";
import type { Command } from "./command";
import { FakeExecutions } from "./executions";
import { FakeS3 } from "./s3";
import { FakeSqs } from "./sqs";
import { controlTables, TABLE_VARIABLES } from "./tables";

const SETTINGS: Record<string, string> = {
  ...TABLE_VARIABLES,
  RAW_BUCKET: "raw",
  STAGE_BUCKET: "stage",
  DATABASE_NAME: "lake",
  INPUT_DATABASE_NAME: "input",
  DUCKDB_LIMIT: String(512 * 1024 ** 2),
  ATHENA_LIMIT: String(4 * 1024 ** 3),
  GLUE_WORKERS: "2",
  GLUE_WORKER_TYPE: "G.1X",
  GLUE_MINUTES: "120",
  STAGE_A_STATE_MACHINE_ARN: "machine-a",
  STAGE_B_STATE_MACHINE_ARN: "machine-b",
  ARRIVALS_QUEUE_URL: "arrivals",
  ARRIVALS_DLQ_URL: "arrivals-dlq",
  POWERTOOLS_LOG_LEVEL: "SILENT",
};

/** The queues of the dataset in the fake lake. */
export const QUEUES = { a: "a.fifo", aDlq: "a-dlq.fifo", b: "b.fifo", bDlq: "b-dlq.fifo" };

const json = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/**
 * A lake in memory with the dataset engineering/meteorites: the layer's real code over fakes of AWS. The two state machines
 * are followed in code, in the order that docs/architecture.md gives them.
 */
export class FakeLake {
  readonly dynamodb = controlTables();
  readonly s3 = new FakeS3();
  readonly sqs = new FakeSqs();
  /** Partitions that were registered, as `<table>/<values>`. */
  readonly partitions: string[] = [];
  readonly stageBExecutions = new FakeExecutions();
  manifest: Manifest;
  private sequence = 0x100;
  /** Thrown by the state of that name instead of its work, or after it. */
  breaks: { state: string; error: Error; times: number; afterwards?: boolean } | undefined;

  constructor(change: Partial<Manifest> = {}) {
    const all = loadManifests(path.join(__dirname, "../../../../datasets"));
    const manifest = all.find(({ dataset }) => dataset === "meteorites");
    this.manifest = { ...(manifest as Manifest), ...change };
    Object.assign(process.env, SETTINGS);
    delete process.env.MAX_ATTEMPTS;
    log.setLogLevel("SILENT");
    forgetDatasets();
    forgetPartitions();
    forgetSchemas();
    this.deployDataset();
    const send = (call: (command: Command) => Promise<unknown>) => ({ send: call }) as never;
    useClients({
      dynamodb: this.dynamodb as never,
      s3: this.s3 as never,
      sqs: this.sqs as never,
      stepFunctions: send((command) => this.stepFunctions(command)),
      glue: send((command) => this.glue(command)),
    });
  }

  /** Writes the dataset's item, as a deployment does. */
  deployDataset(): void {
    const { team, dataset, table } = this.manifest;
    const urls = {
      stageAQueueUrl: QUEUES.a,
      stageADlqUrl: QUEUES.aDlq,
      stageBQueueUrl: QUEUES.b,
      stageBDlqUrl: QUEUES.bDlq,
    };
    this.dynamodb.put("datasets", { team, dataset, table, ...urls, manifest: JSON.stringify(this.manifest) });
    forgetDatasets();
  }

  /** Puts an object and its event; answers the event's body, to be sent again. */
  async arrive(key: string, body: Buffer | string, options: { silent?: boolean } = {}): Promise<string> {
    const etag = this.s3.put("raw", key, body);
    const object = {
      key,
      size: Buffer.byteLength(body),
      etag,
      sequencer: (this.sequence++).toString(16).toUpperCase().padStart(18, "0"),
    };
    const event = eventOf({ bucket: { name: "raw" }, object });
    if (!options.silent) await this.deliver(event);
    return event;
  }

  /** Delivers an event to the arrivals queue. */
  async deliver(event: string): Promise<void> {
    await this.sqs.send({
      constructor: { name: "SendMessageBatchCommand" },
      input: { QueueUrl: "arrivals", Entries: [{ Id: "0", MessageBody: event }] },
    } as never);
  }

  /** One call of routing. */
  route(): Promise<boolean> {
    return this.consume("arrivals", "standard", route);
  }

  /** One call of Stage A's router. */
  stageA(): Promise<boolean> {
    return this.consume(QUEUES.a, "fifo", runStageA);
  }

  /** One call of Stage B's router: its executions begin with the next `settle`. */
  startB(): Promise<boolean> {
    return this.consume(QUEUES.b, "fifo", startStageB);
  }

  /** Stage B executions that were started, in order. */
  get executions(): readonly string[] {
    return this.stageBExecutions.started;
  }

  /** Executions of Stage B that have not begun never will, and no event tells of it. */
  forgetExecutions(): void {
    this.stageBExecutions.stop();
  }

  /** Lets everything run until nothing moves any more. */
  async settle(rounds = 60): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      const moved = [await this.route(), await this.stageA(), await this.startB(), await this.runStageB()];
      if (!moved.some(Boolean)) return;
    }
    assert.fail(`the lake still moves after ${rounds} rounds`);
  }

  /** One call of a queue's consumer with up to ten messages; false when there were none. */
  async consume(
    queue: string,
    kind: "fifo" | "standard",
    work: (records: SQSRecord[]) => Promise<Failures>,
  ): Promise<boolean> {
    const records = this.sqs.receive(queue);
    if (records.length === 0) return false;
    const answer = await handleQueue(kind, work)({ Records: records }, { functionName: "fake" } as never).catch(
      (error: unknown) => error,
    );
    const failed = answer instanceof Error ? records.map(({ messageId }) => messageId) : failures(answer);
    this.sqs.settle(queue, records, new Set(failed));
    return true;
  }

  objects(): ObjectItem[] {
    return this.dynamodb.items<ObjectItem>("objects").filter(({ version }) => version !== "CURRENT");
  }

  /** The item of the newest version of a key. */
  object(key: string): ObjectItem {
    const found = this.objects()
      .filter((item) => item.key === key)
      .sort((a, b) => (a.sequencer < b.sequencer ? 1 : -1));
    assert.ok(found[0], `no item for ${key}`);
    return found[0];
  }

  currents(): CurrentItem[] {
    return this.dynamodb.items<CurrentItem>("objects").filter(({ version }) => version === "CURRENT");
  }

  /** Files of the table. */
  files(): string[] {
    return this.s3
      .keys("stage")
      .filter((key) => key.startsWith("post/"))
      .sort();
  }

  history(): { object: string; stage: string; status: string; attempt: number; sequenceNumber?: string }[] {
    return this.dynamodb.items("history");
  }

  private async stepFunctions(command: Command): Promise<unknown> {
    const { input, name, executionArn } = command.input as { input: string; name?: string; executionArn?: string };
    if (command.constructor.name === "StartSyncExecutionCommand") return this.runStageA(input);
    if (command.constructor.name === "DescribeExecutionCommand")
      return this.stageBExecutions.describe(executionArn as string);
    assert.equal(command.constructor.name, "StartExecutionCommand");
    return this.stageBExecutions.start(name as string, input);
  }

  private async runStageA(input: string): Promise<{ status: string; output?: string; error?: string }> {
    try {
      const before = stageAStateSchema.parse(
        json(await this.state("PreUpdate", () => preUpdate(stageAInputSchema.parse(JSON.parse(input))))),
      );
      if (before.items.length === 0)
        return { status: "SUCCEEDED", output: JSON.stringify({ outcomes: before.outcomes }) };
      const processed = await this.state("Process", () => processObjects(before)).catch(() =>
        this.processEachAlone(before),
      );
      const after = await this.state("PostUpdate", () => postUpdateA(stageAStateSchema.parse(json(processed))));
      const done = after.failedCount > 0 ? await this.state("Error", () => recordErrorsA(json(after))) : after;
      return { status: "SUCCEEDED", output: JSON.stringify({ outcomes: done.outcomes }) };
    } catch (error) {
      return { status: "FAILED", error: (error as Error).message };
    }
  }

  private async processEachAlone(state: StageAState): Promise<StageAState> {
    const each = state.items.map((item) =>
      this.state("ProcessAlone", () => processObjects({ ...state, items: [item], outcomes: [] })).catch(
        (error: Error) => ({
          processed: [],
          failed: [{ item, error: { code: "ProcessCrashed", message: error.message }, final: item.lastAttempt }],
        }),
      ),
    );
    const results = await Promise.all(each);
    const failed = results.flatMap((result) => result.failed);
    return { ...state, processed: results.flatMap((result) => result.processed), failed, failedCount: failed.length };
  }

  private async runStageB(): Promise<boolean> {
    const waiting = this.stageBExecutions.begin();
    for (const input of waiting) await this.runBatch(input);
    return waiting.length > 0;
  }

  /** Runs one Stage B execution. */
  async runBatch(input: string): Promise<void> {
    let state = stageBStateSchema.parse(JSON.parse(input));
    try {
      for (const [name, work] of [
        ["ProcessData", processData],
        ["CrawlData", crawl],
        ["PublishB", publish],
      ] as const) {
        state = stageBStateSchema.parse(json(await this.state(name, () => work(state))));
      }
    } catch (error) {
      const cause = { Error: (error as Error).name, Cause: (error as Error).message };
      await this.tryAgain(() => recordErrorsB({ ...state, cause }));
      return;
    }
    if (state.failedCount > 0) await this.tryAgain(() => recordErrorsB(state));
  }

  /** As the state machine does with Error: without it a batch would end without outcomes. */
  private async tryAgain(work: () => Promise<unknown>): Promise<void> {
    for (let left = 6; ; left--) {
      try {
        await work();
        return;
      } catch (error) {
        if (left === 0) throw error;
      }
    }
  }

  private async state<T>(name: string, work: () => Promise<T>): Promise<T> {
    const breaks = this.breaks?.state === name && this.breaks.times-- > 0 ? this.breaks : undefined;
    if (breaks && !breaks.afterwards) throw breaks.error;
    const output = await work();
    if (breaks) throw breaks.error;
    assert.ok(Buffer.byteLength(JSON.stringify(output)) < 256 * 1024, `${name} answers more than a state may hold`);
    return output;
  }

  private async glue(command: Command): Promise<unknown> {
    if (command.constructor.name === "GetTableCommand")
      return { Table: { StorageDescriptor: { Location: "s3://stage/post/engineering/meteorites/" } } };
    assert.equal(command.constructor.name, "BatchCreatePartitionCommand");
    const { TableName, PartitionInputList } = command.input as {
      TableName: string;
      PartitionInputList: { Values: string[] }[];
    };
    const names = PartitionInputList.map(({ Values }) => `${TableName}/${Values.join("/")}`);
    const Errors = names.flatMap((name, index) =>
      this.partitions.includes(name)
        ? [{ PartitionValues: PartitionInputList[index]?.Values, ErrorDetail: { ErrorCode: "AlreadyExistsException" } }]
        : [],
    );
    this.partitions.push(...names.filter((name) => !this.partitions.includes(name)));
    return { Errors };
  }
}

function failures(answer: unknown): string[] {
  return (answer as { batchItemFailures: { itemIdentifier: string }[] }).batchItemFailures.map(
    ({ itemIdentifier }) => itemIdentifier,
  );
}

/** An "Object Created" event with this detail. */
export function eventOf(detail: object, change: object = {}): string {
  return JSON.stringify({
    ...{ version: "0", id: randomUUID(), "detail-type": "Object Created", source: "aws.s3", account: "000000000000" },
    ...{ time: "2026-11-21T12:00:00Z", region: "eu-west-1", resources: ["arn:aws:s3:::raw"] },
    detail: { version: "0", ...detail },
    ...change,
  });
}

/** A source record of the dataset. */
export function record(id: number, change: object = {}): string {
  return JSON.stringify({
    name: `Stone ${id}`,
    id: String(id),
    nametype: "Valid",
    recclass: "L5",
    mass: "21",
    fall: "Fell",
    ...change,
  });
}

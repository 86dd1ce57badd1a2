import { GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import { randomUUID } from "node:crypto";
import { manifestSchema, type Manifest } from "../../../layer/manifest-schema";
import { withEngine } from "../../../layer/transform/engine";
import { withWorkspace } from "../../../layer/transform/workspace";
import type { CommandContext } from "../../commands/context";
import { TributaryError, userError } from "../../errors";
import { step } from "../../events";
import { backfill } from "../backfill";
import type { Lake } from "../connect";
import { findDataset } from "../outputs";
import { waitUntilSettled } from "../settle";
import { checkValues, digestOf, parseCondition } from "./condition";
import { eraseParquet, type DerivedReport } from "./derived";
import { lenient, type Search } from "./find";
import { eraseIntermediate } from "./intermediate";
import { eraseMessagesWith } from "./messages";
import { eraseRaw, type EraseOptions, type RawReport, type Undecided } from "./raw";
import { purge } from "./versions";

/** What is to be erased. */
export interface EraseRequest {
  /** `team/dataset` */
  dataset: string;
  /** `column=value`, all of which have to hold. */
  where: readonly string[];
  /** Only says what would be erased. */
  dryRun: boolean;
  /** Deletes raw objects that cannot be read and whose text holds the values. */
  deleteUnreadable: boolean;
  /** Longest wait for rewritten objects, in seconds. */
  timeout: number;
}

/** What was erased, or would be. */
export interface EraseReport {
  dataset: string;
  dryRun: boolean;
  /** Whether nothing is left, and nothing undecided. */
  ok: boolean;
  raw: Omit<RawReport, "undecided" | "messages">;
  table: DerivedReport;
  quarantine: DerivedReport;
  intermediate: DerivedReport;
  /** Former versions of files that the lake made, deleted for ever. */
  formerVersions: number;
  /** What other engines than DuckDB were given and wrote, all versions, deleted for ever. */
  engineFiles: number;
  /** Messages of failures in the control tables, which may quote values. */
  messages: number;
  /** Results of queries, deleted for ever: what is in them nobody knows. */
  queryResults: number;
  /** Rows of the table for which the condition still holds. */
  left: number;
  undecided: Undecided[];
  /** What the lake's event of the erasure has in the place of the condition, and what it was made with. */
  proof?: { digest: string; salt: string };
}

/**
 * Erases records from all zones of a dataset, for requests of the people whom they are about. It works with the rights of who calls
 * it: no function of the lake may change raw objects or delete versions. It may be interrupted and run again.
 *
 * @throws TributaryError `UnknownDataset`, `WhereInvalid`, `EraseUnsupported`, `EraseFailed`, `WaitTimedOut`
 */
export async function erase(lake: Lake, request: EraseRequest, context: CommandContext): Promise<EraseReport> {
  const { team, dataset } = findDataset(lake.outputs, request.dataset);
  const manifest = await manifestOf(lake, team, dataset);
  const condition = parseCondition(request.where, manifest);
  if (manifest.output.format === "iceberg") throw iceberg(manifest);
  return withWorkspace((directory) =>
    withEngine(directory, async (engine) => {
      await checkValues(engine, condition);
      const search = { engine, manifest: lenient(manifest), condition };
      const options = { ...request, folder: `${team}/${dataset}/`, directory, signal: context.signal };
      const run = new Erasure(lake, context, { request, manifest, search, options });
      return run.run();
    }),
  );
}

interface Parts {
  request: EraseRequest;
  manifest: Manifest;
  search: Search;
  options: Omit<EraseOptions, "progress">;
}

/** One erasure, zone by zone. Raw comes first: what is processed while the others are done has nothing of it any more. */
class Erasure {
  constructor(
    private readonly lake: Lake,
    private readonly context: CommandContext,
    private readonly parts: Parts,
  ) {}

  async run(): Promise<EraseReport> {
    const { request } = this.parts;
    const { undecided, messages, ...raw } = await this.step("Raw objects", (options) =>
      eraseRaw(this.lake, this.parts.search, options),
    );
    if (!request.dryRun && raw.rewritten.length > 0) await this.settle(raw.rewritten);
    const zone = (what: "post" | "quarantine", title: string) =>
      this.step(title, (options) => eraseParquet(this.lake, this.tableSearch(), what, options));
    const table = await zone("post", "Files of the table");
    const quarantine = await zone("quarantine", "Files in quarantine");
    const intermediate = await this.step("Files of Stage A", (options) =>
      eraseIntermediate(this.lake, this.parts.search, options),
    );
    const named = await this.step("Messages of failures", () => this.messages());
    const former = await this.step("Former versions and query results", () => this.former());
    const left = request.dryRun ? table.rows : await this.left();
    const ok = undecided.length === 0 && (request.dryRun || left === 0);
    const { dataset, dryRun } = request;
    const found = { raw, table, quarantine, intermediate, ...former, messages: messages + named };
    const report: EraseReport = { dataset, dryRun, ok, ...found, left, undecided };
    return dryRun ? report : { ...report, proof: await this.record(report) };
  }

  private step<T>(title: string, work: (options: EraseOptions) => Promise<T>): Promise<T> {
    return step(this.context.sink, title, (progress) => work({ ...this.parts.options, progress }));
  }

  /** The table's files are in folders, which the manifest for reading records leaves out. */
  private tableSearch(): Search {
    const { search, manifest } = this.parts;
    return { ...search, manifest };
  }

  /** Until the lake has processed what was rewritten: then its files have replaced the former ones. */
  private async settle(keys: string[]): Promise<void> {
    const { request, manifest, options } = this.parts;
    const { signal, sink } = this.context;
    await step(sink, "Process the rewritten objects", async (progress) => {
      if (!manifest.triggers.events) {
        for (const key of keys)
          await backfill(
            this.lake,
            { dataset: request.dataset, prefix: key.slice(options.folder.length) },
            progress,
            signal,
          );
      }
      await waitUntilSettled(this.lake, request.dataset, [], { timeout: request.timeout, signal, progress });
    });
  }

  private messages(): Promise<number> {
    const { request, search } = this.parts;
    return eraseMessagesWith(this.lake, request.dataset, search.condition, request.dryRun);
  }

  private async former(): Promise<Pick<EraseReport, "formerVersions" | "engineFiles" | "queryResults">> {
    const { folder, dryRun } = this.parts.options;
    const { stageBucket, analyticsBucket } = this.lake.outputs;
    let formerVersions = 0;
    for (const zone of ["post", "quarantine", "pre"]) {
      const wanted = ({ latest, marker }: { latest: boolean; marker: boolean }) => !latest || marker;
      formerVersions += await purge(this.lake, stageBucket, `${zone}/${folder}`, { wanted, dryRun });
    }
    const all = { wanted: () => true, dryRun };
    const engineFiles = await purge(this.lake, stageBucket, `engines/${folder}`, all);
    return { formerVersions, engineFiles, queryResults: await purge(this.lake, analyticsBucket, "athena/", all) };
  }

  /** A query over all files of the table as they are now; it runs here, because Athena keeps the text of queries. */
  private async left(): Promise<number> {
    const again = await this.step("Check that nothing is left", (options) =>
      eraseParquet(this.lake, this.tableSearch(), "post", { ...options, dryRun: true }),
    );
    return again.rows;
  }

  private async record(report: EraseReport): Promise<{ digest: string; salt: string }> {
    const { condition } = this.parts.search;
    const proof = digestOf(condition);
    const { raw, table, quarantine, intermediate, left, messages, undecided } = report;
    const detail = {
      digest: proof.digest,
      columns: condition.map(({ column }) => column),
      objects: raw.rewritten.length + raw.deleted.length,
      records: raw.records,
      rows: table.rows + quarantine.rows + intermediate.rows,
      ...{ versions: raw.versions + report.formerVersions, queryResults: report.queryResults },
      ...{ left, messages, undecided: undecided.length },
    };
    const at = new Date().toISOString();
    const [team, dataset] = report.dataset.split("/");
    const key = { datasetId: report.dataset, event: [at, "erased", randomUUID()].join("#") };
    // It is the proof: it does not expire as other events do.
    const Item = { ...key, team, dataset, kind: "erased", detail, at };
    await this.lake.dynamodb.send(new PutCommand({ TableName: this.lake.outputs.eventsTable, Item }));
    return proof;
  }
}

async function manifestOf(lake: Lake, team: string, dataset: string): Promise<Manifest> {
  const request = { TableName: lake.outputs.datasetsTable, Key: { team, dataset }, ConsistentRead: true };
  const { Item } = await lake.dynamodb.send(new GetCommand(request));
  const manifest = manifestSchema.safeParse(JSON.parse(String(Item?.manifest ?? "null")));
  if (manifest.success) return manifest.data;
  throw new TributaryError(
    `the deployed manifest of ${team}/${dataset} cannot be read: ${manifest.error.message.slice(0, 300)}`,
    {
      code: "ManifestOutdated",
      next: `tributary deploy ${lake.env}`,
    },
  );
}

function iceberg({ team, dataset, table }: Manifest) {
  return userError(
    "EraseUnsupported",
    `${team}/${dataset} is an Iceberg table: its snapshots keep rows that only its own statements can erase`,
    `in Athena: DELETE FROM ${table} WHERE …; then set vacuum_max_snapshot_age_seconds to 1 and run VACUUM ${table}; raw objects have to be replaced by their producers`,
  );
}

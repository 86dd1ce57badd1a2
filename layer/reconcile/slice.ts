import { env } from "../config";
import { itemsOfKey } from "../flow/identified";
import { keyIdOf } from "../identity";
import { retentionDays } from "../manifest/retention";
import { requireDataset, type Dataset } from "../store/datasets";
import { CURRENT, itemName, readItems, type CurrentItem, type ObjectItem } from "../store/metadata";
import { compareKey, type Ages, type KeyFindings, type Yardstick } from "./compare";
import { checkPublished, orphansOf, type Published } from "./files";
import { deleteOrphans, sendAgain, sendEvents } from "./mend";
import type { Cursor, ReconcileSlice } from "./request";
import { RunningBatches } from "./running";
import { keyEntries, stageFiles, type KeyEntry } from "./streams";
import { nothing, type Difference, type Findings } from "./types";

/** Keys that are compared together: their items and current versions are read with a few requests. */
const KEYS = 100;

/** How long something may stand still before it counts (ms): longer than a message is on its way when all is well. */
const STILL = 3_600_000;

/** The same while a batch's execution runs: longer than it may (`timings.stageB.machine`, 30 hours). */
export const STILL_RUNNING = 31 * 3_600_000;

/**
 * Compares a dataset's buckets, control tables and Parquet files, from where the last call ended until its time is up.
 *
 * @returns what was found in this part, and where the next call goes on; without `next` the comparison is complete
 * @throws LayerError `DatasetMissing`
 */
export async function compareSlice(request: ReconcileSlice): Promise<Findings & { next?: Cursor }> {
  const slice = new Slice(request, await requireDataset(request.team, request.dataset));
  const next = await slice.run();
  return { ...slice.findings, ...(next && { next }) };
}

class Slice {
  readonly findings = nothing();
  private readonly now = Date.now();
  private readonly ages: Ages;
  private readonly batches = new RunningBatches();
  private cursor: Cursor;

  constructor(
    private readonly request: ReconcileSlice,
    private readonly dataset: Dataset,
  ) {
    const { minAge, cursor } = request;
    this.ages = { still: minAge === undefined ? STILL : minAge * 1_000, running: STILL_RUNNING };
    this.cursor = cursor ?? { phase: "objects", named: 0, there: 0 };
  }

  /** Where to go on; undefined when all is compared. */
  async run(): Promise<Cursor | undefined> {
    if (this.cursor.phase === "objects") {
      if (!(await this.objects((entries) => this.compare(entries)))) return this.cursor;
      this.cursor = { ...this.cursor, phase: "files", after: undefined };
    }
    // An Iceberg table's files belong to the table, which knows them itself.
    if (this.dataset.manifest.output.format === "iceberg") return undefined;
    if (this.cursor.phase === "files") {
      if (!(await this.files())) return this.cursor;
      if (this.cursor.there >= this.cursor.named || this.request.rowsSince === 0) return undefined;
      this.cursor = { ...this.cursor, phase: "missing", after: undefined };
    }
    return (await this.objects((entries) => this.lookForMissing(entries))) ? undefined : this.cursor;
  }

  /** False when the time was up before the end. */
  private async objects(work: (entries: KeyEntry[]) => Promise<void>): Promise<boolean> {
    const { team, dataset } = this.request;
    let entries: KeyEntry[] = [];
    const flush = async () => {
      if (entries.length === 0) return;
      await work(entries);
      this.cursor = { ...this.cursor, after: entries.at(-1)?.key };
      entries = [];
    };
    for await (const entry of keyEntries(team, dataset, this.cursor.after)) {
      entries.push(entry);
      if (entries.length < KEYS) continue;
      await flush();
      if (this.timeIsUp()) return false;
    }
    await flush();
    return true;
  }

  private async compare(entries: KeyEntry[]): Promise<void> {
    const { states, currents } = await read(entries);
    const found = await Promise.all(entries.map((entry, index) => this.judge(entry, states[index] ?? [], currents)));
    for (const current of currents.values()) this.cursor.named += current.files.length;
    this.findings.checked.versions += entries.reduce((sum, { raw }) => sum + raw.length, 0);
    this.findings.checked.items += states.reduce((sum, items) => sum + items.length, 0);
    for (const { notes } of found) for (const note of notes) this.findings.notes[note]++;
    const missing = await this.checkFiles(found, (item) => this.countsRows(item));
    await this.report(found, missing);
  }

  private async judge(entry: KeyEntry, items: ObjectItem[], currents: Map<string, CurrentItem>): Promise<KeyFindings> {
    const keyId = keyIdOf(env("RAW_BUCKET"), entry.key);
    const state = { key: entry.key, raw: entry.raw, current: currents.get(keyId) };
    const found = compareKey({ ...state, items }, await this.yardstick(items));
    if (found.unseen.length === 0) return found;
    // The index is a little behind the table: what it lacks is looked for in the table itself.
    const all = (await itemsOfKey(keyId)).filter(({ version }) => version !== CURRENT);
    return compareKey({ ...state, items: all }, await this.yardstick(all));
  }

  /** Step Functions is asked only about versions that would count, were their batch not at work. */
  private async yardstick(items: ObjectItem[]): Promise<Yardstick> {
    const waits = ({ status, updatedAt }: ObjectItem) =>
      status === "STAGE_B" && this.now - Date.parse(updatedAt) >= this.ages.still;
    const running = await this.batches.of(items.filter(waits));
    return { ages: this.ages, now: this.now, triggered: this.dataset.manifest.triggers.events, running };
  }

  /** Versions of which a file is missing. */
  private async checkFiles(found: KeyFindings[], countRows: (item: ObjectItem) => boolean): Promise<Set<ObjectItem>> {
    const all = found.flatMap(({ published }) => (published ? [published] : []));
    // Where rows were counted it is known already what is missing.
    const now = all.filter(({ item }) => (this.cursor.phase === "missing" ? !this.countsRows(item) : countRows(item)));
    const checks = await checkPublished(now, countRows);
    const replaced = await this.replaced(now.filter((_, index) => (checks[index]?.differences.length ?? 0) > 0));
    const missing = new Set<ObjectItem>();
    for (const { item, differences, counted } of checks) {
      this.findings.checked.rows += counted;
      if (replaced.has(item)) continue;
      for (const difference of differences) {
        if (difference.kind !== "missing") this.add(difference);
        else if (this.isExpired(item)) this.findings.notes.expired++;
        else missing.add(item);
      }
    }
    return missing;
  }

  /** A later version may have been published since, and the files deleted that were looked for. */
  private async replaced(published: Published[]): Promise<Set<ObjectItem>> {
    const currents = await readItems<CurrentItem>(
      published.map(({ item }) => ({ keyId: item.keyId, version: CURRENT })),
    );
    const still = ({ item, files }: Published) => {
      const current = currents.get(itemName({ keyId: item.keyId, version: CURRENT }));
      return current?.current === item.version && files.every((file) => current.files.includes(file));
    };
    return new Set(published.filter((one) => !still(one)).map(({ item }) => item));
  }

  private async report(found: KeyFindings[], missing: Set<ObjectItem>): Promise<void> {
    const { mend } = this.request;
    const unseen = found.flatMap((one) => one.unseen);
    const gone = new Set(found.flatMap((one) => [...one.gone]));
    const stuck = found.flatMap((one) => one.stuck);
    const unnamed = found.flatMap((one) => one.unnamed);
    const again = [...stuck, ...[...unnamed, ...missing].filter((item) => !gone.has(item))];
    const taken = new Set(mend && again.length > 0 ? await sendAgain(this.dataset, again) : []);
    const sent = mend && unseen.length > 0 ? await sendEvents(env("RAW_BUCKET"), unseen) : 0;
    this.findings.mended.sent += taken.size + sent;
    for (const { raw } of unseen) this.add({ ...unseenDifference(raw), ...(mend && { mended: true }) });
    const tell = (item: ObjectItem, difference: Pick<Difference, "kind" | "detail" | "file">) =>
      this.add({ ...difference, key: item.key, version: item.version, ...(taken.has(item) && { mended: true }) });
    for (const item of stuck) tell(item, { kind: "stuck", detail: `stands at ${item.status} since ${item.updatedAt}` });
    const unnamedDetail = "is processed, but the table holds the files of another version, or of none";
    for (const item of unnamed) tell(item, { kind: "unnamed", detail: unnamedDetail + lost(gone, item) });
    const missingDetail = "its files in the table are not there";
    for (const item of missing) tell(item, { kind: "missing", detail: missingDetail + lost(gone, item) });
  }

  /** False when the time was up before the end. */
  private async files(): Promise<boolean> {
    const { team, dataset, mend } = this.request;
    for await (const page of stageFiles(`post/${team}/${dataset}/`, this.cursor.after)) {
      const old = (time: Date) => this.now - time.getTime() >= this.ages.still;
      const { orphans, young, current } = await orphansOf(page, old);
      const safe = orphans.filter((orphan) => orphan.safe).map(({ file }) => file);
      const deleted = mend && safe.length > 0 ? await deleteOrphans(safe) : 0;
      for (const { file, detail, safe: mended } of orphans)
        this.add({ kind: "orphan", file, detail, ...(mend && mended && { mended }) });
      this.findings.checked.files += page.length;
      this.findings.notes.young += young;
      this.findings.mended.deleted += deleted;
      this.cursor = {
        ...this.cursor,
        after: page.at(-1)?.file ?? this.cursor.after,
        there: this.cursor.there + current,
      };
      if (page.length > 0 && this.timeIsUp()) return false;
    }
    return true;
  }

  /** Fewer files are there than are named: which ones is found out by asking for each. */
  private async lookForMissing(entries: KeyEntry[]): Promise<void> {
    const { states, currents } = await read(entries);
    const found = await Promise.all(entries.map((entry, index) => this.judge(entry, states[index] ?? [], currents)));
    const missing = await this.checkFiles(found, () => false);
    const gone = found.map((one) => ({ ...one, unseen: [], stuck: [], unnamed: [] }));
    await this.report(gone, missing);
  }

  private countsRows({ updatedAt }: ObjectItem): boolean {
    const { rowsSince } = this.request;
    return rowsSince !== null && Date.parse(updatedAt) >= rowsSince;
  }

  /** S3 has deleted its files, because the manifest says so. */
  private isExpired({ receivedAt }: ObjectItem): boolean {
    const { retention } = this.dataset.manifest;
    return retention !== undefined && this.now - Date.parse(receivedAt) >= retentionDays(retention) * 86_400_000;
  }

  private add(difference: Difference): void {
    this.findings.differences[difference.kind]++;
    if (this.findings.found.length < this.request.limit) this.findings.found.push(difference);
  }

  private timeIsUp(): boolean {
    return Date.now() - this.now > this.request.seconds * 1_000;
  }
}

/** Items and current versions of keys, read consistently. */
async function read(entries: KeyEntry[]): Promise<{ states: ObjectItem[][]; currents: Map<string, CurrentItem> }> {
  const bucket = env("RAW_BUCKET");
  const currentKeys = entries.map(({ key }) => ({ keyId: keyIdOf(bucket, key), version: CURRENT }));
  const [items, currents] = await Promise.all([
    readItems(entries.flatMap(({ known }) => known)),
    readItems<CurrentItem>(currentKeys),
  ]);
  return {
    states: entries.map(({ known }) => known.flatMap((one) => items.get(itemName(one)) ?? [])),
    currents: new Map([...currents.values()].map((current) => [current.keyId, current])),
  };
}

function unseenDifference(raw: KeyFindings["unseen"][number]["raw"]): Difference {
  const detail = `is in the bucket since ${raw.lastModified.toISOString()}, and the control tables do not know it`;
  return { kind: "unseen", key: raw.key, ...(raw.versionId !== undefined && { version: raw.versionId }), detail };
}

function lost(gone: Set<ObjectItem>, item: ObjectItem): string {
  return gone.has(item) ? "; its object is gone, so it cannot be made again" : "";
}

import { Workspace } from "./workspace";

/** The result of `ingest --wait --json`. */
export interface IngestResult {
  accepted: number;
  processed: number;
  failed: number;
  objects: { file: string; key: string; status: "PROCESSED" | "FAILED"; error?: string }[];
}

/** The result of `query --json`. */
export interface QueryResult {
  columns: string[];
  rows: Record<string, unknown>[];
}

/** An entry of `executions --json`. */
export interface Execution {
  team: string;
  dataset: string;
  stage: string;
  object: string;
  status: string;
  error?: string;
  startedAt: string;
  endedAt: string;
}

/** The result of `deploy --json`. */
export interface DeployResult {
  ok: boolean;
  changes: { create: number; update: number; delete: number; same: number };
  seconds: number;
}

/** The result of `status --json`. */
export interface StatusResult {
  environments: {
    env: string;
    region: string;
    stack: string;
    status: string;
    resources: number;
    endpoint?: string;
    outputs: Record<string, unknown>;
  }[];
}

export const dataset = "engineering/meteorites";

let shared: Promise<Workspace> | undefined;

/** One deployed lake for all suites that only use it; made by the first that asks, removed when all tests are over. */
export function sharedLake(): Promise<Workspace> {
  shared ??= Workspace.create("flow").then(async (workspace) => {
    await workspace.json<DeployResult>(["deploy", "local"]);
    return workspace;
  });
  return shared;
}

after(async function () {
  this.timeout(300_000);
  await shared?.then((workspace) => workspace.remove());
});

/** Sends files and waits for their outcomes. */
export function ingest(workspace: Workspace, ...files: string[]): Promise<IngestResult> {
  return workspace.json<IngestResult>(["ingest", "local", dataset, ...files, "--wait"]);
}

/** Runs a query and returns its rows. */
export async function rows(workspace: Workspace, sql: string): Promise<Record<string, unknown>[]> {
  return (await workspace.json<QueryResult>(["query", "local", sql])).rows;
}

/** A record of the meteorites' input, with what matters to a test set. */
export function meteorite(
  id: number,
  name = `Stone ${id}`,
  extra: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    name,
    id: String(id),
    nametype: "Valid",
    recclass: "L5",
    mass: "21",
    fall: "Fell",
    year: "1880-01-01T00:00:00.000",
    reclat: "50.775000",
    reclong: "6.083330",
    ...extra,
  };
}

/** Records as one object a line. */
export function lines(...records: Record<string, unknown>[]): string {
  return records.map((record) => JSON.stringify(record)).join("\n") + "\n";
}

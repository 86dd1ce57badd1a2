import { duration, oneLine } from "../cli/render/text";
import type { Values } from "../cli/specification";
import { addressOf } from "../lake/address";
import { withLake } from "../lake/connect";
import type { Execution } from "../lake/executions";
import { storyOf, type Story, type StoryEvent, type StoryFile, type StoryVersion } from "../lake/story";
import { findEnvironment } from "../stacks/environments";
import type { CommandContext, Outcome } from "./context";

/** `tributary object <env> <object>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const environment = findEnvironment(context.root, String(values.env));
  const story = await withLake(context.root, environment, (lake) =>
    storyOf(lake, addressOf(String(values.object), lake.outputs, "object")),
  );
  return { document: story, text: describe(story) };
}

/** The story as text: the object, its versions from the oldest to the newest, and what else happened. */
export function describe(story: Story): string {
  const { bucket, key, team, dataset, versions, cost, milliseconds } = story;
  const tries = versions.reduce((sum, version) => sum + version.tries.length, 0);
  const head = [
    `s3://${bucket}/${key}`,
    `${team}/${dataset}: ${count(versions.length, "version")}, ${count(tries, "try", "tries")}, ${duration(milliseconds / 1000)}, ${usd(cost)}`,
  ];
  const events = story.events.length === 0 ? [] : ["", "events", ...story.events.map(eventLine)];
  return `${[...head, ...versions.flatMap(versionLines), ...events].map(oneLine).join("\n")}\n`;
}

function versionLines(version: StoryVersion): string[] {
  const { raw, pre, post, quarantine, quarantined, supersededBy, supersedes, batch, tries } = version;
  const named = (label: string, text: string) => `  ${label.padEnd(11)} ${text}`;
  return [
    "",
    `version ${version.version}${version.current ? " (current)" : ""}`,
    named("status", statusOf(version)),
    named("received", `${timeOf(version.receivedAt)}  ${bytes(version.bytes)}  etag ${version.etag}`),
    named("raw", fileText(raw)),
    ...tries.filter(({ stage }) => stage !== "B").map((execution) => named(stageOf(execution), tryText(execution))),
    ...(pre ? [named("pre", fileText(pre))] : []),
    ...tries.filter(({ stage }) => stage === "B").map((execution) => named(stageOf(execution), tryText(execution))),
    ...post.map((file) => named("post", fileText(file))),
    ...(quarantine ? [named("quarantine", `${fileText(quarantine)}  ${quarantined} rows`)] : []),
    ...(batch ? [named("batch", batchText(batch))] : []),
    ...supersedes.map((other) => named("replaced", other)),
    ...(supersededBy === undefined ? [] : [named("replaced by", supersededBy)]),
  ];
}

function statusOf({ status, stage, error, attempts, redrives, rows }: StoryVersion): string {
  const parts = [
    stage === undefined ? status : `${status} in ${stage === "ROUTING" ? "routing" : `stage ${stage}`}`,
    ...(rows === undefined ? [] : [count(rows, "row")]),
    count(attempts, "attempt"),
    ...(redrives === 0 ? [] : [count(redrives, "redrive")]),
    ...(error === undefined ? [] : [error]),
  ];
  return parts.join(", ");
}

function stageOf({ stage }: Execution): string {
  return stage === "ROUTING" ? "routing" : `stage ${stage}`;
}

function tryText(execution: Execution): string {
  const { startedAt, endedAt, status, attempt, rows, engine, cost, error, expectations = [] } = execution;
  const broken = expectations.filter((each) => Number(each.broken) > 0);
  const parts = [
    timeOf(endedAt),
    status,
    ...(attempt === undefined ? [] : [`attempt ${attempt}`]),
    duration((Date.parse(endedAt) - Date.parse(startedAt)) / 1000),
    ...(rows === undefined ? [] : [count(rows, "row")]),
    ...(engine === undefined ? [] : [engine]),
    ...(cost === undefined ? [] : [usd(cost)]),
    ...broken.map(
      (each) => `${String(each.name)}: ${String(each.broken)} of ${String(each.checked)} (${String(each.rule)})`,
    ),
    ...(error === undefined ? [] : [error]),
  ];
  return parts.join("  ");
}

function batchText({ batchId, objects, rows, fileCount, sqlDigest }: NonNullable<StoryVersion["batch"]>): string {
  const parts = [
    batchId,
    ...(objects === undefined ? [] : [count(objects, "object")]),
    ...(rows === undefined ? [] : [count(rows, "row")]),
    ...(fileCount === undefined ? [] : [count(fileCount, "file")]),
    ...(sqlDigest === undefined ? [] : [`SQL ${sqlDigest.slice(0, 12)}`]),
  ];
  return parts.join("  ");
}

function eventLine({ at, kind, detail }: StoryEvent): string {
  const told = Object.entries(detail).filter(([name]) => name !== "key");
  const texts = told.map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`);
  return `  ${timeOf(at)}  ${kind}  ${texts.join(", ")}`;
}

function fileText({ url, exists, bytes: size = 0, from }: StoryFile): string {
  const where = from === undefined ? "" : ` from byte ${from} on, in a file that objects share`;
  return `${url}  ${exists ? `${bytes(size)}${where}` : "gone"}`;
}

function bytes(size: number): string {
  return count(size, "byte");
}

/** Costs are far below a cent. */
function usd(cost: number): string {
  return `${cost.toFixed(9).replace(/0{1,6}$/, "")} USD`;
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

function timeOf(iso: string): string {
  return iso.replace("T", " ").replace(/\.\d+Z$/, "Z");
}

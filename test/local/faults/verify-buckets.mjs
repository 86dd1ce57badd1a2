/*
 * Compares what went into a lake with what came out of it, and reads nothing but the two buckets: no control table, and none of
 * the lake's own code.
 *
 *   node verify-buckets.mjs <raw bucket> <stage bucket> <team>/<dataset> [<first id> <last id>]
 *
 * Every id of the newest version of each raw object (one JSON record a line) has to stand in the Parquet files below
 * post/<team>/<dataset>/ exactly once, and no other id. Prints a JSON document; exit code 1 when they differ.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Buffer } from "node:buffer";
import console from "node:console";
import process from "node:process";
import { tmpdir } from "node:os";
import path from "node:path";
import { GetObjectCommand, paginateListObjectsV2, S3Client } from "@aws-sdk/client-s3";
import { DuckDBInstance } from "@duckdb/node-api";

const [raw, stage, dataset, first = "0", last = "9007199254740991"] = process.argv.slice(2);
const s3 = new S3Client({ forcePathStyle: true });

async function keys(Bucket, Prefix) {
  const found = [];
  for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket, Prefix }))
    found.push(...(page.Contents ?? []).map(({ Key }) => Key));
  return found;
}

async function body(Bucket, Key) {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
  return Buffer.from(await Body.transformToByteArray());
}

async function inParallel(items, work) {
  const results = new Array(items.length);
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index], index);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return results;
}

const within = (id) => id >= Number(first) && id <= Number(last);

const rawKeys = await keys(raw, `${dataset}/`);
const texts = await inParallel(rawKeys, async (key) => (await body(raw, key)).toString("utf8"));
const expected = new Set();
for (const text of texts)
  for (const line of text.split("\n")) {
    try {
      const id = Number(JSON.parse(line).id);
      if (within(id)) expected.add(id);
    } catch {
      // A broken record is in no table.
    }
  }

const folder = await mkdtemp(path.join(tmpdir(), "verify-"));
const files = (await keys(stage, `post/${dataset}/`)).filter((key) => key.endsWith(".parquet"));
const counts = new Map();
try {
  await inParallel(files, async (key, index) =>
    writeFile(path.join(folder, `${index}.parquet`), await body(stage, key)),
  );
  if (files.length > 0) {
    const connection = await (await DuckDBInstance.create(":memory:")).connect();
    const rows = await connection.runAndReadAll(
      `select id::bigint as id from read_parquet('${folder}/*.parquet', union_by_name = true)`,
    );
    for (const [id] of rows.getRows())
      if (within(Number(id))) counts.set(Number(id), (counts.get(Number(id)) ?? 0) + 1);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

const missing = [...expected].filter((id) => !counts.has(id));
const twice = [...counts].filter(([, count]) => count > 1).map(([id]) => id);
const strange = [...counts.keys()].filter((id) => !expected.has(id));
const ok = missing.length + twice.length + strange.length === 0;
const some = (ids) => ids.slice(0, 10);
console.log(
  JSON.stringify({
    ok,
    objects: rawKeys.length,
    files: files.length,
    expected: expected.size,
    found: counts.size,
    missing: { count: missing.length, some: some(missing) },
    twice: { count: twice.length, some: some(twice) },
    strange: { count: strange.length, some: some(strange) },
  }),
);
process.exit(ok ? 0 : 1);

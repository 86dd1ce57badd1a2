import { gzipSync } from "node:zlib";
import { FakeLake, record } from "../fakes/lake";

/** What became of a scenario's objects. */
export interface Small {
  statuses: string[];
  errors: string[];
  /** Tries of Stage A in the history, by object. */
  tries: number;
  /** Raw objects that were fetched. */
  fetched: number;
}

const MB = 1024 ** 2;

/** Records that are different lines, so many megabytes of them. */
function records(megabytes: number): string {
  const lines: string[] = [];
  for (let bytes = 0, id = 0; bytes < megabytes * MB; id++) {
    const line = record(id, { geolocation: "x".repeat(150) });
    bytes += line.length + 1;
    lines.push(line);
  }
  return lines.join("\n");
}

async function scenario(bodies: (Buffer | string)[]): Promise<Small> {
  const limits = { objectSize: "64 MB", partitionsPerObject: 8 };
  const lake = new FakeLake({ limits, expectations: [] });
  let fetched = 0;
  const send = lake.s3.send.bind(lake.s3);
  lake.s3.send = (command) => {
    if (command.constructor.name === "GetObjectCommand" && (command.input as { Bucket?: string }).Bucket === "raw")
      fetched++;
    return send(command);
  };
  for (const [number, body] of bodies.entries()) await lake.arrive(`engineering/meteorites/${number}`, body);
  await lake.settle();
  const objects = lake.objects();
  return {
    statuses: objects.map(({ status }) => status),
    errors: objects.flatMap(({ error }) => (error ? [`${error.code}: ${error.message}`] : [])),
    tries: lake.dynamodb.items<{ stage: string }>("history").filter(({ stage }) => stage === "A").length,
    fetched,
  };
}

/** Run by room.test.ts with a temporary folder of 22 MB; prints its results as JSON. */
async function main(): Promise<void> {
  const results = {
    plain: await scenario([records(30)]),
    packed: await scenario([gzipSync(records(30))]),
    csv: await scenario([records(20)]),
    crowded: await scenario(Array.from({ length: 8 }, () => gzipSync(records(5)))),
  };
  process.stdout.write(JSON.stringify(results));
}

if (require.main === module) void main();

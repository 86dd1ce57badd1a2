/**
 * The program of a lake with many datasets on Pulumi's mocks, in a process of its own so that memory is this lake's alone:
 * `node --require ./bin/typescript.js test/bench/scale/program.ts <folder with datasets>`. Prints one JSON document.
 */
import { scopeOf, settingsOf } from "../../unit/components/support/lake";
import { run } from "../../unit/components/support/mocks";
import { brokenLimits } from "../../unit/scale/limits";
import { functionNames } from "../../../components/lake/functions";
import { Lake } from "../../../components/lake/Lake";
import { loadManifests } from "../../../layer/manifest";

/** What one run of the program took. */
export interface ProgramRun {
  datasets: number;
  /** All that is registered, components included, as Pulumi counts. */
  resources: number;
  /** From the first manifest to the last registration, without loading modules. */
  seconds: number;
  /** Processor time of the same. */
  processorSeconds: number;
  /** Of which reading and checking the manifests. */
  manifestSeconds: number;
  /** Resident memory at its highest. */
  megabytes: number;
  /** Characters of the largest policy of a role. */
  largestPolicy: number;
  /** Limits of AWS that the result would break. */
  broken: string[];
}

async function measure(folder: string): Promise<ProgramRun> {
  const code = { layer: __dirname, functions: Object.fromEntries(functionNames.map((name) => [name, __dirname])) };
  const settings = settingsOf("prod");
  const started = performance.now();
  const before = process.cpuUsage();
  const manifests = loadManifests(folder);
  const read = performance.now();
  const { resources } = await run(
    () => new Lake("lake", { scope: scopeOf("prod"), settings, manifests, code }).outputs,
    {
      stack: "prod",
    },
  );
  const ended = performance.now();
  const { user, system } = process.cpuUsage(before);
  const policies = resources.filter(({ type }) => type === "aws:iam/rolePolicy:RolePolicy");
  return {
    datasets: manifests.length,
    resources: resources.length,
    seconds: (ended - started) / 1000,
    processorSeconds: (user + system) / 1e6,
    manifestSeconds: (read - started) / 1000,
    megabytes: process.resourceUsage().maxRSS / 1024,
    largestPolicy: Math.max(...policies.map(({ inputs }) => String(inputs.policy).length)),
    broken: brokenLimits(resources),
  };
}

measure(process.argv[2] as string).then(
  (result) => process.stdout.write(`${JSON.stringify(result)}\n`),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);

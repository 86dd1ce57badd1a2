import { freemem, totalmem } from "node:os";
import pc from "picocolors";
import { megabytes, oneLine } from "../cli/render/text";
import { baseImageStatus } from "../baseImage";
import { builderStatus } from "../builder";
import { containersLack, findContainerHost } from "../containers";
import { findLocalAws } from "../local";
import { load } from "./late";
import type { CommandContext, Outcome } from "./context";

/** One thing that was looked at. */
export interface Check {
  name: string;
  found: boolean;
  /** The driver cannot do its work without it. */
  needed: boolean;
  detail: string;
  /** The one command or act that mends it. */
  cure?: string;
}

/** What the engine, its AWS plugin and the local AWS take together at their peak, in bytes (docs/toolchain.md, docs/local.md). */
const neededMemory = 3 * 2 ** 30;

/** `tributary doctor` */
export async function run(context: CommandContext): Promise<Outcome> {
  const [tools, aws, images] = await Promise.all([
    load("../toolchain").toolchainStatus(),
    findLocalAws(context.root),
    imageChecks(context.root),
  ]);
  const checks: Check[] = [
    { name: "node", found: true, needed: true, detail: process.version },
    ...tools.map((tool) => ({ ...tool, needed: tool.cure !== undefined })),
    memory(),
    {
      name: "local AWS",
      found: aws !== undefined,
      needed: false,
      detail: aws ? `${aws.endpoint} (process ${aws.pid})` : "does not run",
      ...(aws ? {} : { cure: "tributary deploy local" }),
    },
    ...images,
  ];
  const ok = checks.every(({ found, needed }) => found || !needed);
  return { document: { ok, checks }, text: describe(checks), exitCode: ok ? 0 : 1 };
}

/** What builds and runs images. Functions are archives on a machine that has none of it, so nothing of it is needed. */
async function imageChecks(root: string): Promise<Check[]> {
  const [builder, base, lacks, host] = await Promise.all([
    builderStatus(root),
    baseImageStatus(),
    containersLack(),
    findContainerHost(root),
  ]);
  return [
    ...builder.map((status) => ({ ...status, needed: false })),
    {
      name: `stand-in base image ${base.version}`,
      found: base.built,
      needed: false,
      detail: base.built
        ? `in the tool cache, ${megabytes(base.size ?? 0)}`
        : "not built yet; only where no public image registry is reachable",
      ...(base.built ? {} : { cure: "tributary images build (builds it, about 3 min, once)" }),
    },
    ...lacks.map(({ what, next }) => ({
      name: "running images",
      found: false,
      needed: false,
      detail: what,
      cure: next,
    })),
    {
      name: "container host",
      found: host !== undefined,
      needed: false,
      detail: host ? `process ${host.pid}` : "does not run; only for image functions on the local AWS",
      ...(host || lacks.length > 0 ? {} : { cure: "tributary deploy local, with packaging: image" }),
    },
  ];
}

function memory(): Check {
  const found = totalmem() >= neededMemory;
  const detail = `${gibibytes(totalmem())} GiB, ${gibibytes(freemem())} GiB free; ${gibibytes(neededMemory)} GiB are needed`;
  return { name: "memory", found, needed: true, detail, ...(found ? {} : { cure: "use a machine with more memory" }) };
}

function gibibytes(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(1);
}

function describe(checks: Check[]): string {
  const mark = ({ found, needed }: Check) => (found ? pc.green("✔") : needed ? pc.red("✖") : pc.dim("–"));
  return checks
    .map(
      (check) =>
        `${mark(check)} ${check.name}: ${oneLine(check.detail)}${check.found || !check.cure ? "" : `\n    ${oneLine(check.cure)}`}\n`,
    )
    .join("");
}

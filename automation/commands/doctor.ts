import { freemem, totalmem } from "node:os";
import pc from "picocolors";
import { oneLine } from "../cli/render/text";
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
  const [tools, aws] = await Promise.all([load("../toolchain").toolchainStatus(), findLocalAws(context.root)]);
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
  ];
  const ok = checks.every(({ found, needed }) => found || !needed);
  return { document: { ok, checks }, text: describe(checks), exitCode: ok ? 0 : 1 };
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

import { readFile } from "node:fs/promises";
import * as path from "node:path";
import { GlueClient } from "@aws-sdk/client-glue";
import { S3Client } from "@aws-sdk/client-s3";
import { execa } from "execa";
import type { Values } from "../cli/specification";
import { messageOf, TributaryError, userError } from "../errors";
import { step } from "../events";
import { clientsOf } from "../pipeline/steps/clients";
import { updateJob } from "../pipeline/steps/glue";
import { environmentStacks } from "../stacks/environments";
import type { CommandContext, Outcome } from "./context";

/** `tributary distribute glue <env>` */
export async function run(context: CommandContext, values: Values): Promise<Outcome> {
  const { stacks } = environmentStacks(context.root, String(values.env));
  const file = path.resolve(context.root, String(values.script));
  const script = await readFile(file).catch((error: unknown) => {
    throw userError("ScriptMissing", `the script ${file} cannot be read: ${messageOf(error)}`, "correct --script");
  });
  if (typeof values.test === "string") await runTests(context, values.test);
  const { settings, local, close } = await clientsOf(context.root, stacks[0]!);
  const glue = new GlueClient(settings);
  const s3 = new S3Client({ ...settings, forcePathStyle: local });
  const job = String(values.job);
  try {
    const updated = await step(context.sink, `Give the job ${job} its script`, () =>
      updateJob({ glue, s3 }, job, script),
    );
    const { result, location, former } = updated;
    const text =
      result === "unchanged" ? `${job} runs ${location} already\n` : `${job} runs ${location}; before: ${former}\n`;
    return { document: { ok: true, job, ...updated }, text };
  } finally {
    glue.destroy();
    s3.destroy();
    close();
  }
}

/** The job's own tests: a script that fails them is not exchanged. */
async function runTests({ root, sink, signal }: CommandContext, command: string): Promise<void> {
  await step(sink, `Test: ${command}`, async () => {
    const options = { cwd: root, reject: false, stdin: "ignore", cancelSignal: signal, all: true } as const;
    const { exitCode, all } = await execa("bash", ["-c", command], options);
    if (exitCode === 0) return;
    const lines = all.split("\n").slice(-30).join("\n");
    throw new TributaryError(`the job's tests failed (exit code ${exitCode ?? "none"}):\n${lines}`, {
      code: "GlueTestsFailed",
      next: "mend the script or its tests; the job still runs what it ran",
    });
  });
}

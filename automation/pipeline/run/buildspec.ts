import { parse } from "yaml";
import { z } from "zod";
import { TributaryError, messageOf } from "../../errors";

/** The phases whose commands a buildspec gives, in the order in which CodeBuild runs them. */
export const commandPhases = ["install", "pre_build", "build", "post_build"] as const;

/** One of them. */
export type CommandPhase = (typeof commandPhases)[number];

const list = z.union([z.string(), z.array(z.coerce.string())]).transform((value) => [value].flat());

const files = z.strictObject({
  files: list.default([]),
  name: z.string().optional(),
  "base-directory": z.string().default("."),
  "discard-paths": z.union([z.boolean(), z.enum(["yes", "no"])]).default(false),
  "exclude-paths": list.default([]),
  "enable-symlinks": z.union([z.boolean(), z.enum(["yes", "no"])]).default(false),
  "s3-prefix": z.string().optional(),
});

/** What is kept of a build: files by patterns, below a folder. */
export type ArtifactFiles = z.output<typeof files>;

const phase = z.strictObject({
  commands: list.default([]),
  finally: list.default([]),
  "on-failure": z
    .string()
    .regex(/^(ABORT|CONTINUE|RETRY.*)$/)
    .optional(),
  "run-as": z.string().optional(),
  "runtime-versions": z.record(z.string(), z.unknown()).optional(),
});

/** Commands of a phase. */
export type Phase = z.output<typeof phase>;

/** Formats of reports that CodeBuild reads and that are read here, too. */
export const reportFormats = ["JUNITXML", "COBERTURAXML", "CLOVERXML"] as const;

const report = z.strictObject({
  files: list,
  "base-directory": z.string().default("."),
  "discard-paths": z.union([z.boolean(), z.enum(["yes", "no"])]).default(false),
  "file-format": z.string().default("JUNITXML"),
});

/** Which files are the reports of a group. */
export type ReportFiles = z.output<typeof report>;

const schema = z.strictObject({
  version: z.literal(0.2),
  env: z
    .strictObject({
      shell: z.enum(["bash", "/bin/sh", "sh", "powershell.exe"]).default("sh"),
      variables: z.record(z.string(), z.coerce.string()).default({}),
      "exported-variables": z.array(z.string()).default([]),
      "parameter-store": z.record(z.string(), z.string()).default({}),
      "secrets-manager": z.record(z.string(), z.string()).default({}),
      "git-credential-helper": z.union([z.boolean(), z.enum(["yes", "no"])]).optional(),
    })
    .prefault({}),
  phases: z.partialRecord(z.enum(commandPhases), phase),
  reports: z.record(z.string(), report).default({}),
  artifacts: files.extend({ "secondary-artifacts": z.record(z.string(), files).default({}) }).optional(),
  cache: z
    .strictObject({ paths: list.default([]), key: z.string().optional(), "fallback-keys": list.optional() })
    .prefault({}),
});

/** A buildspec as CodeBuild reads it, with CodeBuild's defaults. */
export type ReadBuildspec = z.output<typeof schema>;

/**
 * Reads the text of a buildspec.
 *
 * @param where what it belongs to, for the message
 * @throws TributaryError `BuildspecInvalid`: it is none, or has a key that is not run here (batch, proxy, PowerShell)
 */
export function readBuildspec(text: string, where: string): ReadBuildspec {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    throw invalid(where, messageOf(error));
  }
  const read = schema.safeParse(document);
  if (!read.success) {
    const problems = read.error.issues.map(({ path, message }) => `${path.join(".") || "buildspec"}: ${message}`);
    throw invalid(where, problems.join("; "));
  }
  if (read.data.env.shell === "powershell.exe") throw invalid(where, "env.shell: powershell.exe is not run here");
  return read.data;
}

/** Whether a switch of a buildspec is on: YAML's booleans and the older yes and no. */
export function isOn(value: boolean | "yes" | "no"): boolean {
  return value === true || value === "yes";
}

function invalid(where: string, why: string): TributaryError {
  return new TributaryError(`the buildspec of ${where} cannot be run on this machine: ${why}`, {
    code: "BuildspecInvalid",
    source: "user",
    next: "correct the settings that it is made from: Pulumi.delivery.yaml",
  });
}

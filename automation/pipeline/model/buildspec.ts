import { stringify } from "yaml";

/** One phase of a build. */
export interface BuildPhase {
  /** Runtimes of CodeBuild's image; only in `install`. */
  "runtime-versions"?: Record<string, string>;
  /** What a failed command does to the phases after it. @default "ABORT" */
  "on-failure"?: "ABORT" | "CONTINUE";
  /** Run one after the other, in one shell; the first that fails ends the phase. */
  commands: string[];
  /** Run after the commands, also when one of them failed. */
  finally?: string[];
}

/** Files of a report of tests or of coverage. */
export interface BuildReport {
  files: string[];
  "base-directory"?: string;
  "file-format":
    "JUNITXML" | "COBERTURAXML" | "CLOVERXML" | "NUNITXML" | "CUCUMBERJSON" | "TESTNGXML" | "VISUALSTUDIOTRX";
}

/** Files that a build hands on. */
export interface BuildArtifact {
  files: string[];
  "base-directory"?: string;
  "discard-paths"?: "yes" | "no";
  name?: string;
}

/** The names of a build's phases, in their order. */
export const buildPhases = ["install", "pre_build", "build", "post_build"] as const;

/** The name of a phase. */
export type BuildPhaseName = (typeof buildPhases)[number];

/**
 * A buildspec of CodeBuild, version 0.2, with CodeBuild's own keys. Its commands call the driver and nothing else, so that a person can
 * run each step by hand.
 *
 * @see https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
 */
export interface Buildspec {
  version: 0.2;
  env?: {
    shell?: "bash" | "/bin/sh";
    /** Defaults; a pipeline's action and a person who starts the build may give others. */
    variables?: Record<string, string>;
    /** What later actions get, as `#{<namespace>.<name>}`. */
    "exported-variables"?: string[];
    /** Lets git use the credentials of the source action's connection. */
    "git-credential-helper"?: "yes" | "no";
  };
  phases: Partial<Record<BuildPhaseName, BuildPhase>>;
  /** By the name of the report group. */
  reports?: Record<string, BuildReport>;
  artifacts?: BuildArtifact & { "secondary-artifacts"?: Record<string, BuildArtifact> };
  cache?: { paths: string[] };
}

/** A buildspec as CodeBuild gets it. The same data give the same text, so that a deployment without a change has none. */
export function buildspecText(buildspec: Buildspec): string {
  return stringify(buildspec, { lineWidth: 0 });
}

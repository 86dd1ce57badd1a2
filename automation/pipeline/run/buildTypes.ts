import type { Report } from "../reports";

/** How a phase, an action, a stage or a run ended. */
export type RunStatus = "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "STOPPED";

/** A phase of a build, with CodeBuild's names. */
export interface PhaseResult {
  phase: "DOWNLOAD_SOURCE" | "INSTALL" | "PRE_BUILD" | "BUILD" | "POST_BUILD" | "UPLOAD_ARTIFACTS";
  status: RunStatus;
  seconds: number;
  /** CodeBuild's code and sentence for what went wrong. */
  context?: string;
}

/** What a build came to. */
export interface BuildResult {
  status: RunStatus;
  /** `<project>:<uuid>` */
  id: string;
  phases: PhaseResult[];
  reports: Report[];
  /** What it exports, for later actions. */
  exported: Record<string, string>;
  /** Folders of its output artifacts, by name. */
  artifacts: Record<string, string>;
  /** File of everything that it printed. */
  log: string;
  /** The last lines of that, where it failed. */
  tail?: string[];
  seconds: number;
}

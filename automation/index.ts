/**
 * The driver as a library: what the command line does, without its screen. Events go to the sink of the context; results are
 * returned; failures are TributaryErrors. docs/architecture.md names the parts.
 */
export { TributaryError, userError, type ErrorSource } from "./errors";
export { eventStream, silent, step, type DriverEvent, type EventSink, type EventStream } from "./events";
export { libraryContext } from "./library";
export type { CommandContext } from "./commands/context";
export { connect, withLake, type Lake } from "./lake/connect";
export { addressOf, type Address } from "./lake/address";
export { counts, proveCounts, type Counts, type Proof } from "./lake/counts";
export { executions, type Execution, type ExecutionFilter } from "./lake/executions";
export { follow, type FollowOptions } from "./lake/follow";
export { storyOf, type Story, type StoryVersion } from "./lake/story";
export { ingest, type IngestRequest, type IngestResult } from "./lake/ingest";
export { backfill, type BackfillRequest, type BackfillSummary } from "./lake/backfill";
export { erase, type EraseReport, type EraseRequest } from "./lake/erase/erase";
export { query, queryPages, type QueryPage, type QueryResult, type QueryStatistics } from "./lake/query";
export { buildImages, type Release, type ReleasedImage } from "./release/build";
export { compareFunctions, type Comparison } from "./release/compare";
export { listImages, listRunning, type ImageList, type ListedImage } from "./release/list";
export { digestsOf, writeDigests, type Promotion } from "./release/promote";
export { verifyImages, type Verification } from "./release/verify";
export { redrive, type RedriveResult } from "./lake/redrive";
export { deploy, type DeployOptions, type DeployResult } from "./stacks/deploy";
export {
  environmentNames,
  environmentStacks,
  findEnvironment,
  type Environment,
  type EnvironmentStacks,
} from "./stacks/environments";
export { findImagesStack } from "./stacks/imagesStack";
export type { StackTarget } from "./stacks/target";
export { deployEnvironment, previewEnvironment, runEnvironment, type EnvironmentOptions } from "./waves/deploy";
export { deployOrRollBack } from "./waves/onFailure";
export { destroyEnvironment } from "./waves/destroy";
export { environmentFailure, type EnvironmentResult, type StackResult } from "./waves/results";
export { planEnvironment, type Planned, type PlanOptions } from "./plan/environment";
export { planHtml } from "./plan/render/html";
export { planMarkdown } from "./plan/render/markdown";
export { planText } from "./plan/render/text";
export { viewOf, type PlanView } from "./plan/render/view";
export type { EnvironmentPlan, PlannedResource, StackPlan } from "./plan/types";
export { throughGates, type Passed } from "./gates/deployment";
export { gateEnvironment, gateSettings } from "./gates/run";
export type { GateResult } from "./gates/types";
export { branchDown, branchUp, listBranches, pruneBranches, type BranchRecord, type ListedBranch } from "./branches";
export { findDrift, mendDrift, type DriftedResource, type StackDrift } from "./drift";
export { orderStacks, selectStacks, type OrderedStack, type SelectedStack, type Why } from "./selection";
export { openBackend, openStore, type Backend, type ObjectStore, type Stored } from "./backend";
export { freeEngineLocks, guardHolder, withGuard, type Guard, type GuardOptions } from "./guard";
export { history, lastRecord, type Deployment, type History } from "./records";
export { drawPipeline } from "./pipeline/show/text";
export { mermaid } from "./pipeline/show/mermaid";
export {
  beginRun,
  findPipeline,
  findSource,
  pipelinesAt,
  resumeRun,
  runLocally,
  type LocalRunOptions,
  type PipelineRun,
} from "./pipeline/run";
export { readReports, type Report } from "./pipeline/reports";
export { planRollback, rollbackEnvironment, type RollbackOptions, type RollbackPlan } from "./rollback";
export {
  broadenings,
  broadeningsOfPreview,
  describeBroadenings,
  extractGrants,
  widePermissions,
  type Broadening,
  type Grants,
  type ResourceState,
  type WidePermission,
} from "./permissions";

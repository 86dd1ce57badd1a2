/**
 * The driver as a library: what the command line does, without its screen. Events go to the sink of the context; results are
 * returned; failures are TributaryErrors. docs/architecture.md names the parts.
 */
export { TributaryError, userError, type ErrorSource } from "./errors";
export { silent, step, type DriverEvent, type EventSink } from "./events";
export type { CommandContext } from "./commands/context";
export { connect, withLake, type Lake } from "./lake/connect";
export { executions, type Execution } from "./lake/executions";
export { ingest, type IngestRequest, type IngestResult } from "./lake/ingest";
export { query, type QueryResult } from "./lake/query";
export { buildImages, type Release, type ReleasedImage } from "./release/build";
export { compareFunctions, type Comparison } from "./release/compare";
export { listImages, listRunning, type ImageList, type ListedImage } from "./release/list";
export { digestsOf, writeDigests, type Promotion } from "./release/promote";
export { verifyImages, type Verification } from "./release/verify";
export { redrive, type RedriveResult } from "./lake/redrive";
export { deploy, type DeployResult } from "./stacks/deploy";
export { environmentNames, findEnvironment, findImagesStack, type Environment } from "./stacks/environments";

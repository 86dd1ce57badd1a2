/**
 * The common library of every function; docs/decisions/0005-functions.md tells how it is built. What a function does is
 * loaded when it is first called: no function pays for the SDKs of another.
 */
export { backfillCallSchema } from "./backfill-messages";
export { handle, handleBoth, handleQueue } from "./handlers";
export { idempotent } from "./idempotent";
export { httpRequestSchema } from "./trigger-messages";
export { jobStepSchema } from "./engines/steps";
export { reconcileRequestSchema } from "./reconcile/request";
export { redriveRequestSchema, stageAInputSchema, stageAStateSchema, stageBStateSchema } from "./messages";

/* eslint-disable @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports --
   an import would load all of it at once, and import() would need the files to be ES modules */

type Work<Input, Output> = (input: Input) => Promise<Output>;

/** The work of a module that is loaded at the first call. */
function late<Input, Output>(load: () => Work<Input, Output>): Work<Input, Output> {
  return async (input) => load()(input);
}

export const route = late(() => (require("./flow/routing") as typeof import("./flow/routing")).route);
export const redriveArrivals = late(
  () => (require("./flow/redrive") as typeof import("./flow/redrive")).redriveArrivals,
);
export const backfill = late(() => (require("./flow/backfill") as typeof import("./flow/backfill")).backfill);
export const answerRequest = late(() => (require("./flow/trigger") as typeof import("./flow/trigger")).answerRequest);

export const reconcile = late(() => (require("./flow/reconcile") as typeof import("./flow/reconcile")).reconcile);

export const runStageA = late(
  () => (require("./flow/start-stage-a") as typeof import("./flow/start-stage-a")).runStageA,
);
export const preUpdate = late(() => (require("./flow/pre-update") as typeof import("./flow/pre-update")).preUpdate);
export const processObjects = late(
  () => (require("./flow/process-object") as typeof import("./flow/process-object")).processObjects,
);
export const postUpdateA = late(
  () => (require("./flow/post-update-a") as typeof import("./flow/post-update-a")).postUpdateA,
);
export const recordErrorsA = late(() => (require("./flow/error-a") as typeof import("./flow/error-a")).recordErrorsA);
export const redriveStageA = late(() => (require("./flow/redrive") as typeof import("./flow/redrive")).redriveStageA);

export const startStageB = late(
  () => (require("./flow/start-stage-b") as typeof import("./flow/start-stage-b")).startStageB,
);
export const processData = late(
  () => (require("./flow/process-data") as typeof import("./flow/process-data")).processData,
);
export const checkJob = late(() => (require("./flow/check-job") as typeof import("./flow/check-job")).checkJob);
export const crawl = late(() => (require("./flow/crawl") as typeof import("./flow/crawl")).crawl);
export const publish = late(() => (require("./flow/publish") as typeof import("./flow/publish")).publish);
export const recordErrorsB = late(() => (require("./flow/error-b") as typeof import("./flow/error-b")).recordErrorsB);
export const recordStopped = late(
  () => (require("./flow/stopped-b") as typeof import("./flow/stopped-b")).recordStopped,
);
export const redriveStageB = late(() => (require("./flow/redrive") as typeof import("./flow/redrive")).redriveStageB);

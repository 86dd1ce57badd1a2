/** Deployment records: what was done to which stack, appended beside its state and never rewritten. docs/records.md */
export { expectationOf, secondsLeft, type Expectation } from "./estimate";
export { history, lastRecord, type History, type HistoryOptions } from "./read";
export { programRevision } from "./revision";
export { recordableSettings, type RecordableSettings } from "./settings";
export type { BeginRecord, Deployment, EndRecord, ProgramRevision, RecordKind, UnreadableRecord } from "./types";
export { beginRecord, endRecord, newRun, recordFolder, whoRuns, type Beginning, type Ending } from "./write";
export { recordedWork, type UnderGuard, type WorkEnding, type WorkPlace } from "./work";

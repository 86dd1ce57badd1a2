export { broadenings } from "./compare";
export { describeBroadenings, type DescribeOptions } from "./describe";
export { extractGrants } from "./extract";
export { widePermissions, type WidePermission } from "./lint";
export { broadeningsOfPreview, type ChangedStates, statesOf } from "./preview";
export type {
  Barrier,
  Broadening,
  BroadeningKind,
  Grant,
  Grants,
  PolicyDocument,
  PolicySource,
  PolicyStatement,
  ResourceState,
  Severity,
  Subject,
  SubjectKind,
} from "./types";

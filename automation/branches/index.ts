/** Environments that come and go with a git branch: docs/branches.md. */
export { branchUp, prepareBranch, type BranchUp, type PreparedBranch, type UpRequest } from "./up";
export { listBranches, type BranchList, type ListedBranch } from "./list";
export { branchDown, pruneBranches, type Pruned } from "./remove";
export { branchEnvironmentName, isBranchEnvironment } from "./name";
export type { BranchRecord } from "./records";
export type { BranchRequest, BranchTools } from "./tools";

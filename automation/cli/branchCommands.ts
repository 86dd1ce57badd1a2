import { environment, parallel } from "./common";
import type { CommandSpecification, FlagSpecification } from "./specification";

const template: FlagSpecification = {
  name: "template",
  summary: "the environment whose settings it gets; without it `branch` (Pulumi.branch.yaml), else `dev`, else `local`",
  value: "env",
};

const branch = { name: "branch", summary: "a git branch; without it the one that is checked out", optional: true };

const one = '{ "env", "branch", "owner", "createdAt", "expiresAt", "template" }';

/** Drift, and environments that come and go with a branch. */
export const branchCommands: CommandSpecification[] = [
  {
    name: "drift",
    summary: "what somebody changed or deleted in the cloud beside the engine",
    details:
      "Looks every recorded resource of all regions up and compares; nothing is changed, neither in the cloud nor in the state. Exit code 0: all is as it was deployed; 1: " +
      "something is not. --mend brings that back, and refuses when the checkout is not what is deployed. What no recorded resource stands for is not seen.",
    arguments: [environment],
    flags: [{ name: "mend", summary: "bring back what was changed or deleted, and look again" }, parallel],
    examples: [
      { line: "tributary drift prod", does: "names each resource and property, as recorded and as found" },
      { line: "tributary drift prod --mend", does: "brings them back" },
    ],
    json: '{ "ok": true, "drifted": n, "mended": false, "stacks": [{ "env", "region", "stack", "wave", "looked": n, "resources": [{ "urn", "type", "name", "kind": "changed" | "deleted", "properties": [{ "path", "recorded", "found" }] }], "ignored": […] }], "remaining"? }',
    module: "drift",
  },
  {
    name: "branch up",
    summary: "an environment of its own for a git branch, for some days",
    details:
      "Its name is made from the branch's (b-…), its settings from a template, made cheap and removable; everything in it is tagged with branch, owner and expiry. The same again deploys what " +
      "changed, and lets it live on. All other commands take its name: tributary query b-… .",
    arguments: [branch],
    flags: [
      {
        name: "ttl",
        summary: 'how long it lives from now, "1 hour" to "30 days"',
        value: "duration",
        default: "3 days",
      },
      template,
      {
        name: "images",
        summary: "a document of images build --json, whose images its functions run",
        value: "file",
      },
    ],
    examples: [
      { line: 'tributary branch up --ttl "1 day"', does: "for the branch that is checked out" },
      { line: "tributary branch up feature/orders --template local", does: "on the local AWS" },
    ],
    json: `{ "ok": true, ${one.slice(2, -2)}, "created": true, "changes": { … as deploy … }, "seconds": n }`,
    module: "branch-up",
  },
  {
    name: "branch down",
    summary: "remove a branch's environment and everything in it",
    arguments: [branch],
    flags: [template],
    examples: [{ line: "tributary branch down feature/orders", does: "leaves nothing of it" }],
    json: '{ "ok": true, "env", "seconds": n }',
    module: "branch-down",
  },
  {
    name: "branch list",
    summary: "all branches' environments: owner, age, expiry",
    details:
      "Read from the backend of the template, so everybody who shares it sees the same. Names what is left over, too: states without a record of who made them.",
    arguments: [],
    flags: [template],
    examples: [{ line: "tributary branch list", does: "a table" }],
    json: `{ "environments": [${one}, …with "expired", "gone": true | false | null, "deployed"], "unknown": [env, …], "damaged": [env, …] }`,
    module: "branch-list",
  },
  {
    name: "branch prune",
    summary: "remove the environments that have expired, and those whose branch is gone",
    details:
      "A branch is gone when it was on a remote and no remote nor this checkout has it any more; a remote that does not answer says nothing. Meant for a schedule: what fails is told, and " +
      "the others are removed all the same.",
    arguments: [],
    flags: [{ name: "dry-run", summary: "only say what would be removed" }, template],
    examples: [{ line: "tributary branch prune --dry-run", does: "names them, with the reason" }],
    json: '{ "ok": true, "environments": [{ "env", "branch", "why": "expired" | "gone", "status": "removed" | "failed" | "would be removed", "error"? }] }',
    module: "branch-prune",
  },
];

import { environment } from "./common";
import type { CommandSpecification } from "./specification";

/** Deployment records, and the way back to them. */
export const recordCommands: CommandSpecification[] = [
  {
    name: "history",
    summary: "what was done to an environment, by whom and with which result, newest first",
    details:
      "Read from the deployment records beside the state: one for each stack that a command worked on, never rewritten. A record without an end is `running` while its command " +
      "holds the stack's guard, else `interrupted`.",
    arguments: [environment],
    flags: [{ name: "limit", summary: "at most so many records; without it, all", value: "n", kind: "integer" }],
    examples: [{ line: "tributary history prod --limit 20", does: "the last 20 records" }],
    json: '{ "env", "deployments": [{ "id", "run", "kind", "target", "result", "who", "host", "startedAt", "endedAt"?, "seconds"?, "revision", "settings", "images"?, "changes"?, "planDigest"?, "rollbackTo"?, "error"? }], "unreadable": [{ "key", "reason" }] }',
    module: "history",
  },
  {
    name: "rollback",
    summary: "bring an environment back to an earlier deployment record: images, settings and program",
    details:
      "Without --to each stack goes back to what it successfully ran before the last command, and before commands that failed directly before that. The program is that of the record's commit, " +
      "in a worktree below .tributary/worktrees; no settings file is changed. What will change is shown first. A rollback is a record of its own: the next one goes back further, and the " +
      "next deploy brings the checkout's own program and settings again.",
    arguments: [environment],
    flags: [
      { name: "to", summary: "a record, or the run of a command, as `history` shows them", value: "id" },
      { name: "show", summary: "only say what would be rolled back" },
      {
        name: "parallel",
        summary: "most stacks at a time; without it as many as the memory of this machine allows",
        value: "n",
        kind: "integer",
      },
    ],
    examples: [
      { line: "tributary rollback prod --show", does: "which images, settings and revision would change" },
      { line: "tributary rollback prod", does: "back to what ran before the last deployment" },
    ],
    json:
      '{ "ok": true, "env", "stacks": [{ "stack", "from"?, "to"?, "revision"?, "why"?, "differences": [{ "kind": "image" | "setting" | "program", "name", "now"?, "then"? }] }], ' +
      '"results"?: [{ … as stacks of deploy … }], "seconds"? }',
    module: "rollback",
  },
];

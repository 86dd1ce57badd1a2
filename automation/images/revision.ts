import { randomBytes } from "node:crypto";
import { gitText, headOf } from "../git";

/** What is built, and in which run. Recorded with the images whose content it changed. */
export interface Revision {
  /** 40 hex digits; undefined when the tree has changes that no commit holds, or there is no git. */
  commit?: string;
  /** Unique to the run: up to 48 letters, digits, `.`, `_`, `-`. */
  buildId: string;
}

/**
 * The checkout's commit, and the run's id: `TRIBUTARY_BUILD_ID`, else CodeBuild's, else the time and a random part.
 *
 * @param env the process's environment
 * @param now the time
 */
export async function revisionOf(
  root: string,
  env: NodeJS.ProcessEnv = process.env,
  now = new Date(),
): Promise<Revision> {
  const given = env.TRIBUTARY_BUILD_ID ?? env.CODEBUILD_BUILD_ID;
  const buildId = given === undefined || given === "" ? ownId(now) : given.replace(/[^A-Za-z0-9_.-]/g, "-").slice(-48);
  const commit = await commitOf(root);
  return commit === undefined ? { buildId } : { commit, buildId };
}

function ownId(now: Date): string {
  const time = now.toISOString().replace(/[-:]|\.\d+/g, "");
  return `${time}-${randomBytes(3).toString("hex")}`;
}

async function commitOf(root: string): Promise<string | undefined> {
  const [commit, changes] = await Promise.all([
    headOf(root),
    gitText(root, "status", "--porcelain", "--untracked-files=normal"),
  ]);
  return changes === "" ? commit : undefined;
}

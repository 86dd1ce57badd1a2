import { createHash } from "node:crypto";
import { userError } from "../errors";

/** What names of branch environments begin with: no branch can take the place of an environment that has a settings file. */
const BRANCH_PREFIX = "b-";

/** Longest name of an environment that the program takes. */
const longest = 31;
/** Hexadecimal digits that tell branches apart whose names become the same. */
const digits = 8;

/** A name that ends as if it had a digest gets one of its own: otherwise it could be another branch's. */
const looksDigested = new RegExp(`(?:^|-)[0-9a-f]{${digits}}$`);

/**
 * The environment of a branch: `b-` and the branch's name in lower-case letters, digits and single hyphens. A name that is changed or cut
 * on the way gets a digest of the original, so that two branches never share an environment.
 *
 * @param branch any text
 */
export function branchEnvironmentName(branch: string): string {
  const plain = plainOf(branch);
  const fits = plain !== "" && plain === branch && BRANCH_PREFIX.length + plain.length <= longest;
  if (fits && !looksDigested.test(plain)) return `${BRANCH_PREFIX}${plain}`;
  const digest = createHash("sha256").update(branch).digest("hex").slice(0, digits);
  const room = longest - BRANCH_PREFIX.length - digits - 1;
  const short = plain.slice(0, room).replace(/-+$/, "");
  return short === "" ? `${BRANCH_PREFIX}${digest}` : `${BRANCH_PREFIX}${short}-${digest}`;
}

function plainOf(branch: string): string {
  const letters = branch.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return letters.replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
}

/** Whether a name is that of a branch environment. */
export function isBranchEnvironment(name: string): boolean {
  return name.length <= longest && /^b-[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name);
}

// git's own rules (git help check-ref-format), and what would be an option of a command line.
// eslint-disable-next-line no-control-regex
const refused = /[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|^[-/.]|\/\.|[/.]$|\.lock(?:\/|$)|^@$/;

/**
 * Checks a branch's name before it is handed to git.
 *
 * @throws user error `BranchInvalid`
 */
export function checkBranch(branch: string): string {
  if (branch !== "" && branch.length <= 250 && !refused.test(branch)) return branch;
  const found = JSON.stringify(branch.length > 80 ? `${branch.slice(0, 80)}…` : branch);
  const message = `${found} is no name of a git branch: up to 250 characters, none of space ~ ^ : ? * [ \\, no "..", not begun with -`;
  throw userError("BranchInvalid", message, "git branch --list shows the names");
}

import { toSeconds, type Duration } from "../../components/units";
import type { Backend } from "../backend";
import type { CommandContext } from "../commands/context";
import { TributaryError, userError } from "../errors";
import { builtFunctions, notPinned } from "../release/built";
import { whoRuns } from "../records";
import { environmentStacks } from "../stacks/environments";
import type { Deployed } from "../waves/deploy";
import { environmentFailure, type EnvironmentResult } from "../waves/results";
import { branchOf } from "./git";
import { branchEnvironmentName } from "./name";
import { readBranch, writeBranch, type BranchRecord } from "./records";
import { tagValue } from "./settings";
import { findTemplate, settingsFrom, type Template } from "./template";
import { checkoutId, toolsOf, withBackend, writeSettings, type BranchRequest, type BranchTools } from "./tools";

/** A branch's environment that is recorded, and whose settings are there. */
export interface PreparedBranch {
  record: BranchRecord;
  /** It was not there before. */
  created: boolean;
}

/** One that was brought up. */
export interface BranchUp extends PreparedBranch {
  result: EnvironmentResult<Deployed>;
}

/** How an environment is brought up. */
export interface UpRequest extends BranchRequest {
  /** How long it lives from now: "1 hour" to "30 days". */
  ttl: string;
  /** Document of `images build --json`, whose images its functions run. @default those that the template names */
  images?: string;
}

const shortest = 3_600;
const longestDays = 30;

/**
 * Records a branch's environment, or lets it live on, and writes its settings, so that it can be deployed as any other.
 *
 * @throws user errors of branch, template and ttl; `BranchTaken`
 */
export async function prepareBranch(
  context: CommandContext,
  request: UpRequest,
  tools = toolsOf(context),
): Promise<PreparedBranch> {
  const seconds = lifetime(request.ttl);
  const branch = await branchOf(tools.git, request.branch);
  const template = findTemplate(context.root, request.template);
  const images = await imagesFrom(request.images, template);
  const prepared = await withBackend(context, template, async (backend) => {
    const asked = await describe(context, tools, branch, template, { seconds, images });
    return keep(backend, template.stack.project, asked);
  });
  await writeSettings(context.root, prepared.record);
  return prepared;
}

/**
 * Brings a branch's environment up, or lets it live on and deploys what changed; asks no gates.
 *
 * @throws those of {@link prepareBranch}; TributaryError when the deployment fails
 */
export async function branchUp(
  context: CommandContext,
  request: UpRequest & { parallel?: number },
  tools = toolsOf(context),
): Promise<BranchUp> {
  const prepared = await prepareBranch(context, request, tools);
  const parallel = request.parallel === undefined ? {} : { parallel: request.parallel };
  const result = await tools.deploy(context, environmentStacks(context.root, prepared.record.env), parallel);
  if (!result.ok) throw environmentFailure(result, "deployed");
  return { ...prepared, result };
}

function lifetime(ttl: string): number {
  const seconds = toSeconds(ttl as Duration, "--ttl");
  if (seconds >= shortest && seconds <= longestDays * 86_400) return seconds;
  const message = `--ttl: found "${ttl}"; allowed: from "1 hour" to "${longestDays} days"`;
  throw userError("InvalidDuration", message, "branch up again lets an environment live on");
}

/** Functions of archives, and those whose images the deployment itself builds, have none of another build. */
async function imagesFrom(file: string | undefined, { stack }: Template): Promise<Record<string, string> | undefined> {
  return file === undefined || notPinned(stack) !== undefined ? undefined : builtFunctions(file);
}

type Asked = Omit<BranchRecord, "format" | "id">;

async function describe(
  { root }: CommandContext,
  { git, now }: BranchTools,
  branch: string,
  template: Template,
  { seconds, images }: { seconds: number; images: Record<string, string> | undefined },
): Promise<Asked> {
  const [email, pushed] = await Promise.all([git.email(), git.isRemote(branch)]);
  const owner = email ?? whoRuns();
  const expiresAt = new Date(now().getTime() + seconds * 1000).toISOString();
  // A day, so that a renewal on the same day is no change of every resource.
  const tags = { branch: tagValue(branch), owner: tagValue(owner), expires: expiresAt.slice(0, 10) };
  const env = branchEnvironmentName(branch);
  const settings = settingsFrom(template, { tags, images });
  const times = { createdAt: now().toISOString(), expiresAt };
  return {
    env,
    branch,
    owner,
    checkout: checkoutId(root),
    ...times,
    pushed: pushed === true,
    template: template.name,
    settings,
  };
}

/** Writes the record before anything is made, so that nothing is ever there that nobody finds. */
async function keep(
  { files }: Backend,
  project: string,
  asked: Asked,
): Promise<{ record: BranchRecord; created: boolean }> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const former = await readBranch(files, project, asked.env);
    if (former && former.record.branch !== asked.branch) {
      const message = `${asked.env} is the environment of the branch ${former.record.branch}, made by ${former.record.owner}`;
      throw userError("BranchTaken", message, "rename the branch: its name and that one come to the same");
    }
    const { createdAt, pushed } = former?.record ?? asked;
    const next = { ...asked, createdAt, pushed: asked.pushed || pushed };
    if (!(await writeBranch(files, project, next, former))) continue;
    const kept = await readBranch(files, project, asked.env);
    if (kept) return { record: kept.record, created: former === undefined };
  }
  throw new TributaryError(`the record of ${asked.env} is written by others again and again`, {
    code: "BranchBusy",
    next: "run the command again when the other one has ended",
  });
}

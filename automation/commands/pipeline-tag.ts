import type { Values } from "../cli/specification";
import { userError } from "../errors";
import { git } from "../git";
import { chooseReleaseTag } from "../pipeline/model";
import { writeVariables } from "../pipeline/steps/variables";
import type { CommandContext, Outcome } from "./context";

/** Default of the pipeline's variable: CodePipeline takes no empty one. */
const NONE = "none";

/** `tributary pipeline tag <env> <team>` */
export async function run({ root }: CommandContext, values: Values): Promise<Outcome> {
  const [env, team] = [String(values.env), String(values.team)];
  const here = await tagsAtHead(root);
  const wanted = values.tag === undefined || values.tag === NONE ? undefined : String(values.tag);
  if (wanted !== undefined && !here.includes(wanted)) {
    const message = `the commit that is checked out has no tag ${JSON.stringify(wanted.slice(0, 200))}; it has: ${here.join(", ") || "none"}`;
    throw userError("ReleaseTagMissing", message, "start the pipeline for the commit that has it");
  }
  const { tag, region, version } = chooseReleaseTag(wanted === undefined ? here : [wanted], env, team);
  const variables = { TAG: tag, REGION_FLAGS: region === undefined ? "" : `--region ${region}`, VERSION: version };
  if (typeof values.variables === "string") await writeVariables(values.variables, variables);
  return {
    document: { ok: true, tag, env, team, region: region ?? null, version },
    text: `${tag}: version ${version} of ${team} to ${region ?? "all regions"} of ${env}\n`,
  };
}

async function tagsAtHead(root: string): Promise<string[]> {
  const { exitCode, stdout, stderr } = await git(root, ["tag", "--points-at", "HEAD"]);
  if (exitCode === 0) return stdout.split("\n").filter(Boolean);
  const message = `git does not tell the tags of ${root}: ${stderr.trim() || "it is no repository, or git is missing"}`;
  throw userError("ReleaseTagMissing", message, "run it in a clone with its history and tags");
}

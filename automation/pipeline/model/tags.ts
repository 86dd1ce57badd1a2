import { userError } from "../../errors";
import { isRegion } from "../../settings/values";

/** What a release tag asks for. */
export interface ReleaseTag {
  /** The tag as it stands in git. */
  tag: string;
  environment: string;
  /** Undefined: all regions of the environment (`<env>_global/…`). */
  region: string | undefined;
  team: string;
  version: string;
}

/** Stands for all regions of an environment in a tag. */
const everywhere = "global";

const slug = /^[a-z][a-z0-9-]{0,30}$/;
// What git allows in the last part of a tag (git help check-ref-format), and no character that means something to a shell.
const version = /^(?!.*\.\.)(?!.*\.lock$)[A-Za-z0-9][A-Za-z0-9._+-]{0,62}(?<!\.)$/;

/**
 * Reads a tag of the form `<env>_<region>/<team>/<version>` or `<env>_global/<team>/<version>`: that version of the team's program is
 * deployed to that region of the environment, or to all, and nothing else is.
 *
 * @param tag any text: tags are made by whoever may push
 * @returns undefined for a tag of any other form
 */
export function parseReleaseTag(tag: string): ReleaseTag | undefined {
  const parts = tag.split("/");
  const [place = "", team = "", name = ""] = parts;
  const at = place.indexOf("_");
  if (parts.length !== 3 || at < 0) return undefined;
  const [environment, region] = [place.slice(0, at), place.slice(at + 1)];
  const known = slug.test(environment) && slug.test(team) && version.test(name);
  if (!known || (region !== everywhere && !isRegion(region))) return undefined;
  return { tag, environment, region: region === everywhere ? undefined : region, team, version: name };
}

/** The patterns of CodePipeline that match the release tags of one team in one environment, and hardly any other. */
export function releaseTagPatterns(environment: string, team: string): string[] {
  return [`${environment}_*/${team}/*`];
}

/**
 * The release tag that an execution is for: CodePipeline tells a build the commit, not the tag that started it.
 *
 * @param tags all tags of the commit
 * @throws user error `ReleaseTagMissing` without one for this environment and team, `ReleaseTagAmbiguous` with several
 */
export function chooseReleaseTag(tags: readonly string[], environment: string, team: string): ReleaseTag {
  const found = tags.flatMap((tag) => parseReleaseTag(tag) ?? []);
  const ours = found.filter((tag) => tag.environment === environment && tag.team === team);
  const [only, ...others] = ours;
  const form = `${environment}_<region>/${team}/<version> or ${environment}_${everywhere}/${team}/<version>`;
  if (!only) {
    const there =
      tags.length === 0
        ? "no tag"
        : tags
            .slice(0, 10)
            .map((tag) => JSON.stringify(tag))
            .join(", ");
    const message = `the commit has no release tag of ${team} for ${environment}: found ${there}; allowed is ${form}`;
    throw userError(
      "ReleaseTagMissing",
      message,
      `git tag ${environment}_${everywhere}/${team}/1.0.0 && git push --tags`,
    );
  }
  if (others.length === 0) return only;
  throw userError(
    "ReleaseTagAmbiguous",
    `the commit has ${ours.length} release tags of ${team} for ${environment}, and only one can be meant: ${ours.map(({ tag }) => tag).join(", ")}`,
    "name the one that is meant in the pipeline's variable RELEASE_TAG, or remove the others from the commit",
  );
}

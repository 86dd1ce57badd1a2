import { type Duration, toDays } from "../units";

/** Tags that begin with this keep their image for ever: who deploys an image gives it such a tag until it is replaced. */
export const DEPLOYED = "deployed.";

/** ECR's limit of rules in one lifecycle policy. */
const RULES = 50;

/** ECR's largest count. */
const UNLIMITED = 10_000;

/**
 * ECR's lifecycle policy for images: each function keeps its last `keep` images, what is deployed is never touched, and
 * what lost its tags ends after a week. An image that a rule selects by its tags is out of reach of the rules after it.
 *
 * @param names the images' names, which their tags begin with
 */
export function imageLifecycle(names: readonly string[], keep: number): string {
  const deployed = rule(`everything that carries a tag ${DEPLOYED}…`, tagged([`${DEPLOYED}*`], UNLIMITED));
  const untagged = rule("untagged: one week", {
    tagStatus: "untagged",
    countType: "sinceImagePushed",
    countUnit: "days",
    countNumber: 7,
  });
  const each = names.map((name) => rule(`the last ${keep} of ${name}`, tagged([`${name}.*`], keep)));
  const all = [rule(`the last ${keep} of each function, counted together`, tagged(["*"], keep * names.length))];
  const counted = each.length + 2 <= RULES ? each : all;
  return JSON.stringify({
    rules: [deployed, ...counted, untagged].map((one, index) => ({ rulePriority: index + 1, ...one })),
  });
}

/** ECR's lifecycle policy for the builder's cache: what was not pushed again for so long is forgotten. */
export function cacheLifecycle(keep: Duration, path: string): string {
  const selection = {
    tagStatus: "any",
    countType: "sinceImagePushed",
    countUnit: "days",
    countNumber: toDays(keep, path),
  };
  return JSON.stringify({ rules: [{ rulePriority: 1, ...rule(`cache: ${keep}`, selection) }] });
}

function rule(description: string, selection: object) {
  return { description, selection, action: { type: "expire" } };
}

function tagged(tagPatternList: string[], countNumber: number) {
  return {
    tagStatus: "tagged",
    tagPatternList,
    countType: "imageCountMoreThan",
    countNumber: Math.min(countNumber, UNLIMITED),
  };
}

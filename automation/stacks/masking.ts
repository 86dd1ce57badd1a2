const revealing = /(violates plan: properties changed:)[\s\S]*$/;

/**
 * Cuts what the engine says about an update plan that is not kept to: it lists values as they are, secret ones too
 * (pkg/resource/deploy/plan.go). Everything after it goes, because a value may have any number of lines.
 */
export function maskPlannedValues(text: string): string {
  return text.replace(revealing, "$1 (values are not shown: there may be secret ones among them)");
}

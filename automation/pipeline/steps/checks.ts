import { existsSync } from "node:fs";
import * as path from "node:path";
import { isBranchEnvironment } from "../../branches/name";
import type { Check } from "../../settings/driver";
import { BRANCHES } from "../../settings/deliveryRules";
import { deliveryFile, readDeliverySettings } from "../model";

/**
 * What Pulumi.delivery.yaml has an environment asked after its deployment; empty without that file. Environments of branches are asked what
 * the entry says that stands for all of them.
 */
export function deliveryChecks(root: string, env: string): Check[] {
  if (!existsSync(path.join(root, deliveryFile))) return [];
  const environments = Object.entries(readDeliverySettings(root).environments);
  const found = environments.find(
    ([name, { resources }]) => name === env || (resources === BRANCHES && isBranchEnvironment(env)),
  );
  return found?.[1].verify ?? [];
}

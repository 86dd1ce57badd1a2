import { existsSync } from "node:fs";
import * as path from "node:path";
import type { Check } from "../../settings/driver";
import { deliveryFile, readDeliverySettings } from "../model";

/** What Pulumi.delivery.yaml has an environment asked after its deployment; empty without that file. */
export function deliveryChecks(root: string, env: string): Check[] {
  if (!existsSync(path.join(root, deliveryFile))) return [];
  const { environments } = readDeliverySettings(root);
  return Object.hasOwn(environments, env) ? environments[env]!.verify : [];
}

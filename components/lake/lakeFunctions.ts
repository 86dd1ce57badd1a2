import type * as pulumi from "@pulumi/pulumi";
import type { LakeSettings } from "../../automation/settings";
import { ContainerFunction } from "../compute/ContainerFunction";
import type { Scope } from "../scope";
import { MAX_RECEIVES } from "../stages/Queue";
import { type Duration, toDays } from "../units";
import type { CustomerKey } from "../storage/CustomerKey";
import {
  type EnvName,
  functionDefinitions,
  type FunctionName,
  functionNames,
  type OptionalFunction,
} from "./functions";
import { type ArchiveParts, digestVariable, type LakeCode, packageOf } from "./packages";

/** How often an object is tried in a stage before it fails. */
export const MAX_ATTEMPTS = 3;

/** What every function of a lake is made with. */
export type FunctionParts = LakeCode & {
  scope: Scope;
  settings: LakeSettings;
  /** Only where functions run archives. */
  archives: ArchiveParts | undefined;
  /** Key that their logs are encrypted with. */
  key: CustomerKey;
  /** Values of all variables that functions may ask for. */
  environment: Record<EnvName, pulumi.Input<string>>;
};

/** How long what functions write into control tables is kept. */
function keptDays({ history, events, metrics }: LakeSettings["retention"]): Record<string, string> {
  const days = (kept: Duration, what: string) => String(toDays(kept, `retention.${what}`));
  return {
    HISTORY_DAYS: days(history, "history"),
    EVENTS_DAYS: days(events, "events"),
    METRICS_DAYS: days(metrics, "metrics"),
  };
}

/** The functions of a lake, by the folder that holds their code. */
export type LakeFunctions = Record<Exclude<FunctionName, OptionalFunction>, ContainerFunction> &
  Partial<Record<OptionalFunction, ContainerFunction>>;

/**
 * All functions of a lake, by the folder that holds their code.
 *
 * @param without those that no dataset wants
 */
export function lakeFunctions(
  lake: string,
  parts: FunctionParts,
  without: readonly OptionalFunction[],
  opts: pulumi.ComponentResourceOptions,
): LakeFunctions {
  const wanted = functionNames.filter((name) => !(without as readonly string[]).includes(name));
  return Object.fromEntries(
    wanted.map((name) => [name, lakeFunction(`${lake}-${name}`, name, parts, opts)]),
  ) as LakeFunctions;
}

function lakeFunction(
  logicalName: string,
  name: FunctionName,
  parts: FunctionParts,
  opts: pulumi.ComponentResourceOptions,
): ContainerFunction {
  const { scope, settings, environment } = parts;
  const { env, ...definition } = functionDefinitions[name];
  const { memory = definition.memory, tmp = definition.tmp, reservedConcurrency } = settings.functions[name] ?? {};
  const code = packageOf(name, parts, parts.archives);
  return new ContainerFunction(
    logicalName,
    {
      ...definition,
      scope,
      what: name,
      package: code,
      environment: {
        ...digestVariable(code),
        ...Object.fromEntries(env.map((variable) => [variable, environment[variable]])),
        POWERTOOLS_SERVICE_NAME: name,
        POWERTOOLS_LOG_LEVEL: settings.logLevel,
        MAX_ATTEMPTS: String(MAX_ATTEMPTS),
        MAX_RECEIVE_COUNT: String(MAX_RECEIVES),
        ...keptDays(settings.retention),
      },
      memory,
      tmp,
      reservedConcurrency,
      architecture: settings.architecture,
      logs: { retention: settings.retention.logs, key: parts.key },
      tracing: settings.tracing,
    },
    opts,
  );
}

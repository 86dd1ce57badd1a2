import type { EngineSettings } from "../../automation/settings/engines";
import type { EnvName } from "../../layer/config";
import type { Scope } from "../scope";
import { toBytes, toSeconds } from "../units";
import { inputDatabaseName } from "./AthenaInputs";

/** What functions need to know of engines, by its variable. */
export function engineEnvironment(scope: Scope, settings: EngineSettings) {
  const { duckdbLimit, athenaLimit, glue } = settings;
  return {
    INPUT_DATABASE_NAME: inputDatabaseName(scope),
    DUCKDB_LIMIT: String(toBytes(duckdbLimit, "tributary:engines.duckdbLimit")),
    ATHENA_LIMIT: String(toBytes(athenaLimit, "tributary:engines.athenaLimit")),
    GLUE_WORKERS: String(glue.workers),
    GLUE_WORKER_TYPE: glue.workerType,
    GLUE_MINUTES: String(toSeconds(glue.timeout, "tributary:engines.glue.timeout") / 60),
  } satisfies Partial<Record<EnvName, string>>;
}

import type { Lake } from "../../../automation/lake/connect";
import type { LakeOutputs } from "../../../automation/lake/outputs";
import { useClients } from "../../../layer/clients";
import { outputs } from "../automation/fakes";
import type { FakeLake } from "../layer/fakes/lake";
import { controlTables, TABLE_VARIABLES } from "../layer/fakes/tables";

/** Outputs of the lake that is fake: its tables and buckets. */
export const fakeOutputs: LakeOutputs = {
  ...outputs,
  objectMetadataTable: "objects",
  executionHistoryTable: "history",
  metricsTable: "metrics",
  eventsTable: "events",
  artifactsTable: "artifacts",
  dataSchemasTable: "schemas",
};

/** Control tables without a lake around them, where nothing has to flow. */
export function tables(): Pick<FakeLake, "dynamodb"> {
  const dynamodb = controlTables();
  Object.assign(process.env, TABLE_VARIABLES);
  useClients({ dynamodb: dynamodb as never });
  return { dynamodb };
}

/** The driver's view of a lake in memory. */
export function driverOf({ dynamodb, s3 }: Pick<FakeLake, "dynamodb"> & Partial<Pick<FakeLake, "s3">>): Lake {
  return { env: "local", outputs: fakeOutputs, dynamodb, s3 } as unknown as Lake;
}

import { TributaryError, userError } from "../errors";

/** A dataset's addresses in the stack outputs. */
export interface DatasetOutputs {
  table: string;
  stageAQueueUrl: string;
  stageADlqUrl: string;
  stageBQueueUrl: string;
  stageBDlqUrl: string;
}

/** The stack outputs that the driver uses (docs/architecture.md). */
export interface LakeOutputs {
  rawBucket: string;
  stageBucket: string;
  analyticsBucket: string;
  objectMetadataTable: string;
  executionHistoryTable: string;
  datasetsTable: string;
  metricsTable: string;
  eventsTable: string;
  artifactsTable: string;
  dataSchemasTable: string;
  database: string;
  workgroup: string;
  arrivalsQueueUrl: string;
  arrivalsDlqUrl: string;
  /** Lists what lies in the raw bucket, and sends what has no outcome. */
  backfillStateMachineArn: string;
  /** Where the HTTP API is, if a dataset wants one. */
  httpApiUrl?: string;
  /** Function name -> ARN of its alias. */
  functions: Record<string, string>;
  /** `team/dataset` -> its addresses. */
  datasets: Record<string, DatasetOutputs>;
  region: string;
  account: string;
}

const texts = [
  "rawBucket",
  "stageBucket",
  "analyticsBucket",
  "objectMetadataTable",
  "executionHistoryTable",
  "datasetsTable",
  "metricsTable",
  "eventsTable",
  "artifactsTable",
  "dataSchemasTable",
  "database",
  "workgroup",
  "arrivalsDlqUrl",
  "backfillStateMachineArn",
  "region",
  "account",
] as const satisfies (keyof LakeOutputs)[];

/**
 * Checks that a stack's outputs are those of a completely deployed lake.
 *
 * @throws TributaryError `NotDeployed` when some are missing, as after an interrupted first deployment
 */
export function lakeOutputs(outputs: Record<string, unknown>, env: string): LakeOutputs {
  const missing = [
    ...texts.filter((name) => typeof outputs[name] !== "string"),
    ...["functions", "datasets"].filter((name) => typeof outputs[name] !== "object" || outputs[name] === null),
  ];
  if (missing.length === 0) return outputs as unknown as LakeOutputs;
  const found =
    missing.length > texts.length
      ? "it was never deployed, or never to its end"
      : `these outputs are missing: ${missing.join(", ")}`;
  throw new TributaryError(`${env} is not deployed: ${found}`, {
    code: "NotDeployed",
    next: `tributary deploy ${env}`,
  });
}

/** A dataset's name in its two parts. */
export interface DatasetName {
  team: string;
  dataset: string;
}

/**
 * Looks a dataset up by what a person typed.
 *
 * @throws TributaryError `UnknownDataset`
 */
export function findDataset(outputs: LakeOutputs, name: string): DatasetName & DatasetOutputs {
  const known = Object.keys(outputs.datasets).sort();
  const found = known.includes(name) ? outputs.datasets[name] : undefined;
  if (!found) {
    const message = `there is no dataset "${name}"; datasets are written <team>/<dataset> and there are: ${known.join(", ") || "none"}`;
    throw userError(
      "UnknownDataset",
      message,
      `tributary ingest --help, or add datasets/${"<team>/<dataset>"}/manifest.yaml and deploy`,
    );
  }
  const [team, dataset] = name.split("/") as [string, string];
  return { team, dataset, ...found };
}

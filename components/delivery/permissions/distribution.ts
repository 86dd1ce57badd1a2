import type { DistributionStep } from "../../../automation/settings/distribution";
import type { Statement } from "../../iam";
import type { Scope } from "../../scope";
import { named } from "./services";

/** Where steps of an environment work. */
export interface DistributionPlace {
  /** Of the environment's account. */
  scope: Scope;
  /** Regions that the environment's deploy role works in. */
  regions: readonly string[];
}

/**
 * What an environment's further steps need beside what a lake needs: exactly the layers, jobs, databases and work groups that the
 * settings name. A job's role and the bucket of its script are not in the settings; they are reached when their names begin with
 * the environment's, as all that it makes.
 */
export function distributionStatements(place: DistributionPlace, steps: readonly DistributionStep[]): Statement[] {
  return steps.flatMap((step) => {
    switch (step.kind) {
      case "lambdaLayers":
        return layers(place, step);
      case "glueJob":
        return [{ actions: named("glue", "GetJob UpdateJob"), resources: arns(place, "glue", `job/${step.name}`) }];
      case "sqlMigrations":
        return step.engine === "redshift" ? redshift(place) : athena(place, step);
    }
  });
}

/** Actions of steps that AWS limits to no resource, and the regions of layers: both become part of a statement that is there anyway. */
export function unscopedSteps(steps: readonly DistributionStep[]): { actions: string[]; regions: string[] } {
  const published = steps.filter((step) => step.kind === "lambdaLayers");
  const asks = steps.some((step) => step.kind === "sqlMigrations" && step.engine === "redshift");
  return {
    actions: [
      ...(published.length > 0 ? ["lambda:ListLayerVersions"] : []),
      ...(asks ? named("redshift-data", "DescribeStatement GetStatementResult") : []),
    ],
    regions: published.flatMap(({ regions }) => regions),
  };
}

function arns({ scope, regions }: DistributionPlace, service: string, resource: string): string[] {
  return regions.map((region) => `arn:${scope.partition}:${service}:${region}:${scope.account}:${resource}`);
}

type Step<K extends DistributionStep["kind"]> = Extract<DistributionStep, { kind: K }>;

function layers({ scope }: DistributionPlace, { name, regions }: Step<"lambdaLayers">): Statement[] {
  return [{ actions: ["lambda:PublishLayerVersion"], resources: arns({ scope, regions }, "lambda", `layer:${name}`) }];
}

/** The lake's own database and work group are the deploy role's anyway. */
function athena(place: DistributionPlace, { database, workgroup }: Step<"sqlMigrations">): Statement[] {
  const tables = "CreateTable DeleteTable GetDatabase GetTable UpdateTable";
  const runs = named("athena", "GetQueryExecution StartQueryExecution");
  return [
    ...(workgroup === undefined ? [] : [{ actions: runs, resources: arns(place, "athena", `workgroup/${workgroup}`) }]),
    ...(database === undefined
      ? []
      : [
          {
            actions: named("glue", tables),
            resources: ["catalog", `database/${database}`, `table/${database}/*`].flatMap((each) =>
              arns(place, "glue", each),
            ),
          },
        ]),
  ];
}

/** The ARN of a work group holds its id, not its name. */
function redshift(place: DistributionPlace): Statement[] {
  const actions = [
    ...named("redshift-data", "BatchExecuteStatement ExecuteStatement"),
    "redshift-serverless:GetCredentials",
  ];
  return [{ actions, resources: arns(place, "redshift-serverless", "workgroup/*") }];
}

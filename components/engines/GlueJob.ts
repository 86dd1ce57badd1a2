import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { EngineSettings } from "../../automation/settings/engines";
import { Component, type Transform, transformed } from "../Component";
import { ServiceRole, type ServiceRoleArgs } from "../compute/ServiceRole";
import type { Catalog } from "../datasets/Catalog";
import { type Grantee, unscopableStatement } from "../iam";
import { arn, physicalName, type Scope } from "../scope";
import type { LakeStorage } from "../storage/LakeStorage";
import { toSeconds } from "../units";
import { ENGINES, ICEBERG, PRE } from "./prefixes";

/** Arguments of {@link GlueJob}. */
export interface GlueJobArgs {
  scope: Scope;
  storage: LakeStorage;
  catalog: Catalog;
  settings: EngineSettings["glue"];
  /** Changes to the children. */
  transform?: {
    job?: Transform<aws.glue.JobArgs>;
    script?: Transform<aws.s3.BucketObjectv2Args>;
    security?: Transform<aws.glue.SecurityConfigurationArgs>;
    role?: ServiceRoleArgs["transform"];
  };
}

/** The parts of a {@link GlueJob}. */
export interface GlueJobNodes {
  job: aws.glue.Job;
  script: aws.s3.BucketObjectv2;
  security: aws.glue.SecurityConfiguration;
  role: ServiceRole;
}

/** What the job runs. */
export const SCRIPT = path.join(__dirname, "../../layer/engines/glue/transform.py");

/** Glue 5.0: Spark 3.5.4, Python 3.11, with Iceberg 1.7.1. */
const GLUE_VERSION = "5.0";

/** Where Glue writes the logs of all jobs, encrypted with the security configuration's key. */
const LOG_GROUPS = "/aws-glue/jobs";

/** Name of the lake's job, known before it exists. */
export function glueJobName(scope: Scope): string {
  return physicalName("glueJob", scope, "transform");
}

/**
 * The lake's Spark job. There is one for all datasets: what it has to do with a batch, it reads from a file that Stage B wrote.
 * It keeps no bookmarks, because Stage B says which objects are to be done.
 */
export class GlueJob extends Component<GlueJobNodes> {
  readonly nodes: GlueJobNodes;
  private readonly args: GlueJobArgs;

  constructor(
    private readonly logicalName: string,
    args: GlueJobArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("engines:GlueJob", logicalName, opts);
    this.args = args;
    const { scope, transform = {} } = args;
    const role = new ServiceRole(
      logicalName,
      { scope, what: "glue-transform", service: "glue", transform: transform.role },
      this.child(),
    );
    this.grant(role);
    const script = this.script();
    const security = this.security();
    const job = new aws.glue.Job(
      `${logicalName}-job`,
      transformed(transform.job, {
        ...this.job(script),
        roleArn: role.arn,
        securityConfiguration: security.name,
      }),
      this.child({ dependsOn: role.policy }),
    );
    this.nodes = { job, script, security, role };
    this.registerOutputs({ name: job.name });
  }

  /** Allows starting runs of the job, looking at them and stopping them: what Step Functions does while it waits. */
  grantRun(grantee: Grantee): void {
    grantee.addStatements({
      actions: ["glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"],
      resources: [arn(this.args.scope, "glue", `job/${glueJobName(this.args.scope)}`)],
    });
  }

  private grant(role: ServiceRole): void {
    const { scope, storage, catalog } = this.args;
    for (const prefix of [PRE, ENGINES, ICEBERG]) storage.stage.grantRead(role, prefix);
    for (const prefix of [PRE, ENGINES, ICEBERG, "code/glue/"]) storage.stage.grantList(role, prefix);
    storage.stage.grantRead(role, "code/glue/");
    for (const prefix of [ENGINES, ICEBERG]) {
      storage.stage.grantWrite(role, prefix);
      storage.stage.grantDelete(role, prefix);
    }
    catalog.grantTables(role, "write");
    const groups = arn(scope, "logs", `log-group:${LOG_GROUPS}/*`);
    role.addStatements(
      {
        actions: ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:AssociateKmsKey"],
        resources: [groups],
      },
      unscopableStatement("metrics"),
    );
  }

  private script(): aws.s3.BucketObjectv2 {
    const { storage, transform } = this.args;
    // Runs that are on their way keep their script.
    const digest = createHash("sha256").update(readFileSync(SCRIPT)).digest("hex").slice(0, 12);
    return new aws.s3.BucketObjectv2(
      `${this.logicalName}-script`,
      transformed(transform?.script, {
        bucket: storage.stage.bucketName,
        key: `code/glue/transform-${digest}.py`,
        source: new pulumi.asset.FileAsset(SCRIPT),
      }),
      this.child({ dependsOn: storage.stage.nodes.encryption }),
    );
  }

  private security(): aws.glue.SecurityConfiguration {
    const { scope, storage, transform } = this.args;
    const kmsKeyArn = storage.key.arn;
    return new aws.glue.SecurityConfiguration(
      `${this.logicalName}-security`,
      transformed(transform?.security, {
        name: physicalName("glueSecurityConfiguration", scope, "transform"),
        encryptionConfiguration: {
          cloudwatchEncryption: { cloudwatchEncryptionMode: "SSE-KMS", kmsKeyArn },
          jobBookmarksEncryption: { jobBookmarksEncryptionMode: "DISABLED" },
          s3Encryption: { s3EncryptionMode: "SSE-KMS", kmsKeyArn },
        },
      }),
      this.child(),
    );
  }

  private job(script: aws.s3.BucketObjectv2) {
    const { scope, settings, storage } = this.args;
    return {
      name: glueJobName(scope),
      description: `Heavy transforms of ${scope.project} ${scope.env}`,
      glueVersion: GLUE_VERSION,
      command: {
        name: "glueetl",
        pythonVersion: "3",
        scriptLocation: pulumi.interpolate`s3://${script.bucket}/${script.key}`,
      },
      workerType: settings.workerType,
      numberOfWorkers: settings.workers,
      timeout: toSeconds(settings.timeout, "tributary:engines.glue.timeout") / 60,
      // Stage B tries again, and knows what is worth it.
      maxRetries: 0,
      executionProperty: { maxConcurrentRuns: settings.concurrentRuns },
      defaultArguments: {
        "--job-language": "python",
        "--job-bookmark-option": "job-bookmark-disable",
        "--enable-metrics": "true",
        "--enable-observability-metrics": "true",
        "--enable-continuous-cloudwatch-log": "true",
        "--datalake-formats": "iceberg",
        "--warehouse": pulumi.interpolate`s3://${storage.stage.bucketName}/${ICEBERG}`,
      },
    };
  }
}

import { parse } from "yaml";
import { deliveryProgram } from "../../../../components/delivery/program";
import { pipelinesOf, readDelivery, type PipelineModel } from "../../../../automation/pipeline/model";
import { run, type Registered } from "../../components/support/mocks";

/** The connection of the example. */
export const connection =
  "arn:aws:codeconnections:eu-west-1:123456789012:connection/00000000-0000-4000-8000-000000000000";

/** Settings with everything that a settings file can ask for. */
export const everything = `
config:
  aws:region: eu-west-1
  tributary:backend: s3://states/tributary?region=eu-west-1
  tributary:secretsProvider: awskms://alias/states?region=eu-west-1
  tributary:repositories:
    app: { provider: codeconnections, connection: "${connection}", repository: acme/lake }
    tools: { provider: codecommit, repository: tools, branch: trunk }
    drop: { provider: s3, repository: drop-bucket/app/source.zip }
  tributary:definition: app
  tributary:environments:
    dev: {}
    staging:
      steps:
        - { kind: sqlMigrations, name: warehouse, folder: migrations, engine: athena, database: lake }
        - { kind: glueJob, name: nightly, script: glue/nightly.py, test: python3 -m unittest, when: after }
        - { kind: sqlMigrations, name: figures, folder: sql/figures, engine: redshift, database: figures, workgroup: figures }
        - { kind: lambdaLayers, name: extras, folder: extras, regions: [eu-west-1, us-east-1], runtimes: [nodejs22.x] }
    prod:
      account: "210987654321"
      bootstrapRole: arn:aws:iam::210987654321:role/bootstrap
      regions: [eu-west-1, us-east-1]
      approval: always
      secretsProvider: awskms:///arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-4000-8000-000000000001?region=eu-west-1
      resilience: arn:aws:resiliencehub:eu-west-1:210987654321:app/00000000-0000-4000-8000-000000000000
    branch: { resources: b, template: dev }
  tributary:pipelines:
    lake:
      repository: app
      waves: [[dev], [staging, prod]]
      onFailure: rollback
      tags: true
      branches: { include: ["feature/**"], environment: branch }
    tools: { repository: tools, layer: false, waves: [[dev]], mode: SUPERSEDED, onFailure: retry, scan: false }
    drop: { repository: drop, layer: false, waves: [[staging]] }
  tributary:openBranches: { lake: [feature/orders, feature/UPPER] }
  tributary:notifications:
    emails: [team@example.com]
    chat: { slackTeam: T0123ABCD, slackChannel: C0123ABCD }
`;

/** The pipelines of a settings text, by name. */
export function modelsOf(text: string): Record<string, PipelineModel> {
  return Object.fromEntries(pipelinesOf(readDelivery(text)).map((model) => [model.name, model]));
}

/** Everything that the program of the stack `delivery` registers for a settings text. */
export async function build(text: string): Promise<{ resources: Registered[]; outputs: Record<string, unknown> }> {
  const { config } = parse(text) as { config: Record<string, unknown> };
  const values = Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
  );
  const raw = { project: "tributary", stack: "delivery", values };
  const { resources, outputs } = await run(() => deliveryProgram(raw), { stack: "delivery" });
  return { resources, outputs: outputs as Record<string, unknown> };
}

import * as pulumi from "@pulumi/pulumi";
import type { Scope } from "./scope";

/** Types in the program that AWS can tag. A test compares this list with the types that `@pulumi/aws` gives tags. */
export const taggable: ReadonlySet<string> = new Set([
  "aws:apigatewayv2/api:Api",
  "aws:apigatewayv2/stage:Stage",
  "aws:athena/workgroup:Workgroup",
  "aws:chatbot/slackChannelConfiguration:SlackChannelConfiguration",
  "aws:cloudwatch/eventRule:EventRule",
  "aws:cloudwatch/logGroup:LogGroup",
  "aws:codebuild/project:Project",
  "aws:codepipeline/pipeline:Pipeline",
  "aws:dynamodb/table:Table",
  "aws:ec2/securityGroup:SecurityGroup",
  "aws:ecr/repository:Repository",
  "aws:glue/catalogDatabase:CatalogDatabase",
  "aws:iam/policy:Policy",
  "aws:iam/role:Role",
  "aws:kms/key:Key",
  "aws:lambda/eventSourceMapping:EventSourceMapping",
  "aws:lambda/function:Function",
  "aws:s3/bucket:Bucket",
  "aws:sfn/stateMachine:StateMachine",
  "aws:sns/topic:Topic",
  "aws:sqs/queue:Queue",
]);

/** A transformation that gives every taggable resource below a component these tags; a resource's own tags win. */
export function defaultTags(tags: Readonly<Record<string, string>>): pulumi.ResourceTransformation {
  return ({ type, props, opts }) => {
    if (!taggable.has(type)) return undefined;
    const own = props as { tags?: pulumi.Input<Record<string, pulumi.Input<string>>> };
    return { props: { ...own, tags: pulumi.output(own.tags).apply((given) => ({ ...tags, ...given })) }, opts };
  };
}

/** Options of a component, with the tags that everything below it gets: `tags`, project, env and stack. */
export function withDefaultTags(
  { project, env, stack }: Scope,
  tags: Readonly<Record<string, string>>,
  opts: pulumi.ComponentResourceOptions = {},
): pulumi.ComponentResourceOptions {
  return pulumi.mergeOptions({ transformations: [defaultTags({ ...tags, project, env, stack })] }, opts);
}

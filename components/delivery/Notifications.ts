import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { Component, type Transform, transformed } from "../Component";
import { ServiceRole } from "../compute/ServiceRole";
import { arn, physicalName, type Scope } from "../scope";
import type { CustomerKey } from "../storage/CustomerKey";

/** What is told. */
export type Occasion = "failure" | "approval" | "success";

/** Arguments of {@link Notifications}. */
export interface NotificationsArgs {
  scope: Scope;
  key: CustomerKey;
  /** Addresses; each is asked to confirm once. @default none */
  emails?: readonly string[];
  /** What is told. @default all */
  on?: readonly Occasion[];
  /** A channel of Slack, by Amazon Q Developer in chat applications. @default none */
  chat?: { slackTeam: string; slackChannel: string };
  /** Changes to the children. */
  transform?: {
    topic?: Transform<aws.sns.TopicArgs>;
    rule?: Transform<aws.cloudwatch.EventRuleArgs>;
    chat?: Transform<aws.chatbot.SlackChannelConfigurationArgs>;
  };
}

/** The resources of {@link Notifications}. */
export interface NotificationsNodes {
  topic: aws.sns.Topic;
  policy: aws.sns.TopicPolicy;
  subscriptions: aws.sns.TopicSubscription[];
  rules: Partial<Record<Occasion, aws.cloudwatch.EventRule>>;
  targets: aws.cloudwatch.EventTarget[];
  /** Only with `chat`: Amazon Q takes messages of its own form, which nobody wants as e-mail. */
  chatTopic?: aws.sns.Topic;
  chat?: aws.chatbot.SlackChannelConfiguration;
}

/** Where people hear of what pipelines do: what failed and why, what waits for them, what is done, each with a link. */
export class Notifications extends Component<NotificationsNodes> {
  readonly nodes: NotificationsNodes;
  /** ARN of the topic that approvals are asked for on. */
  readonly topicArn: pulumi.Output<string>;

  constructor(
    private readonly logicalName: string,
    private readonly args: NotificationsArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("delivery:Notifications", logicalName, opts);
    const { emails = [], chat } = args;
    const topic = this.topic("notifications");
    const chatTopic = chat && this.topic("chat");
    const topics = [topic, ...(chatTopic ? [chatTopic] : [])];
    this.topicArn = topic.arn;
    const rules = this.rules();
    this.nodes = {
      topic,
      policy: this.policy("notifications", topic),
      subscriptions: emails.map((email) => this.subscribe(topic, email)),
      rules,
      targets: topics.flatMap((each) => this.targets(each, rules, each === chatTopic)),
      ...(chatTopic && chat ? { chatTopic, chat: this.slack(chatTopic, chat) } : {}),
    };
    if (chatTopic) this.policy("chat", chatTopic);
    this.registerOutputs({ topicArn: this.topicArn });
  }

  private topic(what: string): aws.sns.Topic {
    const { scope, key, transform } = this.args;
    return new aws.sns.Topic(
      `${this.logicalName}-${what}`,
      transformed(transform?.topic, { name: physicalName("snsTopic", scope, what), kmsMasterKeyId: key.arn }),
      this.child(),
    );
  }

  private policy(what: string, topic: aws.sns.Topic): aws.sns.TopicPolicy {
    const { account, dnsSuffix } = this.args.scope;
    return new aws.sns.TopicPolicy(
      `${this.logicalName}-${what}-policy`,
      { arn: topic.arn, policy: topic.arn.apply((each) => topicPolicy(each, account, dnsSuffix)) },
      this.child(),
    );
  }

  private subscribe(topic: aws.sns.Topic, endpoint: string): aws.sns.TopicSubscription {
    const name = `${this.logicalName}-${endpoint.replace(/[^A-Za-z0-9]+/g, "-")}`;
    return new aws.sns.TopicSubscription(name, { topic: topic.arn, protocol: "email", endpoint }, this.child());
  }

  private rules(): Partial<Record<Occasion, aws.cloudwatch.EventRule>> {
    const { scope, on = ["failure", "approval", "success"], transform } = this.args;
    const make = (occasion: Occasion) =>
      new aws.cloudwatch.EventRule(
        `${this.logicalName}-${occasion}`,
        transformed(transform?.rule, {
          name: physicalName("eventRule", scope, `pipeline-${occasion}`),
          eventPattern: JSON.stringify(patternOf(occasion, `${scope.project}-${scope.env}-`)),
        }),
        this.child(),
      );
    return Object.fromEntries(on.map((occasion) => [occasion, make(occasion)]));
  }

  private targets(
    topic: aws.sns.Topic,
    rules: NotificationsNodes["rules"],
    chat: boolean,
  ): aws.cloudwatch.EventTarget[] {
    const told = Object.entries(rules) as [Occasion, aws.cloudwatch.EventRule][];
    // CodePipeline itself writes to the topic when it asks for an approval.
    return told
      .filter(([occasion]) => chat || occasion !== "approval")
      .map(([occasion, rule]) => {
        const name = `${this.logicalName}-${occasion}-${chat ? "chat" : "mail"}`;
        const inputTransformer = messageOf(occasion, this.args.scope, chat);
        return new aws.cloudwatch.EventTarget(
          name,
          { rule: rule.name, arn: topic.arn, inputTransformer },
          this.child(),
        );
      });
  }

  private slack(topic: aws.sns.Topic, { slackTeam, slackChannel }: NonNullable<NotificationsArgs["chat"]>) {
    const { scope, transform } = this.args;
    const role = new ServiceRole(
      `${this.logicalName}-chat`,
      { scope, what: "chat", service: "chatbot", sourceAccount: false },
      this.child(),
    );
    role.addStatements({
      actions: ["codepipeline:GetPipelineState"],
      resources: [arn(scope, "codepipeline", `${scope.project}-${scope.env}-*`)],
    });
    return new aws.chatbot.SlackChannelConfiguration(
      `${this.logicalName}-slack`,
      transformed(transform?.chat, {
        configurationName: physicalName("chatConfiguration", scope, "delivery"),
        iamRoleArn: role.arn,
        slackTeamId: slackTeam,
        slackChannelId: slackChannel,
        snsTopicArns: [topic.arn],
        // Nobody works on AWS from the channel, whatever the role allows.
        guardrailPolicyArns: [`arn:${scope.partition}:iam::aws:policy/AWSDenyAll`],
      }),
      this.child(),
    );
  }
}

/** What EventBridge may publish to a topic: of rules of this account. */
export function topicPolicy(topic: string, account: string, dnsSuffix: string): string {
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "RulesOfTheAccount",
        Effect: "Allow",
        Principal: { Service: `events.${dnsSuffix}` },
        Action: "sns:Publish",
        Resource: topic,
        Condition: { StringEquals: { "aws:SourceAccount": account } },
      },
      {
        Sid: "DenyWithoutTls",
        Effect: "Deny",
        Principal: "*",
        Action: "sns:Publish",
        Resource: topic,
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      },
    ],
  });
}

/** Events of the pipelines whose names begin with `start`. A failure is told by the action that failed: only that event has a reason. */
export function patternOf(occasion: Occasion, start: string): object {
  const pipeline = [{ prefix: start }];
  const action = "CodePipeline Action Execution State Change";
  switch (occasion) {
    case "failure":
      return { source: ["aws.codepipeline"], "detail-type": [action], detail: { pipeline, state: ["FAILED"] } };
    case "approval": {
      const detail = { pipeline, state: ["STARTED"], type: { category: ["Approval"] } };
      return { source: ["aws.codepipeline"], "detail-type": [action], detail };
    }
    case "success": {
      const kind = "CodePipeline Pipeline Execution State Change";
      return { source: ["aws.codepipeline"], "detail-type": [kind], detail: { pipeline, state: ["SUCCEEDED"] } };
    }
  }
}

const sentences: Readonly<Record<Occasion, string>> = {
  failure: "<pipeline>: <action> in <stage> failed: <reason> <log>",
  approval: "<pipeline>: <stage> waits for your approval",
  success: "<pipeline>: everything is deployed and verified",
};

/** What a person reads: what, where, why, and a link to the execution; for chat in Amazon Q's own form. */
export function messageOf(occasion: Occasion, { region }: Pick<Scope, "region">, chat: boolean) {
  const link = `https://${region}.console.aws.amazon.com/codesuite/codepipeline/pipelines/<pipeline>/executions/<execution>/timeline`;
  const paths = {
    pipeline: "$.detail.pipeline",
    execution: "$.detail.execution-id",
    ...(occasion === "success" ? {} : { stage: "$.detail.stage", action: "$.detail.action" }),
    ...(occasion === "failure"
      ? {
          reason: "$.detail.execution-result.external-execution-summary",
          log: "$.detail.execution-result.external-execution-url",
        }
      : {}),
  };
  const inputTemplate = chat
    ? JSON.stringify({
        version: "1.0",
        source: "custom",
        content: { title: `<pipeline>: ${occasion}`, description: `${sentences[occasion]}\n${link}` },
      })
    : JSON.stringify(`${sentences[occasion]} ${link}`);
  return { inputPaths: paths, inputTemplate };
}

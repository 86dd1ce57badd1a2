import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { START_ROUTE, STATUS_ROUTE } from "../../layer/trigger-messages";
import { Component, type Transform, transformed } from "../Component";
import { type ContainerFunction, LIVE } from "../compute/ContainerFunction";
import { EncryptedLogGroup, type LogSettings } from "../compute/EncryptedLogGroup";
import { physicalName, type Scope } from "../scope";

/** Arguments of {@link HttpApi}. */
export interface HttpApiArgs {
  scope: Scope;
  /** Answers all requests. */
  function: ContainerFunction;
  /** Where and how long the access log is kept. */
  logs: LogSettings;
  /**
   * Most requests a second, and in a burst, of each route; API Gateway answers 429 above. Starts are few: one request takes
   * any number of objects.
   * @default { rate: 20, burst: 40 }
   */
  throttling?: { rate: number; burst: number };
  /** Changes to the children. */
  transform?: {
    api?: Transform<aws.apigatewayv2.ApiArgs>;
    stage?: Transform<aws.apigatewayv2.StageArgs>;
    route?: Transform<aws.apigatewayv2.RouteArgs>;
    integration?: Transform<aws.apigatewayv2.IntegrationArgs>;
  };
}

/** The parts of an {@link HttpApi}. */
export interface HttpApiNodes {
  api: aws.apigatewayv2.Api;
  integration: aws.apigatewayv2.Integration;
  routes: aws.apigatewayv2.Route[];
  stage: aws.apigatewayv2.Stage;
  permission: aws.lambda.Permission;
  logGroup: EncryptedLogGroup;
}

/** What the access log tells of a request: who asked for what, and how it ended; no bodies. */
const ACCESS_LOG = {
  requestId: "$context.requestId",
  time: "$context.requestTime",
  route: "$context.routeKey",
  path: "$context.path",
  status: "$context.status",
  milliseconds: "$context.responseLatency",
  sourceIp: "$context.identity.sourceIp",
  caller: "$context.identity.userArn",
  error: "$context.error.message",
  integrationError: "$context.integrationErrorMessage",
};

/** Milliseconds that the function has; the most that HTTP APIs offer. */
const TIMEOUT = 30_000;

/**
 * The lake's HTTP API: starts the processing of objects and tells how far it is. Callers sign their requests (IAM), and need
 * `execute-api:Invoke` on the routes; nobody else comes in.
 */
export class HttpApi extends Component<HttpApiNodes> {
  readonly nodes: HttpApiNodes;
  /** Where requests go. */
  readonly url: pulumi.Output<string>;

  constructor(
    private readonly logicalName: string,
    private readonly args: HttpApiArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("triggers:HttpApi", logicalName, opts);
    const { scope, transform } = args;
    const name = physicalName("httpApi", scope, "lake");
    const api = new aws.apigatewayv2.Api(
      `${logicalName}-api`,
      transformed(transform?.api, {
        name,
        protocolType: "HTTP",
        description: `Starts the processing of objects in ${scope.project} ${scope.env}`,
      }),
      this.child(),
    );
    const integration = this.integrate(api);
    const routes = [START_ROUTE, STATUS_ROUTE].map((key, index) => this.route(api, integration, key, index));
    const logGroup = new EncryptedLogGroup(
      logicalName,
      { scope, ...args.logs, logGroupName: `/aws/vendedlogs/apigateway/${name}` },
      this.child(),
    );
    const stage = this.stage(api, logGroup, routes);
    const permission = this.permit(api);
    this.nodes = { api, integration, routes, stage, permission, logGroup };
    this.url = api.apiEndpoint;
    this.registerOutputs({ url: this.url });
  }

  private integrate(api: aws.apigatewayv2.Api) {
    return new aws.apigatewayv2.Integration(
      `${this.logicalName}-integration`,
      transformed(this.args.transform?.integration, {
        apiId: api.id,
        integrationType: "AWS_PROXY",
        integrationUri: this.args.function.aliasArn,
        integrationMethod: "POST",
        payloadFormatVersion: "2.0",
        timeoutMilliseconds: TIMEOUT,
      }),
      this.child(),
    );
  }

  private route(api: aws.apigatewayv2.Api, integration: aws.apigatewayv2.Integration, routeKey: string, index: number) {
    return new aws.apigatewayv2.Route(
      `${this.logicalName}-${index === 0 ? "start" : "status"}`,
      transformed(this.args.transform?.route, {
        apiId: api.id,
        routeKey,
        authorizationType: "AWS_IAM",
        target: pulumi.interpolate`integrations/${integration.id}`,
      }),
      this.child(),
    );
  }

  private stage(api: aws.apigatewayv2.Api, logGroup: EncryptedLogGroup, routes: aws.apigatewayv2.Route[]) {
    const { rate, burst } = this.args.throttling ?? { rate: 20, burst: 40 };
    return new aws.apigatewayv2.Stage(
      `${this.logicalName}-stage`,
      transformed(this.args.transform?.stage, {
        apiId: api.id,
        name: "$default",
        autoDeploy: true,
        defaultRouteSettings: {
          throttlingRateLimit: rate,
          throttlingBurstLimit: burst,
          detailedMetricsEnabled: true,
        },
        accessLogSettings: { destinationArn: logGroup.arn, format: JSON.stringify(ACCESS_LOG) },
      }),
      this.child({ dependsOn: routes }),
    );
  }

  private permit(api: aws.apigatewayv2.Api) {
    const { function: fn } = this.args;
    return new aws.lambda.Permission(
      `${this.logicalName}-permission`,
      {
        action: "lambda:InvokeFunction",
        function: fn.nodes.function.name,
        qualifier: LIVE,
        principal: "apigateway.amazonaws.com",
        sourceArn: pulumi.interpolate`${api.executionArn}/$default/*/datasets/*`,
      },
      this.child({ dependsOn: fn.nodes.alias }),
    );
  }
}

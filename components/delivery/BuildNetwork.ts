import * as aws from "@pulumi/aws";
import * as awsx from "@pulumi/awsx";
import * as pulumi from "@pulumi/pulumi";
import { Component } from "../Component";
import { physicalName, type Scope } from "../scope";
import type { BuildNetworkIds } from "./BuildProject";

/** Arguments of {@link BuildNetwork}. */
export interface BuildNetworkArgs {
  scope: Scope;
  /** Addresses of the network. @default "10.64.0.0/16" */
  cidrBlock?: string;
}

/** The resources of a {@link BuildNetwork}. */
export interface BuildNetworkNodes {
  vpc: awsx.ec2.Vpc;
  securityGroup: aws.ec2.SecurityGroup;
}

/**
 * A network for builds: two zones, private subnets behind one NAT gateway, and a way out over HTTPS only. A network that is there already
 * is the cheaper choice: a NAT gateway costs about 35 USD a month.
 */
export class BuildNetwork extends Component<BuildNetworkNodes> {
  readonly nodes: BuildNetworkNodes;
  /** For projects. */
  readonly ids: BuildNetworkIds;

  constructor(name: string, args: BuildNetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("delivery:BuildNetwork", name, opts);
    const { scope, cidrBlock = "10.64.0.0/16" } = args;
    const vpc = new awsx.ec2.Vpc(
      `${name}-vpc`,
      {
        cidrBlock,
        numberOfAvailabilityZones: 2,
        natGateways: { strategy: awsx.ec2.NatGatewayStrategy.Single },
        subnetStrategy: awsx.ec2.SubnetAllocationStrategy.Auto,
        subnetSpecs: [{ type: awsx.ec2.SubnetType.Public }, { type: awsx.ec2.SubnetType.Private }],
        enableDnsHostnames: true,
        tags: { Name: `${scope.project}-${scope.env}` },
      },
      this.child(),
    );
    const securityGroup = new aws.ec2.SecurityGroup(
      `${name}-security-group`,
      {
        name: physicalName("securityGroup", scope, "builds"),
        description: "Builds: out over HTTPS, in from nowhere",
        vpcId: vpc.vpcId,
        egress: [{ protocol: "tcp", fromPort: 443, toPort: 443, cidrBlocks: ["0.0.0.0/0"], description: "HTTPS" }],
      },
      this.child(),
    );
    this.nodes = { vpc, securityGroup };
    this.ids = { vpcId: vpc.vpcId, subnets: vpc.privateSubnetIds, securityGroupIds: pulumi.all([securityGroup.id]) };
    this.registerOutputs({});
  }
}

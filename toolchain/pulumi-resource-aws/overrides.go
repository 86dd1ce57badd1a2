package main

import (
	"strings"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

// policyType is @pulumi/aws's name for a policy that is written as an object.
const policyType = "aws:iam/documents:PolicyDocument"

// extraTypes are types that Terraform does not have.
func extraTypes() map[string]schema.ComplexTypeSpec {
	object := schema.ObjectTypeSpec{
		Description: "An IAM policy.",
		Type:        "object",
		Properties: map[string]schema.PropertySpec{
			"Id":        {TypeSpec: schema.TypeSpec{Type: "string"}},
			"Statement": {TypeSpec: schema.TypeSpec{Type: "array", Items: &schema.TypeSpec{Ref: "pulumi.json#/Any"}}},
			"Version":   {TypeSpec: schema.TypeSpec{Type: "string"}},
		},
		Required: []string{"Statement", "Version"},
	}
	return map[string]schema.ComplexTypeSpec{policyType: {ObjectTypeSpec: object}}
}

type fields = map[string]*tfbridge.SchemaInfo

// fieldOverrides are the places where @pulumi/aws differs from what the bridge derives from the Terraform names. The
// test of the schema against the package's types finds new ones.
func fieldOverrides() map[string]fields {
	no := false
	return map[string]fields{
		"aws_cloudwatch_metric_alarm":            {"alarm_name": tfbridge.AutoName("name", 255, "-")},
		"aws_cloudwatch_log_subscription_filter": {"log_group_name": {Name: "logGroup"}},
		"aws_default_security_group":             {"ingress": {Name: "ingress"}, "egress": {Name: "egress"}},
		"aws_codedeploy_deployment_config": {
			"deployment_config_name": tfbridge.AutoName("deploymentConfigName", 100, "-"),
		},
		"aws_dynamodb_table": {
			"global_secondary_index": {Name: "globalSecondaryIndexes"},
			"local_secondary_index":  {Name: "localSecondaryIndexes"},
		},
		"aws_ecr_lifecycle_policy":  {"policy": policyDocument()},
		"aws_ecr_repository_policy": {"policy": policyDocument()},
		"aws_iam_policy":            {"policy": policyDocument()},
		"aws_iam_role":              {"assume_role_policy": policyDocument()},
		"aws_iam_role_policy":       {"policy": policyDocument()},
		"aws_kms_alias":             {"name": prefixedName("alias/")},
		"aws_lambda_function": {
			"architectures": {MaxItemsOne: &no},
			"filename":      archive(),
			"function_name": tfbridge.AutoName("name", 64, "-"),
		},
		"aws_lambda_layer_version": {"filename": archive()},
		"aws_lambda_permission":    {"function_name": {Name: "function"}},
		"aws_s3_bucket":            {"bucket": tfbridge.AutoName("bucket", 63, "-"), "policy": policyDocument()},
		"aws_s3_object": {
			"key":    {Default: &tfbridge.DefaultInfo{From: logicalName}},
			"source": {Asset: &tfbridge.AssetTranslation{Kind: tfbridge.FileAsset}},
		},
		"aws_s3_bucket_policy":       {"policy": policyDocument()},
		"aws_security_group":         {"ingress": {Name: "ingress"}, "egress": {Name: "egress"}},
		"aws_sns_topic":              {"policy": policyDocument()},
		"aws_sns_topic_policy":       {"policy": policyDocument()},
		"aws_sns_topic_subscription": {"topic_arn": {Name: "topic"}},
		"aws_sqs_queue":              {"name": queueName(), "policy": policyDocument()},
		"aws_sqs_queue_policy":       {"policy": policyDocument()},
	}
}

// configOverrides are the same for the provider's own settings.
func configOverrides() fields {
	return fields{
		"skip_metadata_api_check": {Type: "boolean"},
	}
}

// policyDocument is a policy that programs may write as text or as an object.
func policyDocument() *tfbridge.SchemaInfo {
	return &tfbridge.SchemaInfo{
		Type:      "string",
		AltTypes:  []tokens.Type{policyType},
		Transform: tfbridge.TransformJSONDocument,
	}
}

// inner is an override of a property inside an object or a list of objects.
func inner(name string, override *tfbridge.SchemaInfo) *tfbridge.SchemaInfo {
	return &tfbridge.SchemaInfo{Elem: &tfbridge.SchemaInfo{Fields: fields{name: override}}}
}

// optional is a property that Terraform demands and @pulumi/aws does not.
func optional() *tfbridge.SchemaInfo {
	yes := true
	return &tfbridge.SchemaInfo{MarkAsOptional: &yes}
}

// outputOnly is a property that Terraform also takes as an argument and @pulumi/aws does not.
func outputOnly() *tfbridge.SchemaInfo {
	yes := true
	return &tfbridge.SchemaInfo{MarkAsComputedOnly: &yes}
}

// logicalName gives an object the name that the program gave the resource.
func logicalName(res *tfbridge.PulumiResource) (any, error) {
	return res.URN.Name(), nil
}

// archive is a file name that programs write as a Pulumi archive.
func archive() *tfbridge.SchemaInfo {
	return &tfbridge.SchemaInfo{Name: "code", Asset: &tfbridge.AssetTranslation{Kind: tfbridge.FileArchive}}
}

func prefixedName(prefix string) *tfbridge.SchemaInfo {
	return tfbridge.AutoNameTransform("name", 255, func(name string) string {
		if strings.HasPrefix(name, prefix) {
			return name
		}
		return prefix + name
	})
}

// queueName ends the automatic names of FIFO queues in ".fifo", which SQS demands. SQS allows 80 characters.
func queueName() *tfbridge.SchemaInfo {
	return tfbridge.AutoNameWithCustomOptions("name", tfbridge.AutoNameOptions{
		Separator: "-",
		Maxlen:    80 - len(".fifo"),
		Randlen:   7,
		PostTransform: func(res *tfbridge.PulumiResource, name string) (string, error) {
			if fifo, ok := res.Properties[resource.PropertyKey("fifoQueue")]; ok && fifo.IsBool() && fifo.BoolValue() {
				return name + ".fifo", nil
			}
			return name, nil
		},
	})
}

package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/hashicorp/terraform-provider-aws/xpprovider"
	pftf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
	shimv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

//go:embed type-map.json
var typeMap []byte

// functions of the Terraform provider, which Pulumi programs do not call.
var providerFunctions = []string{"arn_build", "arn_parse", "trim_iam_role_path", "user_agent"}

// providerInfo joins the provider's two halves (Terraform's SDK v2 and its plugin framework) and names their types.
func providerInfo(ctx context.Context, metadata []byte) (tfbridge.ProviderInfo, error) {
	framework, sdk, err := xpprovider.GetProvider(ctx)
	if err != nil {
		return tfbridge.ProviderInfo{}, err
	}
	var mapped struct{ Resources, DataSources map[string]string }
	if err := json.Unmarshal(typeMap, &mapped); err != nil {
		return tfbridge.ProviderInfo{}, fmt.Errorf("type-map.json: %w", err)
	}
	info := tfbridge.ProviderInfo{
		P:                pftf.MuxShimWithPF(ctx, shimv2.NewProvider(sdk), framework),
		Name:             "aws",
		Version:          version,
		GitHubOrg:        "hashicorp",
		UpstreamRepoPath: ".",
		MetadataInfo:     tfbridge.NewProviderMetadata(metadata),
		Config:           configOverrides(),
		ExtraTypes:       extraTypes(),
		Resources:        map[string]*tfbridge.ResourceInfo{},
		DataSources:      map[string]*tfbridge.DataSourceInfo{},
		SkipValidateProviderConfigForPluginFramework: true,
	}
	fields := fieldOverrides()
	resources := info.P.ResourcesMap()
	for name, token := range mapped.Resources {
		if fields[name] == nil {
			fields[name] = map[string]*tfbridge.SchemaInfo{}
		}
		// The provider computes tags_all from the tags and its own default tags.
		if resource, ok := resources.GetOk(name); ok && resource.Schema().Get("tags_all") != nil {
			fields[name]["tags_all"] = outputOnly()
		}
		info.Resources[name] = &tfbridge.ResourceInfo{Tok: tokens.Type(token), Fields: fields[name]}
	}
	for name, token := range mapped.DataSources {
		info.DataSources[name] = &tfbridge.DataSourceInfo{Tok: tokens.ModuleMember(token)}
	}
	info.IgnoreMappings = append(unmapped(info), providerFunctions...)
	info.SetAutonaming(255, "-")
	return info, nil
}

// unmapped lists what the provider offers beyond the type map.
func unmapped(info tfbridge.ProviderInfo) []string {
	var names []string
	info.P.ResourcesMap().Range(func(name string, _ shim.Resource) bool {
		if info.Resources[name] == nil {
			names = append(names, name)
		}
		return true
	})
	info.P.DataSourcesMap().Range(func(name string, _ shim.Resource) bool {
		if info.DataSources[name] == nil {
			names = append(names, name)
		}
		return true
	})
	return names
}

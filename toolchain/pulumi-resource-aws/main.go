// Command pulumi-resource-aws serves the AWS resource types of type-map.json to the Pulumi engine: the Terraform AWS
// provider behind Pulumi's Terraform bridge, under the tokens and property names of the npm package @pulumi/aws.
//
// `pulumi-resource-aws generate` writes schema.json and bridge-metadata.json beside the program; serving needs both.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	pftf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfgen"

	"tributary.local/toolchain/pulumi-resource-aws/localhost"
)

// version is set by the linker.
var version = "0.0.0-dev"

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-aws:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	folder, err := ownFolder()
	if err != nil {
		return err
	}
	if len(os.Args) == 2 && os.Args[1] == "generate" {
		provider, err := providerInfo(ctx, nil)
		if err != nil {
			return err
		}
		os.Args = []string{os.Args[0], "schema", "--out", folder, "--skip-docs", "--skip-examples"}
		tfgen.MainWithMuxer("aws", provider)
		return nil
	}
	schema, err := generated(folder, "schema.json")
	if err != nil {
		return err
	}
	metadata, err := generated(folder, "bridge-metadata.json")
	if err != nil {
		return err
	}
	provider, err := providerInfo(ctx, metadata)
	if err != nil {
		return err
	}
	localhost.Resolve()
	pftf.MainWithMuxer(ctx, "aws", provider, schema)
	return nil
}

// ownFolder is where the program lies, symbolic links resolved.
func ownFolder() (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", err
	}
	program, err = filepath.EvalSymlinks(program)
	return filepath.Dir(program), err
}

func generated(folder, name string) ([]byte, error) {
	content, err := os.ReadFile(filepath.Join(folder, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing beside the program; run `pulumi-resource-aws generate`", name)
	}
	return content, err
}

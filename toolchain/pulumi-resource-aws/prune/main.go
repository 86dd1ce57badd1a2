// Command prune writes a copy of the Terraform AWS provider that holds only the services the type map names, and points
// this module's replace directive at it. Compiling all of the provider's 268 AWS clients takes four times as long and
// three times the memory as the ones in use.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const (
	upstream = "github.com/hashicorp/terraform-provider-aws"
	target   = "terraform-provider-aws"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "prune:", err)
		os.Exit(1)
	}
}

func run() error {
	types, err := mappedTypes("type-map.json")
	if err != nil {
		return err
	}
	source, err := download()
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "reading the provider's services")
	tree, err := readTree(source, types)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "keeping %d of %d services\n", len(tree.services), tree.available)
	if err := tree.write(target); err != nil {
		return err
	}
	return goCommand(nil, "mod", "edit", "-replace="+upstream+"=./"+target)
}

// mappedTypes reads the Terraform names of the type map, resources and data sources together.
func mappedTypes(file string) (map[string]bool, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var parsed map[string]map[string]string
	if err := json.Unmarshal(content, &parsed); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	types := map[string]bool{}
	for _, section := range parsed {
		for name := range section {
			types[name] = true
		}
	}
	return types, nil
}

// download fetches the provider's module and returns its folder. The go command verifies it against go.sum.
func download() (string, error) {
	fmt.Fprintln(os.Stderr, "downloading", upstream)
	var out bytes.Buffer
	if err := goCommand(&out, "mod", "download", "-json", upstream); err != nil {
		return "", fmt.Errorf("%w: %s", err, out.String())
	}
	var module struct{ Dir, Error string }
	if err := json.Unmarshal(out.Bytes(), &module); err != nil {
		return "", err
	}
	if module.Dir == "" {
		return "", fmt.Errorf("go mod download %s: %s", upstream, module.Error)
	}
	return filepath.Clean(module.Dir), nil
}

func goCommand(stdout *bytes.Buffer, args ...string) error {
	command := exec.Command("go", args...)
	command.Stderr = os.Stderr
	if stdout != nil {
		command.Stdout = stdout
	}
	if err := command.Run(); err != nil {
		return fmt.Errorf("go %v: %w", args, err)
	}
	return nil
}

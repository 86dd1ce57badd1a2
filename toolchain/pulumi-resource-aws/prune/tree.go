package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	servicesDir = "internal/service"
	registry    = "internal/provider/sdkv2/service_packages_gen.go"
	clients     = "internal/conns/awsclient_gen.go"
)

var (
	typeName   = regexp.MustCompile(`TypeName:\s+"(aws_\w+)"`)
	clientCall = regexp.MustCompile(`\.(\w+Client)\(`)
)

// tree is what to keep of the provider.
type tree struct {
	source    string
	available int
	// services: folder names below internal/service, closed under import.
	services map[string]bool
	// folders: every other package folder in use, relative to source.
	folders map[string]bool
	// clientMethods: accessors of the AWS client that something kept calls.
	clientMethods map[string]bool
}

// readTree finds the services that offer the given Terraform types, and everything in the module that they import.
func readTree(source string, types map[string]bool) (*tree, error) {
	t := &tree{source: source, services: map[string]bool{}, folders: map[string]bool{}, clientMethods: map[string]bool{}}
	roots, err := t.owners(types)
	if err != nil {
		return nil, err
	}
	pending := append(roots, "xpprovider")
	seen := map[string]bool{}
	for len(pending) > 0 {
		folder := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if seen[folder] {
			continue
		}
		seen[folder] = true
		imports, err := t.visit(folder)
		if err != nil {
			return nil, err
		}
		pending = append(pending, imports...)
	}
	return t, nil
}

// owners returns the service folders that register the types, and complains of types that nobody offers.
func (t *tree) owners(types map[string]bool) ([]string, error) {
	generated, err := filepath.Glob(filepath.Join(t.source, servicesDir, "*", "service_package_gen.go"))
	if err != nil {
		return nil, err
	}
	t.available = len(generated)
	found := map[string]bool{}
	var roots []string
	for _, file := range generated {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		owns := false
		for _, match := range typeName.FindAllSubmatch(content, -1) {
			if name := string(match[1]); types[name] {
				found[name], owns = true, true
			}
		}
		if owns {
			roots = append(roots, servicesDir+"/"+filepath.Base(filepath.Dir(file)))
		}
	}
	for name := range types {
		if !found[name] {
			return nil, fmt.Errorf("type-map.json names %s, which no service of the provider offers", name)
		}
	}
	return roots, nil
}

// visit notes a package folder as kept and returns the folders of this module that it imports.
func (t *tree) visit(folder string) ([]string, error) {
	if name, ok := strings.CutPrefix(folder, servicesDir+"/"); ok && !strings.Contains(name, "/") {
		t.services[name] = true
	} else {
		t.folders[folder] = true
	}
	files, err := goFiles(filepath.Join(t.source, folder))
	if err != nil {
		return nil, err
	}
	var imports []string
	for _, file := range files {
		relative := folder + "/" + filepath.Base(file)
		if relative == registry {
			continue
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, content, parser.ImportsOnly)
		if err != nil {
			return nil, err
		}
		imports = append(imports, ownImports(parsed)...)
		if relative != clients {
			for _, call := range clientCall.FindAllSubmatch(content, -1) {
				t.clientMethods[string(call[1])] = true
			}
		}
	}
	return imports, nil
}

// ownImports lists the folders of the provider's module that a file imports.
func ownImports(file *ast.File) []string {
	var folders []string
	for _, spec := range file.Imports {
		if folder, ok := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), upstream+"/"); ok {
			folders = append(folders, folder)
		}
	}
	return folders
}

// goFiles lists the Go files of a folder without its tests.
func goFiles(folder string) ([]string, error) {
	all, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	var files []string
	for _, file := range all {
		if !strings.HasSuffix(file, "_test.go") {
			files = append(files, file)
		}
	}
	return files, nil
}

package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// write copies what is kept and rewrites the two generated files that name every service.
func (t *tree) write(target string) error {
	if err := os.RemoveAll(target); err != nil {
		return err
	}
	for folder := range t.folders {
		if err := t.copyFolder(target, folder); err != nil {
			return err
		}
	}
	for name := range t.services {
		if err := t.copyFolder(target, servicesDir+"/"+name); err != nil {
			return err
		}
	}
	for _, file := range []string{"go.mod", "go.sum", "LICENSE", servicesDir + "/smarterr.hcl"} {
		if err := copyFile(filepath.Join(t.source, file), filepath.Join(target, file)); err != nil {
			return err
		}
	}
	if err := t.rewrite(target, registry, t.keepRegistered); err != nil {
		return err
	}
	return t.rewrite(target, clients, t.keepClients)
}

// copyFolder copies a package: its Go files without tests, and the other files and folders beside them (embedded data),
// but not the packages below it, which are kept or left on their own account.
func (t *tree) copyFolder(target, folder string) error {
	root := filepath.Join(t.source, folder)
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if path == root {
				return nil
			}
			if files, err := goFiles(path); err != nil || len(files) > 0 || folder == "internal" {
				return cmpErr(err, fs.SkipDir)
			}
			return nil
		}
		if strings.HasSuffix(path, "_test.go") || filepath.Ext(path) == ".md" {
			return nil
		}
		relative, err := filepath.Rel(t.source, path)
		if err != nil {
			return err
		}
		return copyFile(path, filepath.Join(target, relative))
	})
}

func cmpErr(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}

// rewrite applies edit to one Go file of the copy and drops the imports that nothing uses any more.
func (t *tree) rewrite(target, relative string, edit func(*ast.File)) error {
	path := filepath.Join(target, relative)
	set := token.NewFileSet()
	// Comments are left out: they would be printed at the places of what was removed.
	file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	edit(file)
	dropUnusedImports(file)
	var out bytes.Buffer
	if err := format.Node(&out, set, file); err != nil {
		return fmt.Errorf("%s: %w", relative, err)
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// keepRegistered leaves only kept services in the list literal `ServicePackage(ctx)` calls.
func (t *tree) keepRegistered(file *ast.File) {
	ast.Inspect(file, func(node ast.Node) bool {
		if list, ok := node.(*ast.CompositeLit); ok {
			list.Elts = slices.DeleteFunc(list.Elts, func(element ast.Expr) bool {
				call, isCall := element.(*ast.CallExpr)
				if !isCall {
					return false
				}
				selector, isSelector := call.Fun.(*ast.SelectorExpr)
				return isSelector && !t.services[fmt.Sprint(selector.X)]
			})
		}
		return true
	})
}

// keepClients leaves only the client accessors that something kept calls.
func (t *tree) keepClients(file *ast.File) {
	file.Decls = slices.DeleteFunc(file.Decls, func(declaration ast.Decl) bool {
		method, ok := declaration.(*ast.FuncDecl)
		return ok && strings.HasSuffix(method.Name.Name, "Client") && !t.clientMethods[method.Name.Name]
	})
}

func dropUnusedImports(file *ast.File) {
	used := map[string]bool{}
	ast.Inspect(file, func(node ast.Node) bool {
		if selector, ok := node.(*ast.SelectorExpr); ok {
			if name, ok := selector.X.(*ast.Ident); ok {
				used[name.Name] = true
			}
		}
		return true
	})
	for _, declaration := range file.Decls {
		imports, ok := declaration.(*ast.GenDecl)
		if !ok || imports.Tok != token.IMPORT {
			continue
		}
		imports.Specs = slices.DeleteFunc(imports.Specs, func(spec ast.Spec) bool {
			return !used[localName(spec.(*ast.ImportSpec))]
		})
	}
}

// localName is the identifier that an import is used by.
func localName(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	path, _ := strconv.Unquote(spec.Path.Value)
	return path[strings.LastIndex(path, "/")+1:]
}

package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/mctr/mctr"
)

const module = "github.com/mctr/mctr"

// comments are the comments of types, fields and constants of this module.
type comments struct {
	types     map[string]string // by package path and name
	fields    map[string]string // by package path, type and name
	constants map[string]string // of string constants, by value
	names     map[string]string // names of string constants, by value
}

// readComments reads the sources of the packages that define messages.
func readComments() (*comments, error) {
	root, err := os.Getwd()
	for err == nil && filepath.Dir(root) != root {
		if _, statErr := os.Stat(filepath.Join(root, "go.mod")); statErr == nil {
			break
		}
		root = filepath.Dir(root)
	}
	c := &comments{types: map[string]string{}, fields: map[string]string{}, constants: map[string]string{},
		names: map[string]string{}}
	for _, pkg := range []string{
		"", "/agent/api", "/cni", "/cni/networks", "/containerizer/launcher/wire", "/containerizer/rootfs", "/logs",
		"/provisioner", "/provisioner/manifest", "/provisioner/store",
	} {
		if err := c.readPackage(root, pkg); err != nil {
			return nil, err
		}
	}
	return c, err
}

func (c *comments) readPackage(root, pkg string) error {
	files, err := filepath.Glob(root + pkg + "/*.go")
	if err != nil {
		return err
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		c.read(module+pkg, file)
	}
	return nil
}

func (c *comments) read(pkg string, file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			for _, spec := range n.Specs {
				if t, ok := spec.(*ast.TypeSpec); ok {
					c.readType(pkg, t, n.Doc)
				}
			}
		case *ast.ValueSpec:
			if len(n.Values) != 1 {
				return true
			}
			literal, ok := n.Values[0].(*ast.BasicLit)
			if value, err := "", error(nil); ok && literal.Kind == token.STRING {
				if value, err = strconv.Unquote(literal.Value); err == nil {
					c.constants[value], c.names[value] = text(n.Doc, n.Comment), n.Names[0].Name
				}
			}
		}
		return true
	})
}

func (c *comments) readType(pkg string, t *ast.TypeSpec, group *ast.CommentGroup) {
	at := pkg + "." + t.Name.Name
	if c.types[at] = text(t.Doc, nil); t.Doc == nil {
		c.types[at] = text(group, nil)
	}
	structure, ok := t.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range structure.Fields.List {
		for _, name := range f.Names {
			c.fields[at+"."+name.Name] = text(f.Doc, f.Comment)
		}
	}
}

// text returns the first comment of the groups, on one line.
func text(groups ...*ast.CommentGroup) string {
	for _, group := range groups {
		if group != nil {
			return strings.Join(strings.Fields(group.Text()), " ")
		}
	}
	return ""
}

func (c *comments) doc(t reflect.Type) string { return c.types[t.PkgPath()+"."+t.Name()] }

// field returns the comment of a field. For a duration it adds the format.
func (c *comments) field(t reflect.Type, f reflect.StructField) string {
	description := c.fields[t.PkgPath()+"."+t.Name()+"."+f.Name]
	if element(f.Type) == reflect.TypeFor[mctr.Duration]() {
		description = strings.TrimPrefix(strings.TrimSuffix(description, ".")+"; a duration such as 1m30s", "; ")
	}
	return description
}

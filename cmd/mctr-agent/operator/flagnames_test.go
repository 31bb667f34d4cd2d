package operator

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestFields wants a field for each flag that a message of the library names.
func TestFields(t *testing.T) {
	named := map[string]string{}
	for _, pattern := range []string{"*.go", "containerizer/*.go", "containerizer/health/*.go", "isolators/*/*/*.go",
		"isolators/*.go", "cni/*.go", "logs/*.go", "provisioner/*.go", "internal/saferoot/*.go"} {
		files, err := filepath.Glob(filepath.Join("../../..", pattern))
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
					for _, found := range flag.FindAllStringSubmatch(text.Value, -1) {
						named[found[1]] = file
					}
				}
				return true
			})
		}
	}
	if len(named) < 30 {
		t.Fatalf("only %d flags are named", len(named))
	}
	for name, file := range named {
		if strings.HasSuffix(name, "-") {
			continue // the rest is put behind it
		}
		if fieldOfFlag[name] == "" && !slices.Contains(agentFlags, name) {
			t.Errorf("%s names --%s, which has no field", file, name)
		}
	}
}

func TestInFields(t *testing.T) {
	for text, want := range map[string]string{
		"--publish 0.0.0.0:80->80/tcp: no": "ports 0.0.0.0:80->80/tcp: no",
		"give --root another":              "give --root another",
		"a -- b --unknown":                 "a -- b --unknown",
	} {
		if got := flagsToFields(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

package mctr_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// others are the parts of the tree whose JSON has the names of another format.
var others = map[string]string{
	"cmd/mctr/":                          "what docker's commands print as JSON",
	"preparedcontainer.go":               "the image config of OCI",
	"provisioner/store/image.go":         "docker's HEALTHCHECK",
	"provisioner/manifest/":              "manifests and configs of OCI and docker",
	"provisioner/puller/":                "registries",
	"provisioner/layer/":                 "OCI",
	"provisioner/credentials/":           "docker's config.json",
	"provisioner/imagetest/":             "OCI images",
	"cni/":                               "CNI's configs and results, Kubernetes' resources",
	"logs/jsonfileformat.go":             "docker's json-file",
	"containerizer/launcher/engine/":     "OCI runtimes",
	"containerizer/launcher/ociruntime/": "runc's output",
	"containerizer/launcher/wire/":       "shims outlive the build that started them",
	"internal/doctor/programbuilds.go":   "docker version",
	"internal/calico/":                   "Kubernetes' resources",
}

var snakeCase = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// TestJSONStyle wants every name of mctr's own JSON in snake_case.
func TestJSONStyle(t *testing.T) {
	for _, path := range sources(t) {
		if strings.HasSuffix(path, "_test.go") || ofOthers(path) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			f, ok := n.(*ast.Field)
			if !ok || f.Tag == nil {
				return true
			}
			text, err := strconv.Unquote(f.Tag.Value)
			if err != nil {
				t.Fatal(err)
			}
			tag, tagged := reflect.StructTag(text).Lookup("json")
			name, _, _ := strings.Cut(tag, ",")
			if tagged && name != "-" && !snakeCase.MatchString(name) && len(f.Names) > 0 {
				t.Errorf("%s: %q is not in snake_case", path, name)
			}
			return true
		})
	}
}

func ofOthers(path string) bool {
	for part := range others {
		if strings.HasPrefix(path, part) {
			return true
		}
	}
	return false
}

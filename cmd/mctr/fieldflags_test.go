package main

import (
	"go/scanner"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cni"
	hostconfig "github.com/mctr/mctr/containerizer/host"
)

// TestFieldFlags checks that every key of the table is a field, and every flag in it is a flag of the
// command that sets the field.
func TestFieldFlags(t *testing.T) {
	paths := configPaths()
	path, flag := regexp.MustCompile(`[a-z]+[._][a-z._]+`), regexp.MustCompile(`--([a-z0-9-]+)`)
	for key, given := range flags.Fields {
		if named := path.FindAllString(key, -1); len(named) != 1 || !paths[named[0]] {
			t.Errorf("%q does not hold the path of one field", key)
		}
		named := flag.FindAllStringSubmatch(given, -1)
		if len(named) == 0 {
			t.Errorf("%s: %q is not a flag", key, given)
		}
		for _, n := range named {
			if cmd := commandOf(t, key); cmd.Flag(n[1]) == nil {
				t.Errorf("%s: %s has no flag --%s", key, cmd.CommandPath(), n[1])
			}
		}
	}
}

// commandOf returns the command whose flags set the field.
func commandOf(t *testing.T, key string) *cobra.Command {
	t.Helper()
	verb := []string{"run"}
	if strings.HasPrefix(key, "definition.") {
		verb = []string{"network", "create"}
	}
	cmd, _, err := command(&hostapi.Host{}).Find(verb)
	if err != nil {
		t.Fatal(err)
	}
	cmd.InheritedFlags() // Flag finds global flags only after this call
	return cmd
}

// TestFieldFlagsComplete checks that the table has a flag for every field that a text of the library names.
func TestFieldFlagsComplete(t *testing.T) {
	paths := configPaths()
	token := regexp.MustCompile(`[A-Za-z0-9_./-]+`)
	ofSpec := map[string]bool{"process.args": true} // in these texts a property of the OCI spec
	keys := slices.Collect(maps.Keys(flags.Fields))
	named := 0
	for file, texts := range libraryTexts(t) {
		for _, text := range texts {
			for _, found := range token.FindAllString(text, -1) {
				if found = strings.TrimRight(found, "."); !paths[found] || ofSpec[found] {
					continue
				}
				if named++; !slices.ContainsFunc(keys, func(key string) bool { return strings.Contains(key, found) }) {
					t.Errorf("%s names %s, for which mctr prints no flag: %q", file, found, text)
				}
			}
		}
	}
	if named < 80 {
		t.Errorf("found only %d fields in the library's texts", named)
	}
}

// libraryTexts returns the string literals of the library's files.
func libraryTexts(t *testing.T) map[string][]string {
	t.Helper()
	texts := map[string][]string{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		part, _, _ := strings.Cut(strings.TrimPrefix(path, root+"/"), "/")
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(part, ".") ||
			slices.Contains([]string{"cmd", "benchmarks", "internal", "bin", "docs"}, part)):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		source, err := os.ReadFile(path)
		texts[path] = literals(source)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// literals returns the string literals of a Go file.
func literals(source []byte) (texts []string) {
	file := token.NewFileSet().AddFile("", -1, len(source))
	var s scanner.Scanner
	s.Init(file, source, nil, 0)
	for {
		switch _, kind, text := s.Scan(); kind {
		case token.EOF:
			return texts
		case token.STRING:
			texts = append(texts, text[1:len(text)-1])
		}
	}
}

// configPaths returns the paths of all fields that an error may name.
func configPaths() map[string]bool {
	paths := map[string]bool{}
	addPaths(paths, "", reflect.TypeFor[mctr.ContainerConfig]())
	addPaths(paths, "definition.", reflect.TypeFor[cni.Definition]())
	addPaths(paths, "cni.", reflect.TypeFor[cni.Config]())
	addPaths(paths, "host.", reflect.TypeFor[hostconfig.Config]())
	return paths
}

// addPaths adds the fields of a struct and, recursively, of the structs in it, including those in lists
// and behind pointers.
func addPaths(paths map[string]bool, prefix string, of reflect.Type) {
	for _, field := range reflect.VisibleFields(of) {
		if !field.IsExported() {
			continue
		}
		path := prefix + snake(field.Name)
		inner := field.Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && inner.PkgPath() != "time" && inner.PkgPath() != "net/netip" {
			addPaths(paths, path+".", inner)
		}
		if !strings.ContainsAny(path, "._") {
			path = "config." + path
		}
		paths[path] = true
	}
}

// snake returns a Go name in snake_case. An initialism is one word.
func snake(name string) string {
	var b strings.Builder
	letters := []rune(name)
	for i, r := range letters {
		begins := i > 0 && unicode.IsUpper(r) && (unicode.IsLower(letters[i-1]) ||
			i+1 < len(letters) && unicode.IsLower(letters[i+1]) && name != "IPs")
		if begins {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func TestSnake(t *testing.T) {
	for name, want := range map[string]string{
		"DNS": "dns", "OOMScoreAdj": "oom_score_adj", "DisableOOM": "disable_oom", "BlockIO": "block_io",
		"HostIP": "host_ip", "IPs": "ips", "ShmSize": "shm_size", "Pids": "pids",
	} {
		if got := snake(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

package builtin_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/helper"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/builtin"
	"github.com/mctr/mctr/isolators/isolatortest"
)

// TestMain makes this binary act as the helper if it is started without an environment.
func TestMain(m *testing.M) {
	if len(os.Environ()) == 0 {
		if err := helper.Serve(os.NewFile(helper.FD, "job")); err != nil {
			os.Exit(1)
		}
		unix.Exit(0) // at once: the race detector would wait a second
	}
	os.Exit(m.Run())
}

func table() []isolators.Isolator {
	return builtin.Table(builtin.Deps{
		Root: "/var/lib/mctr-isolatortest", State: "/run/mctr-isolatortest", Helper: "/proc/self/exe",
	})
}

func names() (list []string) {
	for _, i := range table() {
		list = append(list, i.Name())
	}
	return list
}

func TestNamesAreUnique(t *testing.T) {
	list := names()
	slices.Sort(list)
	if unique := slices.Compact(slices.Clone(list)); len(unique) != len(list) {
		t.Errorf("a name is there twice: %q", list)
	}
}

// TestEachDirectoryIsListed checks that the directories of isolators, the table and the operators'
// pages have the same names.
func TestEachDirectoryIsListed(t *testing.T) {
	listed := names()
	slices.Sort(listed)
	var directories, pages []string
	walk(t, "..", ".go", func(path string) {
		family := filepath.Dir(path)
		if strings.Contains(family, "/") && !strings.Contains(family, "/internal/") &&
			!strings.HasSuffix(path, "_test.go") {
			directories = append(directories, family)
		}
	})
	walk(t, "../../docs/isolators", ".md", func(path string) { pages = append(pages, strings.TrimSuffix(path, ".md")) })
	for what, found := range map[string][]string{"directories": directories, "pages of docs/isolators": pages} {
		slices.Sort(found)
		if found = slices.Compact(found); !slices.Equal(found, listed) {
			t.Errorf("%s:\n%q, in the table are\n%q", what, found, listed)
		}
	}
}

// walk visits the files below root whose names end in ending, with paths relative to root.
func walk(t *testing.T, root, ending string, visit func(path string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ending) {
			path, err = filepath.Rel(root, path)
			visit(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestOrder checks that isolators on which others depend come first.
func TestOrder(t *testing.T) {
	list := names()
	for _, c := range []struct{ first, then, why string }{
		{"filesystem/linux", "namespaces/ipc", "/dev is mounted before /dev/shm"},
		{"filesystem/linux", "volume/hostpath", "volumes lie on the base filesystem"},
		{"docker/runtime", "volume/hostpath", "a user's mounts lie on the image's volumes"},
		{"docker/runtime", "linux/capabilities", "who the process runs as is found first, with the better error"},
		{"cgroups/memory", "linux/seccomp", "limits before what takes privileges away"},
		{"volume/hostpath", "linux/seccomp", "what is acquired before what is only declared"},
	} {
		if first, then := slices.Index(list, c.first),
			slices.Index(list, c.then); first < 0 || then < 0 || first > then {
			t.Errorf("%s must stand before %s: %s; the table is %q", c.first, c.then, c.why, list)
		}
	}
	if list[0] != "filesystem/linux" {
		t.Errorf("%s comes first", list[0])
	}
}

// TestNoMisspeltVerbs checks that an isolator exports only methods of the interface. Because of
// Base, a verb with a wrong name would otherwise be dead code without an error.
func TestNoMisspeltVerbs(t *testing.T) {
	verbs := []reflect.Type{reflect.TypeFor[isolators.Isolator](), reflect.TypeFor[isolators.Undoer](),
		reflect.TypeFor[isolators.DirectoryBound](), reflect.TypeFor[isolators.Completer](),
		reflect.TypeFor[isolators.VolumeMounter](), reflect.TypeFor[isolators.Remover](),
		reflect.TypeFor[isolators.StorageLimiter](), reflect.TypeFor[isolators.Keeper](),
		reflect.TypeFor[isolators.Waker]()}
	for _, i := range table() {
		for n := range reflect.TypeOf(i).NumMethod() {
			method := reflect.TypeOf(i).Method(n).Name
			if !slices.ContainsFunc(verbs, func(t reflect.Type) bool { _, ok := t.MethodByName(method); return ok }) {
				t.Errorf("%s: method %s is no verb of an isolator", i.Name(), method)
			}
		}
	}
}

// TestBaseHasEveryVerb checks that Base lacks only Name.
func TestBaseHasEveryVerb(t *testing.T) {
	verbs, base := reflect.TypeFor[isolators.Isolator](), reflect.TypeFor[isolators.Base]()
	for n := range verbs.NumMethod() {
		verb := verbs.Method(n).Name
		if _, ok := base.MethodByName(verb); ok == (verb == "Name") {
			t.Errorf("Base has %s: %t", verb, ok)
		}
	}
}

// TestConformance runs the suite on each isolator of the table.
func TestConformance(t *testing.T) {
	for n, i := range table() {
		t.Run(i.Name(), func(t *testing.T) {
			isolatortest.Run(t, func() isolators.Isolator { return table()[n] })
		})
	}
}

// TestImports checks that no isolator imports another one, what another family shares, or its callers.
func TestImports(t *testing.T) {
	const module = "github.com/mctr/mctr"
	allowed := []string{"internal", "isolators", "provisioner", "cni", "csi", "gpu", "logs"}
	walk(t, "..", ".go", func(path string) {
		if strings.HasPrefix(path, "builtin/") || strings.HasSuffix(path, "_test.go") {
			return
		}
		family, _, _ := strings.Cut(path, "/")
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", path), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value) // it was parsed
			below, ours := strings.CutPrefix(imported, module+"/")
			top, rest, _ := strings.Cut(below, "/")
			sibling := top == "isolators" && !slices.Contains([]string{"", "isolatortest", "stateful"}, rest) &&
				!strings.HasPrefix(rest, family+"/internal/")
			if ours && (!slices.Contains(allowed, top) || sibling) {
				t.Errorf("isolators/%s imports %s", path, below)
			}
		}
	})
}

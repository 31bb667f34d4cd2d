package mctr_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/mctr/mctr"

// A rule says what a part of the tree may import of this module. The first rule
// whose part is a prefix of a package applies.
type rule struct {
	part  string
	allow []string
	why   string
}

// rules is the rule of imports in docs/ARCHITECTURE.md. "." is the root package, "..." what is
// below, "self" the part itself.
var rules = []rule{
	{"cmd/mctr-shim",
		[]string{"self", "containerizer/launcher", "containerizer/launcher/wire", "containerizer/launcher/shim",
			"containerizer/launcher/engine/...", "containerizer/launcher/ociruntime", "internal/visible"},
		"the shim is small: it is loaded for every container"},
	{"cmd/mctr-helper", []string{"internal/..."}, "the helper does one job and ends"},
	{"cmd/mctr-calico", []string{".", "internal/...", "cni/..."}, "policies need no containers"},
	{"cmd/mctr/internal", noun, "what several nouns share knows no noun"},
	{"cmd/mctr/container", noun, "nouns do not know each other"},
	{"cmd/mctr/csi", noun, "nouns do not know each other"},
	{"cmd/mctr/image", noun, "nouns do not know each other"},
	{"cmd/mctr/network", noun, "nouns do not know each other"},
	{"cmd/mctr/system", noun, "nouns do not know each other"},
	{"cmd", []string{"...", "!containerizer/launcher/engine/...", "!containerizer/launcher/ociruntime"},
		"programs wire everything, but engines are the shim's"},
	{"agent/api",
		[]string{".", "internal/...", "self", "cni", "containerizer", "containerizer/launcher/wire", "provisioner"},
		"messages are data"},
	{"agent/client",
		[]string{".", "internal/...", "agent", "agent/api/...", "cni", "containerizer", "containerizer/launcher",
			"containerizer/launcher/wire", "logs", "provisioner/..."}, "a client knows messages, never the server"},
	{"agent",
		[]string{".", "internal/...", "agent/...", "cni", "containerizer", "containerizer/launcher",
			"containerizer/launcher/wire", "logs", "provisioner/..."},
		"what an agent serves is a containerizer's and its mechanisms': never an isolator, never an engine"},
	{"benchmarks", []string{"..."}, "a bench tries everything"},
	{"examples", []string{"...", "!internal/...", "!containerizer/launcher/...", "!benchmarks/...", "!cmd/..."},
		"an example uses what other modules can use, and what is kept compatible for them"},
	{"isolators/builtin",
		[]string{".", "internal/...", "isolators/...", "cni", "containerizer", "csi/volumes", "provisioner"},
		"the table knows every isolator"},
	{"isolators/volume",
		[]string{".", "internal/...", "isolators", "isolators/isolatortest", "isolators/stateful", "self",
			"isolators/volume/internal/...", "provisioner/...", "csi/..."},
		"an isolator knows the mechanism it drives and what its family shares, never a sibling"},
	{"isolators",
		[]string{".", "internal/...", "isolators", "isolators/isolatortest", "isolators/stateful", "self",
			"provisioner/...", "logs", "cni/...", "!cni/calico", "csi/...", "gpu/..."},
		"an isolator knows the mechanism it drives, never a sibling"},
	{"containerizer/launcher/engine/libcontainer",
		[]string{".", "internal/...", "self", "containerizer/launcher/engine", "containerizer/launcher/engine/pty"},
		"an engine knows its interface, not the shim's protocol"},
	{"containerizer/launcher/engine/ocibinary",
		[]string{".", "internal/...", "containerizer/launcher/engine", "containerizer/launcher/engine/pty"},
		"an engine knows its interface, not the shim's protocol"},
	{"containerizer/launcher/engine/enginetest", []string{".", "internal/...", "containerizer/launcher/engine"},
		"a suite knows the interface it holds engines to"},
	{"containerizer/launcher/ociruntime",
		[]string{".", "internal/...", "containerizer/launcher/engine", "containerizer/launcher/engine/pty"},
		"a command line knows the engines' interface"},
	{"containerizer/launcher/engine", []string{".", "internal/...", "self"}, "the interface knows nothing"},
	{"containerizer/launcher/shim",
		[]string{".", "internal/...", "logs", "containerizer/launcher/wire", "containerizer/launcher/engine"},
		"the server knows the protocol and the engines' interface"},
	{"containerizer/launcher/wire", []string{".", "internal/..."}, "the protocol is data"},
	{"containerizer/launcher", []string{".", "internal/...", "containerizer/launcher/wire"},
		"the client knows the protocol"},
	{"containerizer/store", []string{".", "internal/...", "containerizer/launcher/wire"},
		"records are data, and the store starts and ends nothing"},
	{"containerizer/shims", []string{".", "internal/...", "containerizer/launcher", "containerizer/store"},
		"a shim is found by records, and spoken to by the launcher's client"},
	{"containerizer/release",
		[]string{".", "internal/...", "containerizer/rootfs", "containerizer/shims", "containerizer/store",
			"isolators"},
		"a release undoes what records and isolators know of"},
	{"containerizer/supervise",
		[]string{".", "internal/...", "containerizer/health", "containerizer/launcher", "containerizer/launcher/wire",
			"containerizer/shims", "containerizer/store", "isolators"},
		"what looks after a container has the containerizer launch and release it"},
	{"containerizer/ending",
		[]string{".", "internal/...", "containerizer/launcher", "containerizer/release", "containerizer/shims",
			"containerizer/store", "containerizer/supervise"},
		"a container's end is its shim's, or that of its control group"},
	{"containerizer/update",
		[]string{".", "internal/...", "containerizer/cgrouptree", "containerizer/launcher", "containerizer/shims",
			"containerizer/spec", "containerizer/store", "isolators"},
		"new limits are declared by isolators and applied by the shim"},
	{"containerizer/host",
		[]string{".", "internal/...", "cni", "containerizer", "csi/volumes", "isolators", "isolators/builtin",
			"provisioner"},
		"a host wires what programs would otherwise wire each for itself"},
	{"containerizer/spec", []string{".", "internal/...", "isolators"}, "specs are data"},
	{"containerizer/cgrouptree", []string{".", "internal/...", "containerizer/launcher/wire", "containerizer/store"},
		"control groups above containers need their names and no more"},
	{"containerizer/rootfs", []string{".", "internal/...", "containerizer/store", "provisioner/..."},
		"a container's files are its image's and what its records say"},
	{"containerizer/reconcile",
		[]string{".", "internal/...", "containerizer/launcher", "containerizer/store", "isolators", "provisioner/..."},
		"what is left over is told by records and by the isolators' interface"},
	{"containerizer/health", []string{".", "internal/..."}, "a probe knows nothing of containers but their namespaces"},
	{"containerizer",
		[]string{".", "internal/...", "isolators", "provisioner/...", "fetcher/...", "logs", "containerizer/launcher",
			"containerizer/launcher/wire", "containerizer/cgrouptree", "containerizer/ending", "containerizer/health",
			"containerizer/reconcile", "containerizer/release", "containerizer/rootfs", "containerizer/shims",
			"containerizer/spec", "containerizer/store", "containerizer/supervise", "containerizer/update"},
		"the order of events: never an isolator, never an engine"},
	{"internal/hostflags", []string{".", "internal/...", "cni", "containerizer/host"},
		"flags of programs fill what a host is opened with"},
	{"internal", []string{".", "internal/..."}, "what everyone needs knows nobody"},
	{"", nil, "mechanisms and nouns"},
}

// noun is what a noun of the command line may import.
var noun = []string{"...", "!cmd/...", "cmd/mctr/internal/...", "!containerizer/launcher/engine/...",
	"!containerizer/launcher/ociruntime"}

// mechanisms know the nouns, internal packages and themselves.
var mechanisms = []string{"provisioner", "fetcher", "cni", "csi", "gpu", "logs"}

// TestImports reads the imports of every file that is not a test.
func TestImports(t *testing.T) {
	for pkg, imports := range packages(t) {
		for _, imported := range imports {
			to, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			to = strings.Trim(to, "/")
			if r := ruleOf(pkg); !r.allows(pkg, to) {
				t.Errorf("%s imports %s: %s", pkg, imported, r.why)
			}
		}
	}
}

// TestImportsHaveTeeth shows that the rules refuse what they are there for.
func TestImportsHaveTeeth(t *testing.T) {
	for _, bad := range [][2]string{
		{"containerizer", "isolators/linux/nnp"},
		{"containerizer", "containerizer/launcher/engine/libcontainer"},
		{"isolators/linux/nnp", "isolators/linux/seccomp"},
		{"isolators/linux/nnp", "containerizer"},
		{"isolators/network/cni", "cni/calico"},
		{"cmd/mctr-calico", "containerizer"},
		{"agent/client", "agent/server"},
		{"agent/server", "isolators/builtin"},
		{"logs", "provisioner"},
		{"provisioner/store", "isolators"},
		{"internal/flock", "logs"},
		{"", "containerizer"},
		{"cmd/mctr", "containerizer/launcher/engine/libcontainer"},
		{"cmd/mctr/container", "cmd/mctr/image"},
		{"cmd/mctr/system", "containerizer/launcher/engine/libcontainer"},
		{"cmd/mctr/internal/session", "cmd/mctr/container"},
		{"cmd/mctr-shim", "provisioner"},
		{"containerizer/launcher/ociruntime", "containerizer/launcher/engine/libcontainer"},
		{"cmd/mctr", "containerizer/launcher/ociruntime"},
		{"examples/run", "internal/cgroup"},
		{"examples/run", "containerizer/launcher/wire"},
		{"containerizer/launcher/engine/ocibinary", "containerizer/launcher/engine/libcontainer"},
	} {
		if ruleOf(bad[0]).allows(bad[0], bad[1]) {
			t.Errorf("%q may import %q", bad[0], bad[1])
		}
	}
}

func ruleOf(pkg string) rule {
	top, _, _ := strings.Cut(pkg, "/")
	if slices.Contains(mechanisms, top) {
		return rule{part: top, allow: []string{".", "internal/...", top + "/..."},
			why: "a mechanism knows nothing of isolators and of other mechanisms"}
	}
	i := slices.IndexFunc(rules, func(r rule) bool {
		return pkg == r.part || strings.HasPrefix(pkg, r.part+"/") || r.part == ""
	})
	return rules[i]
}

func (r rule) allows(pkg, to string) bool {
	if pkg == to {
		return true
	}
	allowed := false
	for _, pattern := range r.allow {
		refuse := strings.HasPrefix(pattern, "!")
		if matches(strings.TrimPrefix(pattern, "!"), r.part, pkg, to) {
			allowed = !refuse
		}
	}
	return allowed
}

func matches(pattern, part, pkg, to string) bool {
	switch pattern {
	case ".":
		return to == ""
	case "...":
		return true
	case "self":
		return strings.HasPrefix(to, pkg+"/")
	}
	if below, ok := strings.CutSuffix(pattern, "/..."); ok {
		return to == below || strings.HasPrefix(to, below+"/")
	}
	return to == pattern
}

// packages maps each directory with Go files to what its non-test files import.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, path := range sources(t) {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		pkg := strings.TrimPrefix(filepath.Dir(path), ".")
		found[pkg] = append(found[pkg], "")
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			found[pkg] = append(found[pkg], name)
		}
	}
	if len(found) < 30 {
		t.Fatalf("found only %d packages", len(found))
	}
	return found
}

// sources returns the Go files of the tree.
func sources(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." &&
			(strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "bin"):
			return filepath.SkipDir
		case !d.IsDir() && strings.HasSuffix(path, ".go"):
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

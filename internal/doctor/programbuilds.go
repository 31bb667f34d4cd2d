package doctor

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mctr/mctr/internal/buildinfo"
)

// A Program is one of mctr's programs or a CNI plugin, with its build.
type Program struct {
	Name, Path, Version, Commit string

	Differs string `json:",omitempty"` // how its build differs from that of this program; "" if it does not

	broken bool // launches cannot use it
}

// others lists programs to look for beside this program, in addition to those that containers need.
var others = []string{"mctr", "mctr-agent", "mctr-bench", "mctr-calico", "mctr-oci"}

// Builds returns the builds of mctr's other programs and of the plugins, read from their files. It
// omits missing programs, and plugins without build information.
func (h Host) Builds() []Program {
	paths := maps.Clone(h.Programs)
	if self, err := os.Executable(); err == nil {
		for _, name := range others {
			if path := filepath.Join(filepath.Dir(self), name); path != self && isProgram(path) {
				paths[name] = path
			}
		}
	}
	var all []Program
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		if !isProgram(paths[name]) {
			continue
		}
		b, err := buildinfo.ReadFile(paths[name])
		if err != nil {
			b = buildinfo.Build{Version: "unknown", Commit: "unknown"}
		}
		p := Program{Name: name, Path: paths[name], Version: b.Version, Commit: b.Commit}
		h.compare(&p, b)
		all = append(all, p)
	}
	return append(all, h.plugins()...)
}

// compare records how a program of mctr differs from this one. Two builds without a commit may pass
// for the same, so the supervisor is asked which features it lacks.
func (h Host) compare(p *Program, b buildinfo.Build) {
	if this := buildinfo.Self(); b.Version != this.Version || b.Commit != this.Commit || b.Changed != this.Changed {
		p.Differs = fmt.Sprintf("%s is of another build (%s) than this program (%s)", p.Path, b, this)
	}
	if p.Name != "mctr-shim" || h.Shim == nil {
		return
	}
	lacks, err := h.Shim()
	if err != nil {
		p.Differs, p.broken = err.Error(), true
	} else if len(lacks) > 0 {
		p.Differs = p.Path + " does not understand " + strings.Join(lacks, ", ")
	}
}

// plugins returns the CNI plugins in the order of the search; of several with the same name, the
// first.
func (h Host) plugins() (all []Program) {
	seen := map[string]bool{}
	for _, dir := range h.PluginDirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // the finding of each missing plugin reports it
		}
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			if seen[e.Name()] || !isProgram(path) {
				continue
			}
			if b, err := buildinfo.ReadFile(path); err == nil {
				seen[e.Name()] = true
				all = append(all, Program{Name: "cni/" + e.Name(), Path: path, Version: b.Version, Commit: b.Commit})
			}
		}
	}
	return all
}

// builds warns of programs from another build than this one, and of plugins from several releases.
func builds(h Host) (found []Finding) {
	versions := map[string][]string{}
	for _, p := range h.Builds() {
		name, isPlugin := strings.CutPrefix(p.Name, "cni/")
		if isPlugin {
			versions[p.Version] = append(versions[p.Version], name)
			continue
		}
		f := Finding{Area: "programs", What: "build of " + p.Name, State: OK,
			Detail: p.Version + ", commit " + p.Commit}
		if p.Differs != "" {
			f.State, f.Detail, f.Remedy = Missing, p.Differs,
				"keep mctr's programs together, of one build: a program refuses what it does not understand"
		}
		if p.broken {
			f.State = Broken
		}
		found = append(found, f)
	}
	if len(versions) == 0 {
		return found
	}
	f := Finding{Area: "network", What: "release of CNI plugins", State: OK}
	for _, version := range slices.Sorted(maps.Keys(versions)) {
		f.Detail += fmt.Sprintf("; %s: %s", version, strings.Join(versions[version], ", "))
	}
	f.Detail = strings.TrimPrefix(f.Detail, "; ")
	if releases(versions) > 1 {
		f.State, f.Remedy = Missing, "take "+strings.Join(defaultPlugins, ", ")+" from one release"
	}
	return append(found, f)
}

// releases counts the releases that the default network's plugins are from.
func releases(versions map[string][]string) (n int) {
	for _, plugins := range versions {
		if slices.ContainsFunc(plugins, func(p string) bool { return slices.Contains(defaultPlugins, p) }) {
			n++
		}
	}
	return n
}

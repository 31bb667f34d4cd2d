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

// A Program is one of mctr's, or a CNI plugin, and the build that it is of.
type Program struct {
	Name, Path, Version, Commit string

	Differs string `json:",omitempty"` // from this program: how

	broken bool // no launch takes it
}

// others are the programs that are looked for beside this one, besides those that
// containers need.
var others = []string{"mctr", "mctr-agent", "mctr-bench", "mctr-calico", "mctr-oci"}

// Builds reads from their files by what mctr's other programs and the plugins were built.
// What is not there is left out, and so are plugins that do not say.
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

// compare says how a program of mctr's is of another build than this one. Builds that do
// not say of which commit they are may be taken for the same; the supervisor is asked.
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

// plugins are the CNI plugins as they are found: of one name the first.
func (h Host) plugins() (all []Program) {
	seen := map[string]bool{}
	for _, dir := range h.PluginDirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // the finding of each plugin says so
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

// builds warns of programs of another build than this one, and of plugins of several
// releases.
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
				"keep mctr's programs together, of one build: what one does not understand is refused"
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

// releases counts those that the default network's plugins are of.
func releases(versions map[string][]string) (n int) {
	for _, plugins := range versions {
		if slices.ContainsFunc(plugins, func(p string) bool { return slices.Contains(defaultPlugins, p) }) {
			n++
		}
	}
	return n
}

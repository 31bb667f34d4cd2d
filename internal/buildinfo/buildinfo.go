// Package buildinfo reads the version and commit that mctr's programs were built from. It creates
// nothing.
package buildinfo

import (
	"cmp"
	"debug/buildinfo"
	"fmt"
	"runtime/debug"
)

// A Build is the build information of a program.
type Build struct {
	Version string // version of the module: a tag, or "(devel)"
	Commit  string // "unknown" if it was built without version control
	Changed bool   // the tree had uncommitted changes
	Go      string
}

// ReadFile returns the build information in a program's file, without running the program.
func ReadFile(path string) (Build, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return Build{}, fmt.Errorf("read the build information of %s: %w", path, err)
	}
	return buildIn(info), nil
}

// Self returns the build information of this program.
func Self() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Build{Version: "(devel)", Commit: "unknown"}
	}
	return buildIn(info)
}

func buildIn(info *debug.BuildInfo) Build {
	b := Build{Version: cmp.Or(info.Main.Version, "(devel)"), Commit: "unknown", Go: info.GoVersion}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			b.Changed = s.Value == "true"
		}
	}
	return b
}

// Commit returns the commit that this program was built from, or "unknown".
func Commit() string { return Self().Commit }

// String returns a short form for errors.
func (b Build) String() string {
	s := b.Version + ", commit " + b.Commit
	if b.Changed {
		s += " and changes"
	}
	return s
}

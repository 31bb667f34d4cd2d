// Package buildinfo reads by which commit mctr's programs were built. It creates nothing.
package buildinfo

import (
	"cmp"
	"debug/buildinfo"
	"fmt"
	"runtime/debug"
)

// A Build is what the Go tool wrote into a program about where it comes from.
type Build struct {
	Version string // of the module: a tag's, or "(devel)"
	Commit  string // "unknown" where it was built without version control
	Changed bool   // since that commit
	Go      string
}

// ReadFile reads it from a program's file, whatever that program does when it is run.
func ReadFile(path string) (Build, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return Build{}, fmt.Errorf("read by what %s was built: %w", path, err)
	}
	return buildIn(info), nil
}

// Self is that of this program.
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

// Commit is the revision that the program was built from, or "unknown".
func Commit() string { return Self().Commit }

// String is short: for the text of errors.
func (b Build) String() string {
	s := b.Version + ", commit " + b.Commit
	if b.Changed {
		s += " and changes"
	}
	return s
}

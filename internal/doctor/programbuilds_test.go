package doctor_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mctr/mctr/internal/doctor"
)

// TestBuilds: the supervisor is asked whatever its file says, and programs and plugins are listed
// with their builds.
func TestBuilds(t *testing.T) {
	dir := t.TempDir()
	shim, plugins := filepath.Join(dir, "mctr-shim"), filepath.Join(dir, "cni")
	self, err := os.Executable()
	if err := errors.Join(err, os.Mkdir(plugins, 0o755), os.Symlink(self, shim),
		os.Symlink(self, plugins+"/bridge")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(plugins+"/script", []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	h := doctor.Host{State: dir, Root: dir, Programs: map[string]string{"mctr-shim": shim},
		PluginDirs: []string{filepath.Join(dir, "none"), plugins}}
	for _, c := range []struct {
		name  string
		lacks []string
		err   error
		state string
		want  string
	}{
		{"all is well", nil, nil, doctor.OK, ""},
		{"it lacks something", []string{"create.hold"}, nil, doctor.Missing, "does not understand create.hold"},
		{"it does not say", nil, errors.New("older"), doctor.Broken, "older"},
	} {
		h.Shim = func() ([]string, error) { return c.lacks, c.err }
		programs := h.Builds()
		at := func(name string) int {
			return slices.IndexFunc(programs, func(p doctor.Program) bool { return p.Name == name })
		}
		i, j := at("mctr-shim"), at("cni/bridge")
		if i < 0 || j < 0 || at("cni/script") >= 0 {
			t.Fatalf("%s: got %+v", c.name, programs)
		}
		if p := programs[i]; p.Path != shim || p.Version == "" || p.Commit == "" ||
			!strings.Contains(p.Differs, c.want) || (p.Differs == "") != (c.want == "") {
			t.Errorf("%s: got %+v", c.name, p)
		}
		f := stateOf(t, doctor.Examine(h), "programs", "build of mctr-shim")
		if f.State != c.state || !strings.Contains(f.Detail, c.want) || (f.State == doctor.OK) != (f.Remedy == "") {
			t.Errorf("%s: found %+v", c.name, f)
		}
	}
}

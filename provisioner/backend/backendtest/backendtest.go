// Package backendtest is the conformance suite for image backends. Its own tests run it against
// broken backends.
package backendtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/provisioner/backend"
)

// Run runs each check with a new backend. After each check it looks for mounts left behind.
func Run(t *testing.T, factory func() backend.Backend) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			if err := c.run(t.TempDir(), factory()); err != nil {
				t.Error(err)
			}
		})
	}
}

// Failures returns the names of the checks that b fails, for tests of the suite itself. dir must be
// empty; mounts that b leaves in it are removed.
func Failures(dir string, b backend.Backend) (failed []string) {
	for i, c := range checks {
		if c.run(filepath.Join(dir, fmt.Sprint(i)), b) != nil {
			failed = append(failed, c.name)
		}
	}
	return failed
}

// A check tests one requirement for backends.
type check struct {
	name string
	do   func(*scene, backend.Mount) error
}

var checks = []check{
	{"layers are merged", merged},
	{"layers are not changed", unchanged},
	{"data outlives an unmount", kept},
	{"read-only", readOnly},
	{"root directory is the topmost layer's", rootDirectory},
	{"no layers", noLayers},
	{"the same layer twice", twice},
	{"odd names", oddNames},
	{"unmount twice", unmountTwice},
	{"unmount what was never mounted", unmountUnknown},
	{"unmount after a mount that failed", unmountFailed},
	{"unmount while in use", unmountBusy},
	{"owners in a user namespace", mappedOwners},
	{"volatile", volatile},
}

// A scene provides the directories of one check.
type scene struct {
	backend.Backend
	dir string
}

// run runs the check with a new scene and looks for leaks.
func (c check) run(dir string, b backend.Backend) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	s := &scene{b, dir}
	m, err := s.two()
	if err == nil {
		err = c.do(s, m)
	}
	mounted, listErr := mountinfo.GetMounts(mountinfo.PrefixFilter(dir))
	for _, m := range mounted {
		err = errors.Join(err, fmt.Errorf("still mounted: %s", m.Mountpoint), backend.Unmount(m.Mountpoint))
	}
	return errors.Join(err, listErr)
}

func (s *scene) path(name string) string { return filepath.Join(s.dir, name) }

// layer makes a layer in overlayfs form: names that end in / are directories, names that start with
// ! whiteouts, and others files that contain the layer's name.
func (s *scene) layer(name string, files ...string) (backend.Lower, error) {
	l := backend.Lower{Dir: s.path(name)}
	errs := []error{os.MkdirAll(l.Dir, 0o755), os.Chmod(l.Dir, 0o755)} // chmod(2) because of the umask
	for _, f := range files {
		path := filepath.Join(l.Dir, f)
		switch {
		case f[len(f)-1] == '/':
			errs = append(errs, os.Mkdir(path, 0o755), os.Chmod(path, 0o755))
		case f[0] == '!':
			errs = append(errs, unix.Mknod(filepath.Join(l.Dir, f[1:]), unix.S_IFCHR, 0))
		default:
			errs = append(errs, os.WriteFile(path, []byte(name), 0o644), os.Chmod(path, 0o644))
		}
	}
	return l, errors.Join(errs...)
}

// two returns a mount of two layers, which most checks use.
func (s *scene) two() (backend.Mount, error) {
	a, err1 := s.layer("a", "d/", "d/a", "d/both", "gone", "dgone/", "dgone/x")
	b, err2 := s.layer("b", "d/", "d/b", "d/both", "!gone", "!dgone")
	return backend.Mount{Lowers: []backend.Lower{a, b}, RW: s.path("rw"), Target: s.path("target")},
		errors.Join(err1, err2)
}

// with mounts m, calls look, and unmounts.
func (s *scene) with(m backend.Mount, look func() error) error {
	ctx := context.Background()
	err := s.Mount(ctx, m)
	if err == nil {
		err = look()
	}
	return errors.Join(err, s.Unmount(ctx, m.RW, m.Target))
}

func content(path, want string) error {
	data, err := os.ReadFile(path)
	if err == nil && string(data) != want {
		err = fmt.Errorf("%s holds %q, want %q", path, data, want)
	}
	return err
}

func names(dir string, want ...string) error {
	entries, err := os.ReadDir(dir)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if err == nil && !slices.Equal(got, want) {
		err = fmt.Errorf("%s has %q, want %q", dir, got, want)
	}
	return err
}

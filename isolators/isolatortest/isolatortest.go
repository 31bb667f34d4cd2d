// Package isolatortest is the contract of an isolator in executable form. It has the conformance
// suite that every implementation runs, and that is itself tested with broken isolators. [Faults]
// is a decorator for tests of code that calls isolators.
//
// On disk: a container's directories below the test's own. In the kernel: only objects that the
// isolator makes, and that must be gone after each check.
package isolatortest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/leakcheck"
	"github.com/mctr/mctr/isolators"
)

// Run runs every check for a plain container and for each config, with isolators that factory
// makes. A check calls factory again to act as a process that was started again. Pass configs that
// make the isolator acquire something.
func Run(t *testing.T, factory func() isolators.Isolator, configs ...*mctr.ContainerConfig) {
	t.Helper()
	dir := t.TempDir()
	host, err := lookAtHost(dir)
	if err != nil {
		t.Fatal(err)
	}
	for n, config := range append([]*mctr.ContainerConfig{plain()}, configs...) {
		for _, c := range checks {
			t.Run(fmt.Sprintf("%s/config%d", c.name, n), func(t *testing.T) {
				below, err := os.MkdirTemp(dir, "")
				if err != nil {
					t.Fatal(err)
				}
				leaks, err := c.run(host, below, factory, config)
				if err != nil {
					t.Error(err)
				}
				if len(leaks) > 0 { // otherwise each later check would report them again
					if host, err = lookAtHost(dir); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}

// Try runs the check called name with a plain container and returns its error, for tests of the
// suite itself. dir is an empty directory.
func Try(name, dir string, factory func() isolators.Isolator) error {
	for _, c := range checks {
		if c.name == name {
			host, err := lookAtHost(dir)
			if err != nil {
				return err
			}
			_, err = c.run(host, dir, factory, plain())
			return err
		}
	}
	return fmt.Errorf("%w: check %q", mctr.ErrNotFound, name)
}

func plain() *mctr.ContainerConfig {
	return &mctr.ContainerConfig{Image: "test", Process: mctr.Process{Args: []string{"true"}}}
}

// A check tests one requirement of an isolator.
type check struct {
	name string
	do   func(*scene) error
}

var checks = []check{
	{"is named as its package", named},
	{"check changes nothing", checkOnly},
	{"complete fills in once", completeOnce},
	{"locate changes nothing", locateOnly},
	{"prepare twice gives the same", prepareTwice},
	{"prepare after a restart gives the same", prepareRestarted},
	{"prepare leaves the container's config alone", prepareReadsOnly},
	{"prepare writes only below its own directories", prepareStaysHome},
	{"clean up an unknown container", cleanUpUnknown},
	{"clean up without prepare", cleanUpUnprepared},
	{"clean up twice", cleanUpTwice},
	{"clean up after a restart", cleanUpRestarted},
	{"recover changes nothing", recoverOnly},
	{"recover leaves known containers out", recoverKnown},
	{"recover finds nothing after clean-up", recoverCleaned},
	{"recover reports what an unknown container holds", recoverReports},
	{"isolate, watch and look at a prepared container", lives},
	{"update a prepared container", updates},
	{"a cancelled context", cancelled},
	{"unknown containers", unknown},
	{"several containers at once", atOnce},
}

// A scene is the set-up of one check.
type scene struct {
	factory func() isolators.Isolator
	dir     string
	config  *mctr.ContainerConfig
	host    *leakcheck.Set // the host before the checks
}

// run makes a scene, runs the check, and looks for leaks on the host. A leak is also an error.
func (c check) run(host *leakcheck.Set, dir string, factory func() isolators.Isolator,
	config *mctr.ContainerConfig) (leaks []string, err error) {
	s := &scene{factory: factory, dir: dir, config: config, host: host}
	err = errors.Join(guard(func() error { return c.do(s) }), guard(s.remove))
	leaks = host.Leaks()
	for _, leak := range leaks {
		err = errors.Join(err, errors.New("leak: "+leak))
	}
	return leaks, err
}

// guard turns a panic into an error.
func guard(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return do()
}

// parallel is the number of containers of a scene.
const parallel = 4

// id returns the id of container n of a scene. A leak is found by the id, because all names in the
// kernel are derived from it.
func id(n int) mctr.ContainerID {
	return mctr.ContainerID(fmt.Sprintf("it%d-%d", os.Getpid(), n)) // short enough for the name of an interface
}

// lookAtHost remembers the objects on the host that could belong to scenes below dir. Their names
// contain the directory, an id, or the beginning of an id's hash that every name made of a hash has
// (mctr.ContainerID.Interface).
func lookAtHost(dir string) (*leakcheck.Set, error) {
	names := []string{dir}
	for n := range parallel {
		names = append(names, string(id(n)), id(n).Hash()[:8])
	}
	return leakcheck.Take(leakcheck.Scope{Names: names})
}

func (s *scene) handle(id mctr.ContainerID) mctr.Handle {
	dir, state := filepath.Join(s.dir, "containers", string(id)), filepath.Join(s.dir, "state", string(id))
	return mctr.Handle{
		ID: id, Dir: dir, State: state, Rootfs: filepath.Join(state, "bundle", "rootfs"),
		RW: filepath.Join(dir, "rw"), Sandbox: filepath.Join(dir, "sandbox"),
		Cgroup: "isolatortest/" + string(id) + "/main",
	}
}

// container makes the directories that exist when Prepare is called, and returns container n.
func (s *scene) container(n int) (*mctr.Container, error) {
	config := *s.config
	c := &mctr.Container{Handle: s.handle(id(n)), Config: &config, HandleOf: s.handle}
	if s.config.Image != "" {
		c.Image = &mctr.ImageConfig{Volumes: map[string]struct{}{"/data": {}, "/srv/more": {}}, Env: []string{"LANG=C"}}
	}
	for _, d := range []string{c.Sandbox, filepath.Join(c.Rootfs, "data"), filepath.Join(c.Rootfs, "etc")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	users := []byte("root:x:0:0:root:/root:/bin/sh\n")
	if err := os.WriteFile(filepath.Join(c.Rootfs, "etc", "passwd"), users, 0o644); err != nil {
		return nil, err
	}
	if s.factory == nil { // for NewContainer
		return c, nil
	}
	if l, ok := s.factory().(isolators.StorageLimiter); ok {
		return c, errors.Join(os.MkdirAll(c.RW, 0o755), l.OpenStorage(ctx, c.Handle, c.Config))
	}
	return c, nil
}

// remove removes what the isolator keeps for the containers of the scene, and for one that it does not
// know.
func (s *scene) remove() error {
	r, ok := s.factory().(isolators.Remover)
	if !ok {
		return nil
	}
	var errs []error
	for n := range parallel + 1 {
		for range 2 {
			errs = append(errs, wrap("Remove", r.Remove(ctx, s.handle(id(n)),
				func(string) (mctr.ContainerID, error) { return "", nil })))
		}
	}
	return errors.Join(errs...)
}

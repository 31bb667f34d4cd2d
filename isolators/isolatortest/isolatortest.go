// Package isolatortest is the contract of an isolator in executable form: the
// conformance suite that every implementation runs, which proves itself by
// failing broken ones, and [Faults], a decorator for tests of those who call
// isolators.
//
// On disk: a container's directories below the test's own. In the kernel:
// nothing but what the isolator makes, which the suite wants gone after each check.
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

// Run runs every check for each config, with isolators that factory makes: a
// check calls it again to act as a process that was started again. Without a
// config it is a plain container's; with some, they come on top of it. Give
// those that make the isolator acquire something.
func Run(t *testing.T, factory func() isolators.Isolator, configs ...*mctr.ContainerConfig) {
	t.Helper()
	for n, config := range append([]*mctr.ContainerConfig{plain()}, configs...) {
		for _, c := range checks {
			t.Run(fmt.Sprintf("%s/config%d", c.name, n), func(t *testing.T) {
				if err := c.run(t.TempDir(), factory, config); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// Try does the one check called name with a plain container and returns what is
// wrong, for tests of the suite itself. dir is an empty directory.
func Try(name, dir string, factory func() isolators.Isolator) error {
	for _, c := range checks {
		if c.name == name {
			return c.run(dir, factory, plain())
		}
	}
	return fmt.Errorf("%w: check %q", mctr.ErrNotFound, name)
}

func plain() *mctr.ContainerConfig {
	return &mctr.ContainerConfig{Image: "test", Process: mctr.Process{Args: []string{"true"}}}
}

// A check is one demand on an isolator.
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

// A scene is what one check acts upon.
type scene struct {
	factory func() isolators.Isolator
	dir     string
	config  *mctr.ContainerConfig
	host    *leakcheck.Set // before the check
}

// run sets a scene, does the check, and looks for leaks.
func (c check) run(dir string, factory func() isolators.Isolator, config *mctr.ContainerConfig) error {
	s := &scene{factory: factory, dir: dir, config: config}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var err error
	if s.host, err = leakcheck.Take(leakcheck.Scope{Names: s.names()}); err != nil {
		return err
	}
	err = guard(func() error { return c.do(s) })
	for _, leak := range s.host.Leaks() {
		err = errors.Join(err, errors.New("leak: "+leak))
	}
	return err
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

// ids are the containers of a scene. A leak is found by them: all names in the
// kernel follow from the container's id.
const parallel = 4

func (s *scene) id(n int) mctr.ContainerID {
	return mctr.ContainerID(fmt.Sprintf("it%d-%d", os.Getpid(), n)) // short, so that an interface may be called by it
}

func (s *scene) handle(id mctr.ContainerID) mctr.Handle {
	dir, state := filepath.Join(s.dir, "containers", string(id)), filepath.Join(s.dir, "state", string(id))
	return mctr.Handle{
		ID: id, Dir: dir, State: state, Rootfs: filepath.Join(state, "bundle", "rootfs"),
		RW: filepath.Join(dir, "rw"), Sandbox: filepath.Join(dir, "sandbox"),
		Cgroup: "isolatortest/" + string(id) + "/main",
	}
}

// names are those by which something is the scene's: the directory, the ids, and the part
// of their hashes that every name has which is made of one (mctr.ContainerID.Interface).
func (s *scene) names() []string {
	names := []string{s.dir}
	for n := range parallel {
		names = append(names, string(s.id(n)), s.id(n).Hash()[:8])
	}
	return names
}

// container makes the directories that exist when Prepare is called.
func (s *scene) container(n int) (*mctr.Container, error) {
	config := *s.config
	c := &mctr.Container{Handle: s.handle(s.id(n)), Config: &config, HandleOf: s.handle}
	if s.config.Image != "" {
		c.Image = &mctr.ImageConfig{Volumes: map[string]struct{}{"/data": {}, "/srv/more": {}}, Env: []string{"LANG=C"}}
	}
	for _, d := range []string{c.Sandbox, filepath.Join(c.Rootfs, "data"), filepath.Join(c.Rootfs, "etc")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	return c, os.WriteFile(filepath.Join(c.Rootfs, "etc", "passwd"), []byte("root:x:0:0:root:/root:/bin/sh\n"), 0o644)
}

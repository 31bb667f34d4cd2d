package enginetest

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/internal/cgroup"
)

// Failures runs one case without failing t, and returns the errors of the case. A test of the suite
// passes it a broken engine. It removes what such an engine leaves.
func Failures(t *testing.T, name string, open func() engine.Engine) []string {
	t.Helper()
	for _, c := range allCases() {
		if c.name == name {
			return c.failures(t, open)
		}
	}
	t.Fatalf("there is no case %q", name)
	return nil
}

func (c *suiteCase) failures(t *testing.T, open func() engine.Engine) []string {
	t.Helper()
	r := &recorder{TB: t}
	b := newBench(r, open)
	done := make(chan struct{})
	go func() { // in a goroutine, because Fatal ends it
		defer close(done)
		c.run(b)
		b.wantNothing()
	}()
	<-done
	for _, clean := range slices.Backward(r.cleanups) {
		clean()
	}
	sweep()
	return r.said
}

// Ignored runs the case of each property with an engine that ignores the property. It returns the
// names of the cases that passed, each of which proves nothing.
func Ignored(t *testing.T, open func() engine.Engine) (passed []string) {
	t.Helper()
	for _, row := range tables() {
		for _, c := range row.cases() {
			blind := c
			blind.run = func(b *bench) {
				without := func() *specs.Spec { return row.spec(b, false) }
				b.engine = &blindEngine{b.engine, strings.HasPrefix(c.name, "exec: "), without}
				c.run(b)
			}
			if len(blind.failures(t, open)) == 0 {
				passed = append(passed, c.name)
			}
		}
	}
	return passed
}

// A blindEngine leaves a property out of every container or, with exec, out of every further
// process.
type blindEngine struct {
	engine.Engine
	exec    bool
	without func() *specs.Spec
}

func (e *blindEngine) Create(ctx context.Context, o engine.Options) (engine.Container, error) {
	if !e.exec {
		o.Spec = e.without()
	}
	c, err := e.Engine.Create(ctx, o)
	if err != nil {
		return nil, err
	}
	return &blindContainer{c, e}, nil
}

type blindContainer struct {
	engine.Container
	e *blindEngine
}

func (c *blindContainer) Exec(_ *specs.Process, io engine.Stdio) (*engine.Process, error) {
	return c.Container.Exec(c.e.without().Process, io)
}

// A recorder collects the errors and the clean-up of a case. It leaves everything else to the test.
type recorder struct {
	testing.TB
	said     []string
	cleanups []func()
}

func (r *recorder) Cleanup(clean func()) { r.cleanups = append(r.cleanups, clean) }

func (r *recorder) Error(args ...any) { r.said = append(r.said, fmt.Sprint(args...)) }

func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatal(args ...any) {
	r.Error(args...)
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// sweep kills and removes what a case left, except frozen processes.
func sweep() {
	_ = cgroup.Kill(group, 5*time.Second)
	for {
		if _, err := unix.Wait4(-1, nil, 0, nil); err != nil {
			break
		}
	}
	_ = cgroup.Remove(filepath.Dir(group))
}

package isolatortest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/testns"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/isolatortest"
)

// fake is a good isolator with verbs that a test can replace.
type fake struct {
	isolators.Base
	name    func() string
	check   func(*mctr.ContainerConfig)
	prepare func(context.Context, *mctr.Container) (*mctr.Adjustment, error)
	recover func([]mctr.ContainerState) []mctr.Leftover
	cleanup func(mctr.ContainerID) error
	isolate func(mctr.ContainerID, int) error
	update  func(mctr.ContainerID) (*specs.LinuxResources, error)
}

func (f fake) Name() string {
	if f.name != nil {
		return f.name()
	}
	return "test/fake"
}

func (f fake) Check(_ context.Context, config *mctr.ContainerConfig) error {
	if f.check != nil {
		f.check(config)
	}
	return nil
}

func (f fake) Prepare(ctx context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	if f.prepare != nil {
		return f.prepare(ctx, c)
	}
	return &mctr.Adjustment{}, nil
}

func (f fake) Recover(_ context.Context, known []mctr.ContainerState, _ mctr.HandleOf) ([]mctr.Leftover, error) {
	if f.recover != nil {
		return f.recover(known), nil
	}
	return nil, nil
}

func (f fake) Cleanup(_ context.Context, h mctr.Handle) error {
	if f.cleanup != nil {
		return f.cleanup(h.ID)
	}
	return nil
}

func (f fake) Isolate(_ context.Context, h mctr.Handle, pid int) error {
	if f.isolate != nil {
		return f.isolate(h.ID, pid)
	}
	return nil
}

func (f fake) Update(_ context.Context, h mctr.Handle, _ *mctr.Resources) (*specs.LinuxResources, error) {
	if f.update != nil {
		return f.update(h.ID)
	}
	return nil, nil
}

// TestMain runs the tests on a host of their own, because broken isolators leave interfaces.
func TestMain(m *testing.M) { testns.Main(m) }

// linker returns an isolator that makes an interface, named by the container's hash or id.
func linker(name func(mctr.ContainerID) string) fake {
	link := func(id mctr.ContainerID) netlink.Link {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name(id)
		return &netlink.Bridge{LinkAttrs: attrs}
	}
	return fake{
		prepare: func(_ context.Context, c *mctr.Container) (*adjustment, error) {
			if err := netlink.LinkAdd(link(c.ID)); err != nil && !errors.Is(err, os.ErrExist) {
				return nil, err
			}
			return &adjustment{}, nil
		},
		cleanup: func(id mctr.ContainerID) error {
			err := netlink.LinkDel(link(id))
			if errors.As(err, &netlink.LinkNotFoundError{}) || errors.Is(err, unix.EINVAL) ||
				errors.Is(err, unix.ENODEV) {
				return nil
			}
			return err
		},
		recover: func(known []mctr.ContainerState) (found []mctr.Leftover) {
			links, _ := netlink.LinkList()
			for n := range 4 { // for each container of the suite
				id := mctr.ContainerID(fmt.Sprintf("it%d-%d", os.Getpid(), n))
				there := slices.ContainsFunc(links, func(l netlink.Link) bool { return l.Attrs().Name == name(id) })
				if there && !slices.ContainsFunc(known, func(k mctr.ContainerState) bool { return k.ID == id }) {
					found = append(found, mctr.Leftover{Kind: "link", Object: name(id), Owner: id})
				}
			}
			return found
		},
	}
}

func byHash(id mctr.ContainerID) string { return id.Interface("mctr-x") }
func byID(id mctr.ContainerID) string   { return "x" + string(id) }

// TestStatefulIsolatorPasses checks that a good isolator that acts on the host passes.
func TestStatefulIsolatorPasses(t *testing.T) {
	for name, by := range map[string]func(mctr.ContainerID) string{"by hash": byHash, "by id": byID} {
		t.Run(name, func(t *testing.T) { isolatortest.Run(t, func() isolators.Isolator { return linker(by) }) })
	}
}

func TestGoodIsolatorPasses(t *testing.T) {
	isolatortest.Run(t, func() isolators.Isolator { return fake{} })
}

// TestSuiteFailsBroken checks that each broken isolator fails the check that was made for it.
func TestSuiteFailsBroken(t *testing.T) {
	for _, c := range brokenIsolators() {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			i := c.make(t)
			err := isolatortest.Try(c.fails, dir, func() isolators.Isolator { return i })
			if err == nil || errors.Is(err, mctr.ErrNotFound) && c.name != "errors for unknown ids" {
				t.Errorf("the suite did not fail it for %q: %v", c.fails, err)
			}
		})
	}
}

// completer is a fake with a default.
type completer struct {
	fake
	complete func(*mctr.ContainerConfig) error
}

func (c completer) Complete(_ context.Context, _ mctr.ContainerID, config *mctr.ContainerConfig) (string, error) {
	return "", c.complete(config)
}

// mounter is a fake with volumes.
type mounter struct {
	fake
	locate func(mctr.Handle) *isolators.Location
}

func (mounter) VolumeTypes() []string { return []string{mctr.VolumeTmpfs} }

func (m mounter) Locate(_ context.Context, h mctr.Handle, _ *mctr.Handle, _ mctr.Volume) (*isolators.Location, error) {
	return m.locate(h), nil
}

type broken struct {
	name, fails string
	make        func(*testing.T) isolators.Isolator
}

type adjustment = mctr.Adjustment

func brokenIsolators() []broken {
	var calls atomic.Int64
	is := func(f fake) func(*testing.T) isolators.Isolator {
		return func(*testing.T) isolators.Isolator { return f }
	}
	prepare := func(do func(*testing.T, *mctr.Container) error) func(*testing.T) isolators.Isolator {
		return func(t *testing.T) isolators.Isolator {
			return fake{prepare: func(_ context.Context, c *mctr.Container) (*adjustment, error) {
				return &adjustment{}, do(t, c)
			}}
		}
	}
	return []broken{
		{"leaks a file in Prepare", "clean up twice", prepare(func(t *testing.T, c *mctr.Container) error {
			f, err := os.Open(c.Dir)
			t.Cleanup(func() { _ = f.Close() })
			return err
		})},
		{"leaks a mount in Prepare", "clean up after a restart", prepare(func(t *testing.T, c *mctr.Container) error {
			t.Cleanup(func() { _ = unix.Unmount(c.Sandbox, unix.MNT_DETACH) })
			return unix.Mount("tmpfs", c.Sandbox, "tmpfs", 0, "size=4k")
		})},
		{"errors for unknown ids", "clean up an unknown container", is(fake{cleanup: func(id mctr.ContainerID) error {
			return fmt.Errorf("%w: %s", mctr.ErrNotFound, id)
		}})},
		{"completes again and again", "complete fills in once", func(*testing.T) isolators.Isolator {
			return completer{complete: func(c *mctr.ContainerConfig) error { c.Hostname += "x"; return nil }}
		}},
		{"locates a volume in no place", "locate changes nothing", func(*testing.T) isolators.Isolator {
			return mounter{locate: func(mctr.Handle) *isolators.Location { return &isolators.Location{Root: "here"} }}
		}},
		{"makes the volume it locates", "locate changes nothing", func(*testing.T) isolators.Isolator {
			return mounter{locate: func(h mctr.Handle) *isolators.Location {
				_ = os.MkdirAll(h.Dir, 0o700)
				return nil
			}}
		}},
		{"differs the second time", "prepare twice gives the same",
			is(fake{prepare: func(context.Context, *mctr.Container) (*adjustment, error) {
				a := &adjustment{}
				a.Spec.Hostname = fmt.Sprint(calls.Add(1))
				return a, nil
			}})},
		{"prepares once only", "prepare after a restart gives the same",
			prepare(func(_ *testing.T, c *mctr.Container) error {
				return os.Mkdir(filepath.Join(c.Dir, "test"), 0o700)
			})},
		{"writes the config", "prepare leaves the container's config alone",
			prepare(func(_ *testing.T, c *mctr.Container) error {
				c.Config.Hostname += "x"
				return nil
			})},
		{"writes elsewhere", "prepare writes only below its own directories",
			prepare(func(_ *testing.T, c *mctr.Container) error {
				return os.WriteFile(filepath.Join(c.Rootfs, "etc", "hosts"), nil, 0o644)
			})},
		{"writes the config in Check", "check changes nothing",
			is(fake{check: func(c *mctr.ContainerConfig) { c.Name += "x" }})},
		{"changes its name", "is named as its package",
			is(fake{name: func() string { return fmt.Sprint(calls.Add(1)) }})},
		{"knows no known containers", "recover leaves known containers out",
			is(fake{recover: func(known []mctr.ContainerState) (all []mctr.Leftover) {
				for _, k := range known {
					all = append(all, mctr.Leftover{Owner: k.ID})
				}
				return all
			}})},
		{"fails for one of several", "several containers at once", prepare(func(_ *testing.T, c *mctr.Container) error {
			if strings.HasSuffix(string(c.ID), "-3") {
				return errors.New("broken")
			}
			return nil
		})},
		{"cleans up nothing, named by hash", "clean up twice", func(t *testing.T) isolators.Isolator {
			return forgetful(t, byHash)
		}},
		{"cleans up nothing, named by id", "clean up twice", func(t *testing.T) isolators.Isolator {
			return forgetful(t, byID)
		}},
		{"reports nothing", "recover reports what an unknown container holds", func(*testing.T) isolators.Isolator {
			f := linker(byHash)
			f.recover = nil
			return f
		}},
		{"reports another container", "recover reports what an unknown container holds",
			func(*testing.T) isolators.Isolator {
				f := linker(byHash)
				f.recover = func([]mctr.ContainerState) []mctr.Leftover { return []mctr.Leftover{{Owner: "another"}} }
				return f
			}},
		{"fails to isolate", "isolate, watch and look at a prepared container",
			is(fake{isolate: func(_ mctr.ContainerID, pid int) error {
				if pid <= 1 {
					return nil
				}
				return errors.New("broken")
			}})},
		{"panics in Isolate", "isolate, watch and look at a prepared container",
			is(fake{isolate: func(mctr.ContainerID, int) error { panic("broken") }})},
		{"refuses to update", "update a prepared container",
			is(fake{update: func(mctr.ContainerID) (*specs.LinuxResources, error) {
				return nil, errors.New("broken")
			}})},
		{"updates to something else", "update a prepared container",
			is(fake{update: func(mctr.ContainerID) (*specs.LinuxResources, error) {
				n := calls.Add(1)
				return &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &n}}, nil
			}})},
		{"hides why it was cancelled", "a cancelled context",
			is(fake{prepare: func(ctx context.Context, _ *mctr.Container) (*adjustment, error) {
				if ctx.Err() != nil {
					return nil, errors.New("something failed")
				}
				return nil, nil
			}})},
	}
}

// forgetful returns an isolator that makes interfaces and leaves them until the test ends.
func forgetful(t *testing.T, name func(mctr.ContainerID) string) isolators.Isolator {
	f := linker(name)
	remove := f.cleanup
	f.cleanup = nil
	t.Cleanup(func() {
		for n := range 4 {
			_ = remove(mctr.ContainerID(fmt.Sprintf("it%d-%d", os.Getpid(), n)))
		}
	})
	return f
}

// TestFaults injects each fault, and checks that the work is done or not done as expected.
func TestFaults(t *testing.T) {
	injected := errors.New("injected")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	work := 0
	newFaults := func() *isolatortest.Faults {
		work = 0
		return isolatortest.NewFaults(fake{cleanup: func(mctr.ContainerID) error { work++; return nil }})
	}

	f := newFaults()
	f.Before("Cleanup", isolatortest.Fail(injected))
	if err := f.Cleanup(ctx, mctr.Handle{ID: "c1"}); !errors.Is(err, injected) || work != 0 {
		t.Errorf("Fail before: %v, worked %d times", err, work)
	}
	f = newFaults()
	f.After("Cleanup", isolatortest.Fail(injected))
	if err := f.Cleanup(ctx, mctr.Handle{ID: "c1"}); !errors.Is(err, injected) || work != 1 {
		t.Errorf("Fail after: %v, worked %d times", err, work)
	}
	f = newFaults()
	f.Before("Cleanup", isolatortest.Hang())
	if err := f.Cleanup(ctx, mctr.Handle{ID: "c1"}); !errors.Is(err, context.Canceled) || work != 0 {
		t.Errorf("Hang: %v, worked %d times", err, work)
	}
	release := make(chan struct{})
	f = newFaults()
	f.Before("Cleanup", isolatortest.Stick(release))
	ended := make(chan error)
	go func() { ended <- f.Cleanup(ctx, mctr.Handle{ID: "c1"}) }()
	close(release)
	if err := <-ended; err != nil || work != 1 {
		t.Errorf("Stick: %v, worked %d times", err, work)
	}
	f = newFaults()
	f.Before("Cleanup", isolatortest.Panic("injected"))
	defer func() {
		if p := recover(); p != "injected" {
			t.Errorf("Panic: recovered %v", p)
		}
	}()
	_ = f.Cleanup(ctx, mctr.Handle{ID: "c1"})
}

// TestFaultsReachEveryVerb injects an error into each verb, and checks that the verb returns it.
func TestFaultsReachEveryVerb(t *testing.T) {
	injected, ctx, h := errors.New("injected"), context.Background(), mctr.Handle{ID: "c1"}
	f := isolatortest.NewFaults(fake{})
	verbs := map[string]func() error{
		"Check":   func() error { return f.Check(ctx, nil) },
		"Recover": func() error { _, err := f.Recover(ctx, nil, nil); return err },
		"Prepare": func() error { _, err := f.Prepare(ctx, &mctr.Container{Handle: h}); return err },
		"Isolate": func() error { return f.Isolate(ctx, h, 1) },
		"Watch":   func() error { return f.Watch(ctx, h, nil) },
		"Update":  func() error { _, err := f.Update(ctx, h, nil); return err },
		"Usage":   func() error { return f.Usage(ctx, h, nil) },
		"Status":  func() error { return f.Status(ctx, h, nil) },
		"Cleanup": func() error { return f.Cleanup(ctx, h) },
	}
	for verb, call := range verbs {
		f.Before(verb, isolatortest.Fail(injected))
		if err := call(); !errors.Is(err, injected) {
			t.Errorf("%s: %v, want the injected error", verb, err)
		}
		f.Before(verb, nil)
		if verb != "Check" {
			if err := call(); err != nil {
				t.Errorf("%s without a fault: %v", verb, err)
			}
		}
	}
	if calls := f.Calls(); len(calls) != 2*len(verbs)-1 {
		t.Errorf("%d calls are noted: %q", len(calls), calls)
	}
}

// Package containerizer launches, watches, ends and explains containers: the
// order of events, in which package isolators' declarations, package
// provisioner's filesystems and package launcher's shims meet.
//
// On disk and in the kernel: see package store, which draws every path; the mount of
// each root filesystem below STATE, which is bound onto itself unbindable so
// that these mounts never spread; control groups below one prefix, or in scopes of
// systemd's; one shim a container. All of it survives the process that made it, and another one with
// the same directories takes it over: nothing is kept in memory alone.
package containerizer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/cgrouptree"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/provisioner"
)

// Images is what a containerizer needs of a provisioner.
type Images interface {
	Lease(ctx context.Context, holder, ref string, o provisioner.PullOptions) (*provisioner.Image, error)
	Mount(ctx context.Context, image *provisioner.Image, rw, target string, o provisioner.MountOptions) error
	Unmount(ctx context.Context, rw, target string) error
	Open(ctx context.Context, image *provisioner.Image, rw string, o provisioner.OpenOptions) (*os.File, error)
	Unpack(ctx context.Context, image *provisioner.Image, dir string) error
	Release(holder string) error
	ReleaseAll(holder string) error
	Leases() (map[string]*provisioner.Image, error)
	Prune(ctx context.Context, o provisioner.PruneOptions) (provisioner.PruneReport, error)
}

// A Containerizer runs containers below one pair of directories. Its methods may
// be called concurrently, and other processes may use the same directories.
type Containerizer struct {
	store     *store.Store
	isolators []isolators.Isolator
	images    Images
	launcher  *launcher.Launcher
	helper    string // "": to be found
	log       *slog.Logger
	owner     string
	commands  store.Commands
	cgroups   cgrouptree.Tree

	mu       sync.Mutex
	launches map[mctr.ContainerID]context.CancelFunc // of launches under way here
	watched  map[mctr.ContainerID]chan struct{}      // closed when released here
	ctx      context.Context                         // ends with Close
	close    context.CancelFunc
	watchers sync.WaitGroup
}

// An Option sets up a Containerizer.
type Option func(*Containerizer)

// WithDirs sets ROOT, which survives a reboot, and STATE, which does not need
// to. The defaults are /var/lib/mctr and /run/mctr.
func WithDirs(root, state string) Option {
	return func(c *Containerizer) { c.store.Root, c.store.State = root, state }
}

// WithIsolators sets the table: Prepare runs in its order, Cleanup backwards. A verb
// that panics has failed, and a clean-up that hangs is given up after a while.
func WithIsolators(table []isolators.Isolator) Option {
	return func(c *Containerizer) { c.isolators = guard(table) }
}

// WithImages sets where images come from. Without it only the host's filesystem
// can be used.
func WithImages(images Images) Option { return func(c *Containerizer) { c.images = images } }

// WithShim sets the mctr-shim binary; by default it is looked for beside this
// program and in PATH.
func WithShim(path string) Option {
	return func(c *Containerizer) { c.launcher.Shim = path }
}

// WithHelper sets the mctr-helper binary, which looks at what may hang; by default
// it is looked for beside this program and in PATH.
func WithHelper(path string) Option {
	return func(c *Containerizer) { c.helper = path }
}

// WithLog sets where the containerizer reports what no call can return. The
// default is nowhere.
func WithLog(h slog.Handler) Option { return func(c *Containerizer) { c.log = slog.New(h) } }

// WithOwner sets the owner of the containers launched here; default "library". An owner's
// processes follow one another: see Recover and Ends. The command line's is "cli".
func WithOwner(name string) Option { return func(c *Containerizer) { c.owner = name } }

// WithCgroupParent sets the control group that all of this STATE's containers are
// below, relative to the hierarchies' roots; "" is directly below these. An agent
// that systemd has given a group of its own (Delegate=yes) sets that. It is the
// same for all processes that use STATE, and changes only while it has no containers.
func WithCgroupParent(group string) Option {
	return func(c *Containerizer) { c.cgroups.Parent = &group }
}

// WithCgroupManager sets who makes the control groups that those of root containers
// are below: "cgroupfs" (mctr itself, the default) or "systemd", which makes a
// delegated scope for each, in the slice that WithCgroupParent names (like a-b.slice;
// default system.slice). New refuses systemd where it does not run or cgroup v2 is not
// all there is (mctr.ErrUnsupported), or where it does not answer
// (mctr.ErrUnavailable). It is the same for all processes that use STATE, too.
func WithCgroupManager(name string) Option {
	return func(c *Containerizer) { c.cgroups.Manager = name }
}

// WithExitCommand sets what a shim runs, with the container's id as last
// argument, after the end of a container that nobody watches any more. It is to
// call Cleanup.
func WithExitCommand(argv ...string) Option {
	return func(c *Containerizer) { c.commands.Exit = argv }
}

// WithRestartCommand sets what a shim runs instead of the exit command for a
// container with a restart policy. It is to call CleanupAndRestart. Without it the
// policy of a container that nobody watches is not followed.
func WithRestartCommand(argv ...string) Option {
	return func(c *Containerizer) { c.commands.Restart = argv }
}

// WithWatchCommand sets what a shim runs, with the container's id as last argument,
// beside a container that has probes, or a limit that has to be looked at, while
// nobody watches it. It is to call Watch. Without it such a container goes unwatched.
func WithWatchCommand(argv ...string) Option {
	return func(c *Containerizer) { c.commands.Watch = argv }
}

// New returns a containerizer and sets its directories up where they are not.
// It does not recover anything.
func New(ctx context.Context, opts ...Option) (*Containerizer, error) {
	c := &Containerizer{
		store:    store.New("/var/lib/mctr", store.DefaultState),
		launcher: &launcher.Launcher{},
		log:      slog.New(slog.DiscardHandler),
		owner:    "library",
		launches: map[mctr.ContainerID]context.CancelFunc{},
		watched:  map[mctr.ContainerID]chan struct{}{},
	}
	c.cgroups.Store = c.store
	for _, o := range opts {
		o(c)
	}
	c.store.Log, c.store.AfterBoot = c.log, c.afterBoot
	c.launcher.Record = c.store.ShimRecord()
	c.ctx, c.close = context.WithCancel(context.WithoutCancel(ctx))
	if err := c.findShim(); err != nil {
		return nil, err
	}
	if err := errors.Join(c.checkOptions(), c.cgroups.CheckManager()); err != nil {
		return nil, err
	}
	if err := c.store.SetUp(ctx); err != nil {
		return nil, fmt.Errorf("set up %s and %s: %w", c.store.Root, c.store.State, err)
	}
	if err := c.cgroups.SetUp(ctx); err != nil {
		return nil, fmt.Errorf("set up control groups: %w", err)
	}
	return c, nil
}

// handle is that of the records of a container, which need not exist.
func (c *Containerizer) handle(id mctr.ContainerID) *store.Container { return c.store.Container(id) }

// handleOf is what isolators get of a container.
func (c *Containerizer) handleOf(id mctr.ContainerID) mctr.Handle { return c.handle(id).Handle() }

// Close ends this process' part: its watching. The containers go on. It is
// idempotent.
func (c *Containerizer) Close() error {
	c.close()
	c.watchers.Wait()
	return nil
}

func (c *Containerizer) findShim() error {
	if c.launcher.Shim != "" {
		return nil
	}
	path, err := FindProgram("mctr-shim")
	c.launcher.Shim = path
	return err
}

func (c *Containerizer) findHelper() (string, error) {
	if c.helper != "" {
		return c.helper, nil
	}
	return FindProgram("mctr-helper")
}

// FindProgram finds one of mctr's own programs: beside the running one, then in PATH.
func FindProgram(name string) (string, error) {
	self, err := os.Executable()
	if err == nil {
		if beside := filepath.Join(filepath.Dir(self), name); isFile(beside) {
			return beside, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%w: %s is neither beside this program nor in PATH (make build makes it)",
			mctr.ErrNotFound, name)
	}
	return filepath.Abs(path)
}

// FindPrograms finds those that containers need; an empty path is of one that is missing.
func FindPrograms() map[string]string {
	found := map[string]string{}
	for _, name := range []string{"mctr-shim", "mctr-helper"} {
		found[name], _ = FindProgram(name)
	}
	return found
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

var errNoImages = errors.New("this containerizer has no image store")

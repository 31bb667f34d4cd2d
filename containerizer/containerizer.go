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

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/cgrouptree"
	"github.com/mctr/mctr/containerizer/ending"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/reconcile"
	"github.com/mctr/mctr/containerizer/release"
	"github.com/mctr/mctr/containerizer/rootfs"
	"github.com/mctr/mctr/containerizer/shims"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/containerizer/supervise"
	"github.com/mctr/mctr/containerizer/update"
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
}

// A Containerizer runs containers below one pair of directories. Its methods may
// be called concurrently, and other processes may use the same directories.
type Containerizer struct {
	*rootfs.Files // of its containers: they can be copied, counted and exported

	store     *store.Store
	isolators []isolators.Isolator
	images    Images
	launcher  *launcher.Launcher
	log       *slog.Logger
	owner     string
	commands  store.Commands
	cgroups   cgrouptree.Tree

	shims     *shims.Shims
	releaser  *release.Releaser
	ender     *ending.Ender
	updater   *update.Updater
	supervise *supervise.Supervisor
	clock     supervise.Clock
	scanner   *reconcile.Scanner
	launches  launches
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

// WithExitCommand sets what a shim runs, with the container's id as last argument, after the
// exit of a container that no process watches any more. It is to call
// [Containerizer.Exited]; one that calls Cleanup leaves restart policies unfollowed.
func WithExitCommand(argv ...string) Option {
	return func(c *Containerizer) { c.commands.Exit = argv }
}

// WithWatchCommand sets what a shim runs, with the container's id as last argument,
// beside a container that has probes, or a limit that has to be looked at, while
// no process watches it. It is to call Watch. Without it such a container goes unwatched.
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
		launches: launches{cancel: map[mctr.ContainerID]context.CancelCauseFunc{}},
		clock:    supervise.SystemClock{},
	}
	c.cgroups.Store = c.store
	for _, o := range opts {
		o(c)
	}
	c.store.Log, c.store.AfterBoot = c.log, func(ctx context.Context) { afterBoot(ctx, c) }
	c.launcher.Record = c.store.ShimRecord()
	connect(ctx, c)
	if c.launcher.Shim == "" {
		shim, err := FindProgram("mctr-shim")
		if err != nil {
			return nil, err
		}
		c.launcher.Shim = shim
	}
	if err := errors.Join(checkOptions(c), c.cgroups.CheckManager()); err != nil {
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

// connect makes the parts of a containerizer, which work on its store.
func connect(ctx context.Context, c *Containerizer) {
	c.shims = &shims.Shims{Store: c.store}
	c.releaser = &release.Releaser{Store: c.store, Shims: c.shims, Isolators: c.isolators}
	c.ender = &ending.Ender{Store: c.store, Shims: c.shims, Releaser: c.releaser, CancelLaunch: c.launches.destroy}
	c.releaser.EndChildren = c.ender.EndChildren
	c.supervise = supervise.New(ctx, supervise.Config{
		Store: c.store, Shims: c.shims, Isolators: c.isolators, Owner: c.owner, Log: c.log, Clock: c.clock,
		Verbs: supervise.Verbs{
			Cleanup: c.ender.Cleanup, Kill: c.ender.KillAll,
			Start: func(ctx context.Context, id mctr.ContainerID, r supervise.Restart) error {
				return startByPolicy(ctx, c, id, r)
			},
			Exec: func(ctx context.Context, id mctr.ContainerID, argv []string) (*launcher.Stream, error) {
				return execIn(ctx, c.shims, id, Exec{Args: argv})
			},
		},
	})
	c.ender.Supervisor = c.supervise
	var images rootfs.Images
	if c.images != nil { // or the interface would not be nil
		c.releaser.Images, images = c.images, c.images
	}
	c.Files = rootfs.New(c.store, images, stoppedVolumes(c.store, c.isolators), c.releaser.Cleanup)
	c.scanner = &reconcile.Scanner{
		Store: c.store, Isolators: c.isolators, Wake: c.shims.Wake, RestartOrphaned: c.supervise.RestartOrphaned,
		GroupAbandoned: func(r *store.Record) bool { return launchAbandoned(c.store, r) },
	}
	if c.images != nil {
		c.scanner.Images = c.images
	}
	c.updater = &update.Updater{
		Store: c.store, Shims: c.shims, Isolators: c.isolators, Groups: &c.cgroups, GroupUsage: c.GroupUsage,
	}
}

// Close ends this process' part: its watching. The containers go on. It is
// idempotent.
func (c *Containerizer) Close() error {
	c.supervise.Close()
	return nil
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

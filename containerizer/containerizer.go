// Package containerizer launches, watches, stops and explains containers. It holds the
// order of events, in which the declarations of package isolators, the filesystems of
// package provisioner and the shims of package launcher meet.
//
// On disk and in the kernel: see package store, which draws every path; a mount of each root
// filesystem below STATE, which is bound onto itself as unbindable, so that these mounts never
// propagate; control groups below one prefix, or in systemd scopes; one shim for each
// container. All of it survives the process that made it, and another process with the same
// directories takes it over: nothing is in memory alone.
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

// Images are the methods of a provisioner that a containerizer needs.
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
	*rootfs.Files // copies, measures and exports the files of containers

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

// WithDirs sets ROOT, which must survive a reboot, and STATE, which need not. The
// defaults are /var/lib/mctr and /run/mctr.
func WithDirs(root, state string) Option {
	return func(c *Containerizer) { c.store.Root, c.store.State = root, state }
}

// WithIsolators sets the table of isolators: Prepare runs in its order, Cleanup in reverse.
// A panic in a verb is an error of the verb, and a Cleanup that hangs is abandoned after a while.
func WithIsolators(table []isolators.Isolator) Option {
	return func(c *Containerizer) { c.isolators = guard(table) }
}

// WithImages sets the source of images. Without it containers can only use the host's
// filesystem.
func WithImages(images Images) Option { return func(c *Containerizer) { c.images = images } }

// WithShim sets the path of mctr-shim; by default the program beside this one, or else
// the one in PATH.
func WithShim(path string) Option {
	return func(c *Containerizer) { c.launcher.Shim = path }
}

// WithLog sets where the containerizer logs problems that no call can return. The
// default is to discard them.
func WithLog(h slog.Handler) Option { return func(c *Containerizer) { c.log = slog.New(h) } }

// WithOwner sets the owner of the containers launched here; the default is "library". A later
// process of the same owner takes its containers over: see Recover and Ends. The command
// line's owner is "cli".
func WithOwner(name string) Option { return func(c *Containerizer) { c.owner = name } }

// WithCgroupParent sets the control group above those of all containers of this STATE,
// relative to the roots of the hierarchies; "" means the roots. An agent to which systemd
// delegates a group (Delegate=yes) sets that group. All processes that use STATE must use
// the same parent, which changes only while STATE has no containers.
func WithCgroupParent(group string) Option {
	return func(c *Containerizer) { c.cgroups.Parent = &group }
}

// WithCgroupManager sets the manager of the control groups above those of root containers:
// "cgroupfs" (mctr itself, the default), or "systemd", which makes a delegated scope for each
// root container, in the slice that WithCgroupParent names (such as a-b.slice; the default is
// system.slice). New returns an error if systemd does not run or the host has other
// hierarchies than cgroup v2 (mctr.ErrUnsupported), or if systemd does not answer
// (mctr.ErrUnavailable). All processes that use STATE must use the same manager, too.
func WithCgroupManager(name string) Option {
	return func(c *Containerizer) { c.cgroups.Manager = name }
}

// WithExitCommand sets the command that a shim runs, with the container's id as last
// argument, after the exit of a container that no process watches any more. The command
// should call [Containerizer.Exited]; with Cleanup instead, restart policies are not followed.
func WithExitCommand(argv ...string) Option {
	return func(c *Containerizer) { c.commands.Exit = argv }
}

// WithWatchCommand sets the command that a shim runs, with the container's id as last
// argument, while no process watches a container that has probes or a limit that must be
// polled. The command should call Watch. Without it such a container goes unwatched.
func WithWatchCommand(argv ...string) Option {
	return func(c *Containerizer) { c.commands.Watch = argv }
}

// New returns a containerizer, and sets up its directories if need be. It recovers nothing:
// see Recover.
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

// connect makes the parts of a containerizer.
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
	if c.images != nil { // a nil Images would make a non-nil interface
		c.releaser.Images, images = c.images, c.images
	}
	c.Files = rootfs.New(c.store, images, stoppedVolumes(c.store, c.isolators), storageOf(c.isolators),
		c.releaser.Cleanup)
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

// Close ends the watching of this process. The containers keep running. It is idempotent.
func (c *Containerizer) Close() error {
	c.supervise.Close()
	return nil
}

// FindProgram finds one of mctr's own programs: beside the running program, or else in PATH.
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

// FindPrograms finds the programs that containers need. The path of a missing one is empty.
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

// Package quota is the disk/quota isolator: it limits what a container writes to its root filesystem and
// to its sandbox.
//
// Launch: Check and OpenStorage; Watch, for a container that is ended when it exceeds a limit. On disk
// and in the kernel: the limits of package internal/quota for Dir/rw and Dir/sandbox, or their
// filesystems, which stay mounted until the container is removed, so that the files of a stopped
// container can be read. Recovery: limits of unknown containers. Mesos: isolators/disk/xfs.
package quota

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/docker/go-units"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/kernel"
	"github.com/mctr/mctr/internal/quota"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/stateful"
)

// New returns the isolator for containers below root. helper is the path of mctr-helper.
func New(root, helper string) isolators.Isolator {
	return &isolator{quotas: quota.Below(root, helper), every: time.Second}
}

type isolator struct {
	isolators.Base
	quotas *quota.Store
	every  time.Duration // the time between two looks of Watch
}

func (*isolator) Name() string { return "disk/quota" }

// A part is one of the directories that a container writes to.
type part struct {
	name          string // in the config
	dir           string
	bytes, inodes *int64
	end           bool
}

func parts(h mctr.Handle, d mctr.Disk) []part {
	return []part{
		{"rootfs", h.RW, d.Rootfs, d.RootfsInodes, d.End}, {"sandbox", h.Sandbox, d.Sandbox, d.SandboxInodes, d.End},
	}
}

// headroom is what a container may write beyond a limit at which it is ended (Mesos: the same).
const headroom = 10 << 20

// limits returns the limits in the kernel; the zero value for none.
func (p part) limits() (l quota.Limits) {
	if p.bytes != nil {
		if l.Bytes = *p.bytes; p.end {
			l.Bytes += headroom
		}
	}
	if p.inodes != nil {
		l.Inodes = *p.inodes
	}
	return l
}

// Check refuses limits that are not positive, or that this host cannot enforce for the container.
func (i *isolator) Check(ctx context.Context, config *mctr.ContainerConfig) error {
	limited := false
	for _, p := range parts(mctr.Handle{}, config.Resources.Disk) {
		for field, n := range map[string]*int64{p.name: p.bytes, p.name + "_inodes": p.inodes} {
			if n != nil && *n <= 0 {
				return fmt.Errorf("%w: resources.disk.%s %d: want more than 0", mctr.ErrInvalid, field, *n)
			}
			limited = limited || n != nil
		}
		if p.name == "rootfs" && p.limits() != (quota.Limits{}) && (config.Image == "" || config.ReadOnly) {
			return fmt.Errorf("%w: resources.disk.rootfs: the container writes to no root filesystem of its own "+
				"(it has no image, or it is read-only)", mctr.ErrInvalid)
		}
	}
	switch {
	case config.Resources.Disk.End && config.Resources.Disk.Rootfs == nil && config.Resources.Disk.Sandbox == nil:
		return fmt.Errorf("%w: resources.disk.end: there is no limit of bytes", mctr.ErrInvalid)
	case config.GroupResources.Disk != (mctr.Disk{}):
		return fmt.Errorf("%w: group_resources.disk: each container has a limit of its own", mctr.ErrInvalid)
	case !limited:
		return nil
	}
	return i.checkHost(ctx, config)
}

// checkHost refuses limits that do not bind the container.
func (i *isolator) checkHost(ctx context.Context, config *mctr.ContainerConfig) error {
	if err := os.MkdirAll(i.quotas.Dir, 0o711); err != nil {
		return err
	}
	means, err := i.quotas.Means(ctx)
	if err != nil || means != quota.Ext4 {
		return err
	}
	const resource = "CAP_SYS_RESOURCE"
	caps, err := config.Security.Capabilities(kernel.BoundingCapabilities())
	if err == nil && slices.Contains(caps, resource) {
		return &mctr.UnsupportedError{Feature: "resources.disk of a container with " + resource,
			Why: "project quotas of ext4 do not bind it", Remedy: "leave out security.privileged and the capability, " +
				"or keep " + i.quotas.Dir + " on XFS"}
	}
	return err
}

// OpenStorage limits the container's directories, or changes their limits to those of the config.
func (i *isolator) OpenStorage(ctx context.Context, h mctr.Handle, config *mctr.ContainerConfig) error {
	for _, p := range parts(h, config.Resources.Disk) {
		if p.limits() == (quota.Limits{}) {
			continue
		}
		if err := i.open(ctx, h, p); err != nil {
			return fmt.Errorf("resources.disk.%s: %w", p.name, err)
		}
	}
	return nil
}

func (i *isolator) open(ctx context.Context, h mctr.Handle, p part) error {
	err := i.change(ctx, p)
	first := errors.Is(err, mctr.ErrNotFound)
	if first {
		err = i.quotas.Make(ctx, p.dir, owner(h.ID), p.limits())
	}
	if err == nil {
		err = i.quotas.Mount(ctx, p.dir)
	}
	if err == nil && first {
		err = os.Chmod(p.dir, 0o755)
	}
	return err
}

// change gives a directory with limits new ones. The error wraps mctr.ErrNotFound if it has none.
func (i *isolator) change(ctx context.Context, p part) error {
	now, err := i.quotas.Limits(p.dir)
	if err != nil || now == p.limits() {
		return err
	}
	return i.quotas.Change(ctx, p.dir, p.limits())
}

func owner(id mctr.ContainerID) string { return "container " + string(id) }

// Update changes the limits of a running container. A container that was created without a limit has
// no directory that could be limited now.
func (i *isolator) Update(ctx context.Context, h mctr.Handle, r *mctr.Resources) (*specs.LinuxResources, error) {
	for _, p := range parts(h, r.Disk) {
		if p.limits() == (quota.Limits{}) {
			continue
		}
		err := i.change(ctx, p)
		if errors.Is(err, mctr.ErrNotFound) {
			err = fmt.Errorf("%w: it was started without a limit, and none can be added", mctr.ErrState)
		}
		if err != nil {
			return nil, fmt.Errorf("resources.disk.%s: %w", p.name, err)
		}
	}
	return nil, nil
}

// Usage reads what the container has written.
func (i *isolator) Usage(ctx context.Context, h mctr.Handle, u *mctr.Usage) error {
	if !i.inUse() {
		return nil
	}
	var errs []error
	for dir, to := range map[string]**mctr.DiskUsage{h.RW: &u.Rootfs, h.Sandbox: &u.Sandbox} {
		used, err := i.quotas.Usage(ctx, dir)
		if errors.Is(err, mctr.ErrNotFound) {
			continue
		}
		errs = append(errs, err)
		*to = &mctr.DiskUsage{Bytes: uint64(used.Bytes), BytesLimit: uint64(used.Limits.Bytes),
			Inodes: uint64(used.Inodes), InodesLimit: uint64(used.Limits.Inodes)}
	}
	return errors.Join(errs...)
}

// Remove removes the limits, with what the container has written.
func (i *isolator) Remove(ctx context.Context, h mctr.Handle, _ func(string) (mctr.ContainerID, error)) error {
	if !i.inUse() {
		return nil
	}
	var errs []error
	for _, dir := range []string{h.RW, h.Sandbox} {
		errs = append(errs, quota.Patiently(ctx, func() error { return i.quotas.Remove(ctx, dir) }))
	}
	return errors.Join(errs...)
}

// inUse returns false if no directory of these containers was ever limited.
func (i *isolator) inUse() bool {
	_, err := os.Lstat(i.quotas.Records)
	return err == nil
}

// Prepare records the limits at which the container is ended, for Watch.
func (i *isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	if !c.Config.Resources.Disk.End {
		return nil, nil
	}
	return &mctr.Adjustment{Watch: true}, i.records(c.Handle).Write("end", c.Config.Resources.Disk)
}

func (i *isolator) records(h mctr.Handle) stateful.Records { return stateful.UntilReboot(h, i.Name()) }

// Recover reports the limits of unknown containers.
func (i *isolator) Recover(ctx context.Context, known []mctr.ContainerState,
	handleOf mctr.HandleOf) ([]mctr.Leftover, error) {
	if !i.inUse() {
		return nil, nil
	}
	records, err := i.quotas.List(ctx)
	var found []mctr.Leftover
	for _, r := range records {
		id := mctr.ContainerID(filepath.Base(filepath.Dir(r.Dir)))
		if r.Owner != owner(id) || id.Validate() != nil ||
			slices.ContainsFunc(known, func(k mctr.ContainerState) bool { return k.ID == id }) {
			continue
		}
		found = append(found, mctr.Leftover{Kind: "quota", Object: r.Dir, Owner: id,
			Why: "its container does not exist", Undo: "remove the directory with its limit"})
	}
	return found, err
}

// Cleanup releases nothing for a container that exists: its files stay until Remove. Of a container
// whose directory is lost, it removes the limits.
func (i *isolator) Cleanup(ctx context.Context, h mctr.Handle) error {
	if _, err := os.Lstat(filepath.Join(h.Dir, "config.json")); err == nil {
		return nil
	}
	return i.Remove(ctx, h, nil)
}

// Watch looks at the usage of a container that is ended at its limits, once a second, until ctx ends.
func (i *isolator) Watch(ctx context.Context, h mctr.Handle, report func(mctr.Limitation)) error {
	var limits mctr.Disk
	err := i.records(h).Read("end", &limits)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	go func() {
		tick := time.NewTicker(i.every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			for _, p := range parts(h, limits) {
				if used, over := i.exceeds(ctx, p); over {
					report(mctr.Limitation{Reason: mctr.ReasonDisk, Message: fmt.Sprintf(
						"disk limit exceeded: its %s holds %s, the limit is %s", p.name,
						units.BytesSize(float64(used)), units.BytesSize(float64(*p.bytes)))})
					return
				}
			}
		}
	}()
	return nil
}

// exceeds returns what p uses, and whether that is more than its limit. Nothing is known of a directory
// that is removed meanwhile.
func (i *isolator) exceeds(ctx context.Context, p part) (used int64, over bool) {
	if p.bytes == nil {
		return 0, false
	}
	u, err := i.quotas.Usage(ctx, p.dir)
	return u.Bytes, err == nil && u.Bytes > *p.bytes
}

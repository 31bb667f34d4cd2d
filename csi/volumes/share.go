package volumes

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/helper"
)

// shareTime bounds a mount of a directory of this host, and its unmount.
const shareTime = 20 * time.Second

// Share makes ROOT/csi a part of a shared mount (mount_namespaces(7), "Shared subtrees"), so that what a
// plugin mounts there in a mount namespace of its own appears on the host. If it is none, it becomes a
// mount of its own, until Unshare. The error wraps mctr.ErrState if that would hide a published volume.
func (d *Driver) Share(ctx context.Context, jobs *helper.Runner) error {
	dir := d.Store.Dir()
	if err := dirs.MakeAll(dir, 0o700); err != nil {
		return err
	}
	within, below, err := around(dir)
	if err != nil || within.isShared() {
		return err
	}
	if below != "" && within.Mountpoint != dir {
		return fmt.Errorf("%w: %s is not on a shared mount, and %s is a mount of a volume (stop its container first)",
			mctr.ErrState, dir, below)
	}
	ctx, cancel := context.WithTimeout(ctx, shareTime)
	defer cancel()
	if within.Mountpoint != dir {
		bind := helper.Request{Verb: helper.VerbMount, Source: dir, Path: dir, Flags: unix.MS_BIND}
		if _, err := jobs.Do(ctx, bind); err != nil {
			return err
		}
	}
	_, err = jobs.Do(ctx, helper.Request{Verb: helper.VerbMount, Path: dir, Flags: unix.MS_SHARED})
	return err
}

// Unshare undoes Share, unless a volume is mounted below ROOT/csi, or a plugin uses it.
func (d *Driver) Unshare(ctx context.Context, jobs *helper.Runner) error {
	dir := d.Store.Dir()
	within, below, err := around(dir)
	if err != nil || within.Mountpoint != dir || below != "" {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, shareTime)
	defer cancel()
	_, err = jobs.Do(ctx, helper.Request{Verb: helper.VerbUmount, Path: dir, Flags: unix.UMOUNT_NOFOLLOW})
	if errors.Is(err, unix.EBUSY) {
		return nil
	}
	return err
}

// A mount is a mount of this mount namespace.
type mount struct{ *mountinfo.Info }

func (m mount) isShared() bool { return strings.Contains(m.Optional, "shared:") }

// around returns the mount that a directory is in, or is the root of, and the path of one below the
// directory, "" if there is none.
func around(dir string) (within mount, below string, err error) {
	all, err := mountinfo.GetMounts(nil)
	for _, m := range all {
		rest, err := filepath.Rel(m.Mountpoint, dir)
		switch {
		case strings.HasPrefix(m.Mountpoint, dir+"/"):
			below = m.Mountpoint
		case err == nil && filepath.IsLocal(rest) &&
			(within.Info == nil || len(m.Mountpoint) >= len(within.Mountpoint)):
			within = mount{m}
		}
	}
	if err == nil && within.Info == nil {
		err = fmt.Errorf("%w: %s is in no mount of /proc/self/mountinfo", mctr.ErrState, dir)
	}
	return within, below, err
}

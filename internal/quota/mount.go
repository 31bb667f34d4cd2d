package quota

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/internal/helper"
)

// Mount mounts the filesystem of a directory that loop limits, with nosuid and nodev; for other
// means it does nothing. It may be called again, also by several processes at once. After the first
// Mount, the root directory of the filesystem is of root with mode 0755: the caller sets owner and
// mode, which stay. The error wraps ErrNotFound if the directory is not limited, and ErrState if
// Make has not finished or something else is mounted there.
func (s *Store) Mount(ctx context.Context, dir string) error {
	return s.locked(ctx, "mount", dir, func(r *Record) error {
		switch r.State {
		case "":
			return errNotLimited
		case Making, Removing:
			return stateError(r)
		}
		if r.Means == Loop {
			if mounted, err := mountedAt(r.Dir); err != nil || mounted {
				return err
			}
		}
		if r.State == Changing {
			if err := s.finishChange(ctx, r); err != nil {
				return err
			}
		}
		if r.Means != Loop {
			return nil
		}
		return loop{s}.mount(ctx, r)
	})
}

// Mounted returns true if the content of dir can be reached: by all means but loop at any time, by loop
// if Mount has mounted it in this mount namespace. It takes no lock. The error wraps ErrNotFound.
func (s *Store) Mounted(dir string) (bool, error) {
	dir, err := s.resolve(dir)
	if err != nil {
		return false, err
	}
	r, err := s.load(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("%s: %w", dir, errNotLimited)
	}
	if err != nil || r.Means != Loop {
		return err == nil, err
	}
	return mountedAt(dir)
}

// Unmount unmounts what Mount mounted, in this mount namespace. It may be called again. The error
// wraps ErrState if the filesystem is in use.
func (s *Store) Unmount(ctx context.Context, dir string) error {
	return s.locked(ctx, "unmount", dir, func(r *Record) error {
		switch {
		case r.State == "":
			return errNotLimited
		case r.Means != Loop:
			return nil
		}
		return loop{s}.unmount(ctx, r)
	})
}

var errNotLimited = fmt.Errorf("%w: it has no limits", mctr.ErrNotFound)

func stateError(r *Record) error {
	return fmt.Errorf("%w: it is %s: a call was interrupted (repeat that call, or Remove it)", mctr.ErrState, r.State)
}

func (l loop) mount(ctx context.Context, r *Record) error {
	device, err := l.device(ctx, r)
	if err != nil {
		return err
	}
	defer device.Close() // from now on, the mount holds it
	if err := failpoint.Hit("quota/attached"); err != nil {
		return err
	}
	_, err = l.Helper.Do(ctx, helper.Request{Verb: helper.VerbMount, Source: device.Name(), Path: r.Dir, Type: "ext4",
		Flags: unix.MS_NOSUID | unix.MS_NODEV, Data: "discard,errors=remount-ro"})
	if err != nil {
		return err
	}
	return failpoint.Hit("quota/mounted")
}

// device returns the loop device of r's image, open: the existing one, which may be mounted in
// another mount namespace, or else a new one, of a filesystem that was checked.
func (l loop) device(ctx context.Context, r *Record) (*os.File, error) {
	image := imageOf(r.Dir)
	if f, err := openAttached(image); f != nil || err != nil {
		return f, err
	}
	info, err := os.Stat(image)
	if err != nil {
		return nil, err
	}
	sb, err := readSuperblock(image)
	if want := int64(sb.blocks) * block; err != nil || info.Size() < want {
		return nil, errors.Join(fmt.Errorf("%w: %s is damaged: it has %d bytes, want %d (restore it, or remove the "+
			"directory)", mctr.ErrState, image, info.Size(), want), err)
	}
	if err := checkFilesystem(ctx, r); err != nil {
		return nil, err
	}
	return attach(ctx, image)
}

// unmount unmounts the filesystem as often as it is mounted: a helper that outlived its killed
// parent may have mounted it once more.
func (l loop) unmount(ctx context.Context, r *Record) error {
	for {
		if mounted, err := mountedAt(r.Dir); err != nil || !mounted {
			return err
		}
		if err := l.unmountOnce(ctx, r); err != nil {
			return err
		}
	}
}

func (l loop) unmountOnce(ctx context.Context, r *Record) error {
	_, err := l.Helper.Do(ctx, helper.Request{Verb: helper.VerbUmount, Path: r.Dir, Flags: unix.UMOUNT_NOFOLLOW})
	if errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("%w: it is in use%s: %w", mctr.ErrState, mountsNamed(r.Dir), err)
	}
	return err
}

// mountedAt returns true if the filesystem of dir's image is mounted at dir. Another mount there is
// an error that wraps ErrState.
func mountedAt(dir string) (bool, error) {
	mounts, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) { return m.Mountpoint != dir, false })
	if err != nil || len(mounts) == 0 {
		return false, err
	}
	top := mounts[len(mounts)-1]
	var image unix.Stat_t
	err = unix.Stat(imageOf(dir), &image)
	if err == nil && top.FSType == "ext4" && filepath.Dir(top.Source) == "/dev" {
		if ours, err := backs(top.Source, &image); err == nil && ours {
			return true, nil
		}
	}
	return false, mountError(top)
}

func mountError(m *mountinfo.Info) error {
	return fmt.Errorf("%w: %s of %s is mounted at %s (unmount it)", mctr.ErrState, m.FSType, m.Source, m.Mountpoint)
}

// wantNoMounts returns an error that wraps ErrState if a filesystem is mounted at dir or below.
func wantNoMounts(dir string) error {
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(dir))
	if err != nil || len(mounts) == 0 {
		return err
	}
	return mountError(mounts[len(mounts)-1])
}

// mountsNamed returns the mounts below dir, for a message.
func mountsNamed(dir string) (text string) {
	mounts, _ := mountinfo.GetMounts(mountinfo.PrefixFilter(dir))
	for _, m := range mounts {
		if m.Mountpoint != dir {
			text += fmt.Sprintf(", %s is mounted at %s", m.FSType, m.Mountpoint)
		}
	}
	return text
}

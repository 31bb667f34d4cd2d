package loopdriver

import (
	"errors"
	"fmt"
	"os"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/dirs"
)

// mounted returns true if path is a mount point, by mountinfo: a filesystem that does not answer
// cannot block it.
func mounted(path string) (bool, error) {
	mounts, err := mountinfo.GetMounts(mountinfo.SingleEntryFilter(path))
	return len(mounts) > 0, err
}

// unmount removes all mounts at path.
func unmount(path string) error {
	for {
		is, err := mounted(path)
		if err != nil || !is {
			return err
		}
		if err := unix.Unmount(path, unix.UMOUNT_NOFOLLOW); err != nil {
			return fmt.Errorf("unmount %s: %w", path, err)
		}
	}
}

// bind makes source visible at target, a directory or a file like source, which it makes.
func bind(source, target string, readonly bool) error {
	if is, err := mounted(target); err != nil || is {
		return err
	}
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if err := makeLike(info, target); err != nil {
		return err
	}
	if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
		return errors.Join(fmt.Errorf("bind %s to %s: %w", source, target, err), os.Remove(target))
	}
	if !readonly {
		return nil
	}
	if err := unix.Mount("", target, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		return errors.Join(fmt.Errorf("make %s read-only: %w", target, err), unmount(target), os.Remove(target))
	}
	return nil
}

func makeLike(source os.FileInfo, target string) error {
	if source.IsDir() {
		return dirs.MakeAll(target, 0o755)
	}
	f, err := os.OpenFile(target, os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// dropStale drops from the record of v the publications and the staging that a reboot has ended.
func (d *Driver) dropStale(v *volume) error {
	for target := range v.Published {
		is, err := mounted(target)
		if err != nil {
			return internal(err)
		}
		if !is {
			delete(v.Published, target)
		}
	}
	if v.Staged == nil {
		return nil
	}
	is, err := d.isStaged(v)
	if err == nil && !is {
		v.Staged = nil
	}
	return internal(err)
}

package backend

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// RootOf returns the layer that determines the root directory: the topmost layer with an entry for
// it. It returns false if no layer has one.
func RootOf(lowers []Lower) (string, bool) {
	for i := len(lowers) - 1; i >= 0; i-- {
		if lowers[i].Root {
			return lowers[i].Dir, true
		}
	}
	return "", false
}

// MakeRoot makes dir as the root directory above lowers, with its owner mapped by ids. It does
// nothing if dir exists. A call that is cut off leaves no dir.
func MakeRoot(dir string, lowers []Lower, ids *IDMap) error {
	if _, err := os.Lstat(dir); err == nil {
		return nil
	}
	fresh := dir + ".new"
	if err := os.Mkdir(fresh, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := setRootMetadata(fresh, lowers, ids); err != nil {
		return fmt.Errorf("make root directory %s: %w", dir, err)
	}
	return os.Rename(fresh, dir)
}

func setRootMetadata(dir string, lowers []Lower, ids *IDMap) error {
	from, ok := RootOf(lowers)
	if !ok {
		return SetDefaultRoot(dir, ids)
	}
	if err := CopyMeta(from, dir); err != nil || ids == nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Lstat(from, &st); err != nil {
		return &os.PathError{Op: "lstat", Path: from, Err: err}
	}
	if err := ids.Chown(dir, st.Uid, st.Gid); err != nil {
		return err
	}
	return unix.Chmod(dir, st.Mode&0o7777)
}

// SetDefaultRoot sets the attributes of a root directory that no layer describes: owner 0:0, mode
// 0755 and the times of the epoch.
func SetDefaultRoot(dir string, ids *IDMap) error {
	if err := ids.Chown(dir, 0, 0); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	return unix.Utimes(dir, make([]unix.Timeval, 2))
}

// CopyMeta copies the owner, mode, extended attributes and times of from to to. It does not follow
// symbolic links. It omits attributes of overlayfs itself and unescapes escaped ones.
func CopyMeta(from, to string) error {
	var st unix.Stat_t
	if err := unix.Lstat(from, &st); err != nil {
		return &os.PathError{Op: "lstat", Path: from, Err: err}
	}
	if err := os.Lchown(to, int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		if err := unix.Chmod(to, st.Mode&0o7777); err != nil {
			return &os.PathError{Op: "chmod", Path: to, Err: err}
		}
	}
	if err := copyXattrs(from, to); err != nil {
		return err
	}
	times := []unix.Timespec{st.Atim, st.Mtim}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, to, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &os.PathError{Op: "utimensat", Path: to, Err: err}
	}
	return nil
}
